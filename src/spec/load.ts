/** The roster's file, read: the only place in spec that touches the disk. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Diagnostic } from './diagnostics.ts';
import type { Roster } from './model.ts';
import { type ProblemCode, toDiagnostic } from './problems.ts';
import { err, type Result } from './result.ts';
import { MAX_ROSTER_BYTES, parseRoster } from './roster.ts';

export function loadRoster(path: string): Result<Roster, readonly Diagnostic[]> {
  const bytes = readRoster(path);
  return bytes instanceof Uint8Array ? parseRoster(bytes, path) : err([bytes]);
}

/** At most one byte more than a roster may have. Opened without waiting: a FIFO would block for ever. */
function readRoster(path: string): Uint8Array | Diagnostic {
  let fd: number | null = null;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      const what = stat.isDirectory() ? 'a directory' : 'no regular file';
      return failure('roster-not-a-file', `${path} is ${what}`, 'give the file: `-f DIRECTORY/fleet.yaml`');
    }
    return readUpTo(fd, MAX_ROSTER_BYTES + 1, stat.size);
  } catch (error) {
    return readFailure(path, error);
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** `expected` bytes are made room for at first: clearing room for the largest roster costs more than reading a usual one. */
function readUpTo(fd: number, limit: number, expected: number): Uint8Array {
  let buffer = new Uint8Array(Math.min(limit, expected + 1));
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    length += count;
    if (count === 0 || length === limit) return buffer.subarray(0, length);
    if (length < buffer.length) continue;
    // It grew while it was read.
    const larger = new Uint8Array(limit);
    larger.set(buffer);
    buffer = larger;
  }
}

function readFailure(path: string, error: unknown): Diagnostic {
  const code = error instanceof Error && 'code' in error ? String(error.code) : null;
  if (code === null) throw error;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return failure(
        'roster-missing',
        `${path} does not exist`,
        'give one with `-f FILE`, or copy the sample fleet.yaml',
      );
    case 'EACCES':
    case 'EPERM':
      return failure(
        'roster-unreadable',
        `${path}: permission denied`,
        `see \`ls -ld ${path}\`, and who you are with \`id\``,
      );
    case 'ELOOP':
      return failure('roster-unreadable', `${path}: its links go round in a circle`, `see \`ls -l ${path}\``);
    default:
      return failure('roster-unreadable', `${path}: ${code}`, null);
  }
}

function failure(code: ProblemCode, detail: string, remedy: string | null): Diagnostic {
  return toDiagnostic({ code, detail, remedy }, null);
}
