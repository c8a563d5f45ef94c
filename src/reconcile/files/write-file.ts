/**
 * Replace a file in one step: a temporary file beside it, fsync, rename, fsync of the directory. A file rewritten in
 * place was read empty or torn by others (measured: 2,616 torn reads against 0 of 438,333 with rename).
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { err, ok, type Result } from '../../spec/result.ts';
import { type Failure, failure } from '../outcome.ts';
import type { WriteMode } from '../ports.ts';
import { errnoOf, fileFailure, symlinkFailure } from './failures.ts';

export function replaceFile(path: string, content: string, mode: WriteMode): Result<null, Failure> {
  return attempt(path, 'writing', () => {
    makeDirectories(dirname(path), 0o700);
    const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return replaceIn(directory, path, content, mode);
    } finally {
      closeSync(directory);
    }
  });
}

/** All through the directory's descriptor: nobody can put another directory in its place meanwhile. */
function replaceIn(directory: number, path: string, content: string, mode: WriteMode): Result<null, Failure> {
  const inside = `/proc/self/fd/${directory}`;
  const target = join(inside, basename(path));
  const existing = lstatSync(target, { throwIfNoEntry: false });
  if (existing?.isSymbolicLink()) return err(symlinkFailure(path));
  if (existing !== undefined && !existing.isFile()) {
    return err(failure('not-regular', 'Not a regular file', `${path} is there and is no regular file`));
  }
  removeAbandoned(inside, basename(path));
  const temporary = join(inside, temporaryName(basename(path), process.pid));
  const wantedMode = 'always' in mode ? mode.always : existing === undefined ? mode.ifNew : existing.mode & 0o7777;
  try {
    writeNew(temporary, content, wantedMode);
    renameSync(temporary, target);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
  fsyncSync(directory);
  return ok(null);
}

function writeNew(path: string, content: string, mode: number): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o600);
  try {
    writeAll(fd, Buffer.from(content, 'utf8'));
    // The mode last: not even for an instant are the contents readable by more than the finished file allows.
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function writeAll(fd: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

export function removeFile(path: string): Result<null, Failure> {
  return attempt(path, 'removing', () => {
    const existing = lstatSync(path, { throwIfNoEntry: false });
    if (existing === undefined) return ok(null);
    if (existing.isSymbolicLink()) return err(symlinkFailure(path));
    unlinkSync(path);
    return ok(null);
  });
}

export function makeDirectory(path: string, mode: number): Result<null, Failure> {
  return attempt(path, 'making the directory', () => {
    makeDirectories(path, mode);
    return ok(null);
  });
}

/** One by one: on a read-only disk the recursive mkdir of Node 20 fails with ENOENT, where the kernel said EROFS. */
export function makeDirectories(path: string, mode: number): void {
  if (isDirectory(path)) return;
  if (dirname(path) !== path) makeDirectories(dirname(path), mode);
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Somebody else made it meanwhile.
    if (errnoOf(error) !== 'EEXIST' || !isDirectory(path)) throw error;
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

const temporaryName = (name: string, pid: number): string => `.${name}.fleet-${pid}.tmp`;

/** Left by a fleet that was killed while writing: this very process's own, and those of processes that are gone. */
function removeAbandoned(directory: string, name: string): void {
  for (const entry of readdirSync(directory)) {
    if (!entry.startsWith(`.${name}.fleet-`) || !entry.endsWith('.tmp')) continue;
    const pid = Number(entry.slice(`.${name}.fleet-`.length, -'.tmp'.length));
    const abandoned = pid === process.pid || lstatSync(`/proc/${pid}`, { throwIfNoEntry: false }) === undefined;
    if (Number.isInteger(pid) && abandoned) removeQuietly(join(directory, entry));
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
  }
}

/** What the disk refuses is data; any other exception is a bug and goes on up. */
export function attempt(path: string, doing: string, act: () => Result<null, Failure>): Result<null, Failure> {
  try {
    return act();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return err(fileFailure(path, errno, doing));
  }
}
