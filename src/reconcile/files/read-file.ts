import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import type { KnownFiles } from '../../observe/known-files.ts';
import { sha256 } from '../../spec/sha256.ts';
import { failure } from '../outcome.ts';
import type { FileRead } from '../ports.ts';
import { errnoOf, fileFailure, symlinkFailure } from './failures.ts';

/** Inventories of thousands of agents have a few MiB; anything above this is not one of ours. Bytes. */
const TOO_LARGE = 64 * 1024 * 1024;

/** What was read of files before, of this very process: `known-files.ts`. */
type ReadBefore = Pick<KnownFiles, 'unchanged'>;

/** Never blocks on a FIFO, never follows a link at `path` itself. With `known` a file that nobody has touched is not read again. */
export function readWholeFile(path: string, known?: ReadBefore): FileRead {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    if (errno === 'ENOENT') return { state: 'absent' };
    return { state: 'failed', failure: errno === 'ELOOP' ? symlinkFailure(path) : fileFailure(path, errno, 'reading') };
  }
  try {
    return readOpened(path, fd, known);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return { state: 'failed', failure: fileFailure(path, errno, 'reading') };
  } finally {
    closeSync(fd);
  }
}

function readOpened(path: string, fd: number, known: ReadBefore | undefined): FileRead {
  const stat = fstatSync(fd);
  const read = (): FileRead => readAll(path, fd, stat);
  return known === undefined ? read() : known.unchanged(path, stat, read);
}

function readAll(path: string, fd: number, stat: Stats): FileRead {
  if (!stat.isFile()) {
    return { state: 'failed', failure: failure('not-regular', 'Not a regular file', `${path} is no regular file`) };
  }
  if (stat.size > TOO_LARGE) {
    return { state: 'failed', failure: failure('too-large', 'File too large', `${path} has ${stat.size} bytes`) };
  }
  const bytes = readFileSync(fd);
  const content = decode(bytes);
  if (content === null) {
    const detail = `${path} is not UTF-8 text: fleet could not give its other lines back byte for byte`;
    return { state: 'failed', failure: failure('not-text', 'Not UTF-8 text', detail, `convert it (iconv) or move it`) };
  }
  return { state: 'present', content, sha256: sha256(bytes), mode: stat.mode & 0o7777 };
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
