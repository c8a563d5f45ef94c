/**
 * Small synchronous reads under /proc, where files tell no size and may vanish at any moment. Synchronous on purpose:
 * hundreds of tiny reads cost a fraction of what as many trips through the thread pool do.
 */
import { constants } from 'node:fs';
import type { UnknownCode } from '../state.ts';
import { isFile, sys } from '../system-calls.ts';

export interface ReadFailure {
  readonly why: UnknownCode;
  readonly detail: string;
  /** The file or its process is not there (ENOENT, ESRCH). */
  readonly gone: boolean;
}

export type ReadOutcome =
  | { readonly ok: true; readonly bytes: Buffer }
  | { readonly ok: false; readonly error: ReadFailure };

/** Bytes. The kernel lets an environment or a command line grow to a quarter of the stack limit, 2 MiB by default. */
const LIMIT = 4 * 1024 * 1024;
const CHUNK = Buffer.allocUnsafe(64 * 1024);

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}

export function readFailure(error: unknown, path: string): ReadFailure {
  const code = errnoOf(error);
  const gone = code === 'ENOENT' || code === 'ESRCH' || code === 'ENOTDIR';
  const why = code === 'EACCES' || code === 'EPERM' ? 'denied' : code === 'EFBIG' ? 'too-large' : 'io';
  return { why, detail: `cannot read ${path}: ${code}`, gone };
}

/**
 * `fills-buffer`: files of which the kernel gives as much as is asked for, so that less is their end: a process's command
 * line and environment (fs/proc/base.c: get_mm_cmdline, environ_read). `in-pieces`: all others, whose end is a read of nothing.
 */
type Gives = 'in-pieces' | 'fills-buffer';

/** The whole file. The bytes are valid until the next call: decode them at once. */
export function readWhole(path: string, gives: Gives = 'in-pieces'): ReadOutcome {
  let fd: number;
  try {
    fd = sys.open(path, constants.O_RDONLY);
  } catch (error) {
    return { ok: false, error: readFailure(error, path) };
  }
  try {
    return { ok: true, bytes: readToEnd(fd, gives) };
  } catch (error) {
    return { ok: false, error: readFailure(error, path) };
  } finally {
    sys.close(fd);
  }
}

/**
 * A regular file of at most `limit` bytes, else null. Opened without waiting: a FIFO of that name would otherwise hang
 * the program.
 */
export function readRegular(path: string, limit: number): string | null {
  let fd: number;
  try {
    fd = sys.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const stat = sys.fstat(fd);
    return isFile(stat) && stat.size <= limit ? readToEnd(fd, 'in-pieces').toString('utf8') : null;
  } catch {
    return null;
  } finally {
    sys.close(fd);
  }
}

function readToEnd(fd: number, gives: Gives): Buffer {
  let length = 0;
  while (length < CHUNK.length) {
    const count = sys.read(fd, CHUNK, length, CHUNK.length - length, null);
    length += count;
    const ends = count === 0 || (gives === 'fills-buffer' && length < CHUNK.length);
    if (ends) return CHUNK.subarray(0, length);
  }
  return readOn(fd, Buffer.from(CHUNK));
}

function readOn(fd: number, head: Buffer): Buffer {
  const parts = [head];
  let total = head.length;
  for (;;) {
    const count = sys.read(fd, CHUNK, 0, CHUNK.length, null);
    if (count === 0) return Buffer.concat(parts);
    total += count;
    if (total > LIMIT) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
    parts.push(Buffer.from(CHUNK.subarray(0, count)));
  }
}
