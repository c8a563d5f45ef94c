/**
 * The journal of events, `events.jsonl`: appended to, and moved to `events.1.jsonl`, `events.2.jsonl`, ... when it has
 * grown, the oldest dropped. One writer, the controller. A line that a crash cut off is ended before the next is added.
 */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../../spec/result.ts';
import { errnoOf, fileFailure } from '../files/failures.ts';
import { isStillThere } from '../lease/file.ts';
import type { Failure } from '../outcome.ts';

/** Bytes of one file, and how many there are with the one that is written to: about 20,000 events in all. */
const MAX_BYTES = 1024 * 1024;
const FILES = 4;

export interface EventsFile {
  readonly append: (events: readonly object[]) => Result<null, Failure>;
  readonly close: () => void;
}

/** `events.jsonl` is the first, 0. */
export function eventsPath(path: string, index: number): string {
  return index === 0 ? path : path.replace(/\.jsonl$/, `.${index}.jsonl`);
}

/** From the newest to the oldest; not all of them need be there. */
export function eventsPaths(path: string): readonly string[] {
  return Array.from({ length: FILES }, (_none, index) => eventsPath(path, index));
}

/** Nothing is made before the first event. `render` gives one line. */
export function openEvents(
  path: string,
  render: (event: object) => string = JSON.stringify,
  maxBytes = MAX_BYTES,
): EventsFile {
  let fd: number | null = null;
  const close = (): void => {
    if (fd !== null) closeSync(fd);
    fd = null;
  };
  const open = (): number => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    const opened = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    if (!endsWithNewline(opened)) writeSync(opened, '\n');
    return opened;
  };
  const rotate = (): void => {
    close();
    for (let index = FILES - 1; index > 0; index -= 1)
      moveIfThere(eventsPath(path, index - 1), eventsPath(path, index));
  };
  const append = (events: readonly object[]): Result<null, Failure> => {
    if (events.length === 0) return ok(null);
    try {
      // Moved away or removed meanwhile: whoever reads the journal reads what is at the path.
      if (fd !== null && !leadsTo(path, fd)) close();
      fd ??= open();
      // One write: whoever follows the file sees whole lines.
      writeSync(fd, events.map((event) => `${render(event)}\n`).join(''));
      if (fstatSync(fd).size >= maxBytes) rotate();
      return ok(null);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === null) throw error;
      close();
      return err(fileFailure(path, errno, 'writing'));
    }
  };
  return { append, close };
}

function leadsTo(path: string, fd: number): boolean {
  const there = isStillThere(path, fd);
  return there.ok && there.value;
}

function endsWithNewline(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
