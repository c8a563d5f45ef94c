/**
 * The lease's file on disk. It is written in place, because the kernel's lock hangs on the inode: whoever puts another
 * file at the path has taken the lease away, and its holder sees that by the inode.
 */
import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { err, ok, type Result } from '../../spec/result.ts';
import { errnoOf, fileFailure, symlinkFailure } from '../files/failures.ts';
import { makeDirectory } from '../files/write-file.ts';
import { type Failure, failure } from '../outcome.ts';
import { type LeaseRecord, parseRecord, type RecordRead, renderRecord } from './record.ts';

/** Bytes. A record is a fifth of it. */
const LARGEST = 4096;

/** Hosts compare without regard to case, so their directory has one spelling, as for the inventory. */
export function leasePath(home: string, host: string): string {
  return join(home, '.local/state/fleet', host.toLowerCase(), 'lease');
}

/** Makes it where it is not there. The descriptor is closed on exec: no child of ours holds the lock by accident. */
export function openLease(path: string): Result<number, Failure> {
  const { O_RDWR, O_CREAT } = constants;
  const made = makeDirectory(dirname(path), 0o700);
  return made.ok ? open(path, O_RDWR | O_CREAT) : made;
}

/** For those who only look; null where there is none. */
export function readLease(path: string): Result<RecordRead | null, Failure> {
  const opened = open(path, constants.O_RDONLY);
  if (!opened.ok) return opened.error.code === 'absent' ? ok(null) : opened;
  const read = readRecord(path, opened.value);
  closeSync(opened.value);
  return read;
}

/** No link is followed at the path itself, and a FIFO blocks nobody. */
function open(path: string, flags: number): Result<number, Failure> {
  const { O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  const opened = attempt(path, 'opening', () => openSync(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o600));
  if (!opened.ok || fstatSync(opened.value).isFile()) return opened;
  closeSync(opened.value);
  return err(notRegular(path));
}

export function readRecord(path: string, fd: number): Result<RecordRead, Failure> {
  const bytes = Buffer.alloc(LARGEST);
  const read = attempt(path, 'reading', () => readSync(fd, bytes, 0, LARGEST, 0));
  return read.ok ? ok(parseRecord(bytes.toString('utf8', 0, read.value))) : read;
}

/** One write and one cut: a reader in between sees the new line, and after it what it does not read. */
export function writeRecord(path: string, fd: number, record: LeaseRecord): Result<null, Failure> {
  const bytes = Buffer.from(renderRecord(record), 'utf8');
  return attempt(path, 'writing', () => {
    const written = writeSync(fd, bytes, 0, bytes.length, 0);
    if (written < bytes.length) throw Object.assign(new Error('short write'), { code: 'ENOSPC' });
    ftruncateSync(fd, bytes.length);
    return null;
  });
}

/** Whether the path still leads to the file that was opened. False where nothing, or something else, is there. */
export function isStillThere(path: string, fd: number): Result<boolean, Failure> {
  return attempt(path, 'looking at', () => {
    const there = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    const ours = fstatSync(fd, { bigint: true });
    return there !== undefined && there.ino === ours.ino && there.dev === ours.dev;
  });
}

export function attempt<T>(path: string, doing: string, work: () => T): Result<T, Failure> {
  try {
    return ok(work());
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    if (errno === 'ELOOP') return err(symlinkFailure(path));
    if (errno === 'EISDIR' || errno === 'ENXIO') return err(notRegular(path));
    if (errno === 'ENOENT') return err(failure('absent', 'It is not there', `${doing} ${path}: ${errno}`));
    return err(fileFailure(path, errno, doing));
  }
}

function notRegular(path: string): Failure {
  const remedy = `look at what it is (ls -ld ${path}) and move it away (mv ${path} ${path}.old), then run fleet again`;
  return failure('not-regular', 'Not a regular file', `${path} is there and is no regular file`, remedy);
}
