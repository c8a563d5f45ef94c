/**
 * Append whole lines to a file: what a write that was cut off left behind the last line end is cut away first, and a
 * write that fails leaves nothing behind.
 */
import { closeSync, constants, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../../spec/result.ts';
import { type Failure, failure } from '../outcome.ts';
import { errnoOf } from './failures.ts';
import { attempt, makeDirectories, writeAll } from './write-file.ts';

const LINE_END = 0x0a;
const CHUNK = 64 * 1024;
const OPEN = constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

export function appendLines(path: string, lines: string, sync: boolean): Result<null, Failure> {
  return attempt(path, 'appending to', () => {
    makeDirectories(dirname(path), 0o700);
    const { fd, isNew } = openOrMake(path);
    try {
      if (!fstatSync(fd).isFile()) {
        return err(failure('not-regular', 'Not a regular file', `${path} is there and is no regular file`));
      }
      appendTo(fd, Buffer.from(lines, 'utf8'), sync);
    } finally {
      closeSync(fd);
    }
    // Its name, too, must outlive a power failure.
    if (isNew && sync) syncDirectory(dirname(path));
    return ok(null);
  });
}

function openOrMake(path: string): { readonly fd: number; readonly isNew: boolean } {
  try {
    return { fd: openSync(path, OPEN), isNew: false };
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  return { fd: openSync(path, OPEN | constants.O_CREAT, 0o600), isNew: true };
}

function appendTo(fd: number, bytes: Buffer, sync: boolean): void {
  const { size } = fstatSync(fd);
  const end = endOfLines(fd, size);
  if (end < size) ftruncateSync(fd, end);
  try {
    writeAll(fd, bytes);
    if (sync) fdatasyncSync(fd);
  } catch (error) {
    cutOff(fd, end);
    throw error;
  }
}

/** Where the last whole line ends. */
function endOfLines(fd: number, size: number): number {
  const chunk = Buffer.alloc(Math.min(CHUNK, size));
  for (let end = size; end > 0; ) {
    const begin = Math.max(0, end - CHUNK);
    const read = readSync(fd, chunk, 0, end - begin, begin);
    const at = chunk.subarray(0, read).lastIndexOf(LINE_END);
    if (at !== -1) return begin + at + 1;
    end = begin;
  }
  return 0;
}

/** The next append cuts off what this could not. */
function cutOff(fd: number, end: number): void {
  try {
    ftruncateSync(fd, end);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
