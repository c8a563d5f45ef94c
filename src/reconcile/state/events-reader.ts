/** Reading the journal of events while the controller writes it, over its rotations. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { err, ok, type Result } from '../../spec/result.ts';
import { errnoOf, fileFailure } from '../files/failures.ts';
import type { Failure } from '../outcome.ts';
import { type Fields, parseFields } from './document.ts';
import { eventsPaths } from './events-file.ts';

export interface EventsReader<T> {
  /** What was written since the last call, oldest first; at first all that is kept. Half a line waits for its end. */
  readonly next: () => Result<readonly T[], Failure>;
  readonly close: () => void;
}

interface Opened {
  readonly fd: number;
  readonly ino: number;
  at: number;
  rest: string;
}

const CHUNK = 64 * 1024;

/** `parse`: null for what is no event; such a line, as one that a crash cut off, is passed over. */
export function readEvents<T>(path: string, parse: (fields: Fields) => T | null): EventsReader<T> {
  let current: Opened | null = null;
  const close = (): void => {
    if (current !== null) closeSync(current.fd);
    current = null;
  };
  const next = (): Result<readonly T[], Failure> => {
    try {
      const events: T[] = [];
      for (const file of toRead(path, current)) {
        if (file !== current) {
          close();
          current = file;
        }
        events.push(...readOn(file).flatMap((fields) => parse(fields) ?? []));
      }
      return ok(events);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === null) throw error;
      return err(fileFailure(path, errno, 'reading'));
    }
  };
  return { next, close };
}

/** The file that is being read, and those that are newer; at first all of them. Oldest first. */
function toRead(path: string, current: Opened | null): readonly Opened[] {
  const found: Opened[] = [];
  for (const name of eventsPaths(path)) {
    if (current !== null && inodeOf(name) === current.ino) return [current, ...found.reverse()];
    const opened = open(name);
    if (opened !== null) found.push(opened);
  }
  return [...(current === null ? [] : [current]), ...found.reverse()];
}

function inodeOf(path: string): number | null {
  return lstatSync(path, { throwIfNoEntry: false })?.ino ?? null;
}

function open(path: string): Opened | null {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return { fd, ino: fstatSync(fd).ino, at: 0, rest: '' };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function readOn(file: Opened): readonly Fields[] {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(CHUNK);
    const count = readSync(file.fd, chunk, 0, CHUNK, file.at);
    if (count === 0) break;
    file.at += count;
    chunks.push(chunk.subarray(0, count));
  }
  const lines = (file.rest + Buffer.concat(chunks).toString('utf8')).split('\n');
  file.rest = lines.pop() ?? '';
  return lines.map(parseFields).filter((fields) => fields !== null);
}
