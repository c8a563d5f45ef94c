/**
 * System calls on files, as the observation makes thousands of them: nothing around them, and of an inode only what is asked.
 *
 * `node:fs` makes four dates of each inode and checks each argument again; in a command that ends before its code is
 * compiled that is most of what a small file costs (docs/performance.md). What it calls itself does without, and is used
 * where `node-own.ts` has it; everywhere else `node:fs` is, which does the same. Errors are the very same: `code`, `syscall`,
 * `path`. Source: lib/fs.js and getStatsFromBinding in lib/internal/fs/utils.js of Node 20.
 */
import * as fs from 'node:fs';
import { type Binding, nodeBinding } from '../spec/node-own.ts';

/** As stat(2) tells; times in Unix milliseconds, not rounded. */
export interface Inode {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  /** Bytes. */
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
}

/** All throw as `node:fs` does; null: there is no such file (ENOENT). */
export interface SystemCalls {
  readonly open: (path: string, flags: number) => number;
  /** `position` null: where the last read ended. Bytes read; 0 at the end. */
  readonly read: (fd: number, buffer: Buffer, offset: number, length: number, position: number | null) => number;
  readonly close: (fd: number) => void;
  readonly stat: (path: string) => Inode | null;
  readonly lstat: (path: string) => Inode | null;
  readonly fstat: (fd: number) => Inode;
  readonly readlink: (path: string) => string;
}

const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK } = fs.constants;

export const isFile = ({ mode }: Inode): boolean => (mode & S_IFMT) === S_IFREG;
export const isDirectory = ({ mode }: Inode): boolean => (mode & S_IFMT) === S_IFDIR;
export const isLink = ({ mode }: Inode): boolean => (mode & S_IFMT) === S_IFLNK;
export const isFifo = ({ mode }: Inode): boolean => (mode & S_IFMT) === S_IFIFO;
export const isSocket = ({ mode }: Inode): boolean => (mode & S_IFMT) === S_IFSOCK;

const IF_THERE = { throwIfNoEntry: false } as const;

export const PUBLIC: SystemCalls = {
  open: (path, flags) => fs.openSync(path, flags),
  read: (fd, buffer, offset, length, position) => fs.readSync(fd, buffer, offset, length, position),
  close: (fd) => fs.closeSync(fd),
  stat: (path) => fs.statSync(path, IF_THERE) ?? null,
  lstat: (path) => fs.lstatSync(path, IF_THERE) ?? null,
  fstat: (fd) => fs.fstatSync(fd),
  readlink: (path) => fs.readlinkSync(path),
};

/** What `node:fs` calls. The numbers of an inode are written into one array, the same each time. */
interface FsBinding {
  open(path: string, flags: number, mode: number): number;
  read(fd: number, buffer: Buffer, offset: number, length: number, position: number): number;
  close(fd: number): void;
  stat(path: string, bigint: false, request: undefined, throwIfNoEntry: boolean): Float64Array | undefined;
  lstat(path: string, bigint: false, request: undefined, throwIfNoEntry: boolean): Float64Array | undefined;
  fstat(fd: number, bigint: false, request: undefined, shouldNotThrow: boolean): Float64Array;
  readlink(path: string, encoding: 'utf8'): string;
}

const NAMES = ['open', 'read', 'close', 'stat', 'lstat', 'fstat', 'readlink'] as const;

/** Null where `binding` has not all of them. */
export function ownCalls(binding: Binding | null): SystemCalls | null {
  if (binding === null || NAMES.some((name) => typeof binding[name] !== 'function')) return null;
  const own = binding as unknown as FsBinding;
  return {
    open: (path, flags) => own.open(whole(path), flags, 0o666),
    read: (fd, buffer, offset, length, position) => own.read(fd, buffer, offset, length, position ?? -1),
    close: (fd) => own.close(fd),
    stat: (path) => inode(own.stat(whole(path), false, undefined, false)),
    lstat: (path) => inode(own.lstat(whole(path), false, undefined, false)),
    fstat: (fd) => told(own.fstat(fd, false, undefined, false)),
    readlink: (path) => own.readlink(whole(path), 'utf8'),
  };
}

/** The kernel takes a path up to its first NUL: that would be another file. `node:fs` refuses it. */
function whole(path: string): string {
  if (path.includes('\0')) fs.accessSync(path);
  return path;
}

function inode(numbers: Float64Array | undefined): Inode | null {
  return numbers === undefined ? null : told(numbers);
}

/** By index: device 0, mode 1, owner 3, inode 7, size 8; seconds and nanoseconds, of the content from 12, of the inode from 14. */
function told(numbers: Float64Array): Inode {
  return {
    dev: at(numbers, 0),
    mode: at(numbers, 1) >>> 0,
    uid: at(numbers, 3) >>> 0,
    ino: at(numbers, 7),
    size: at(numbers, 8),
    mtimeMs: at(numbers, 12) * 1000 + at(numbers, 13) / 1e6,
    ctimeMs: at(numbers, 14) * 1000 + at(numbers, 15) / 1e6,
  };
}

function at(numbers: Float64Array, index: number): number {
  return numbers[index] as number;
}

export const sys: SystemCalls = ownCalls(nodeBinding('fs')) ?? PUBLIC;
