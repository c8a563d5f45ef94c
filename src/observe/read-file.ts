/**
 * Reads files that others write, without ever blocking, following a link, or reading more than was asked for. A FIFO
 * opened the ordinary way blocks until somebody writes to it, and O_NOFOLLOW guards the last component of a path only,
 * so the directory is opened by itself and the file through `/proc/self/fd`.
 */
import { constants, readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Unknown, UnknownCode } from './state.ts';
import { type Inode, isDirectory, isFifo, isFile, isLink, isSocket, sys } from './system-calls.ts';

export type FileRead =
  | { readonly state: 'absent' }
  | { readonly state: 'read'; readonly bytes: Buffer; readonly mode: number; readonly modified_ms: number }
  | { readonly state: 'unknown'; readonly why: UnknownCode; readonly detail: string };

export interface ReadRules {
  readonly maxBytes: number;
  /** Users whose files are believed; null = anybody's. */
  readonly owners: readonly number[] | null;
  /** Follow a link in the last component. Default: a link is `not-regular`. */
  readonly followsLink?: boolean;
}

export interface Directory {
  readonly state: 'open';
  /** All names in it. */
  names(): ({ readonly state: 'listed' } & Pick<Listed, 'names' | 'all'>) | UnknownRead;
  /** Of the file `name` + `suffix`. */
  read(name: string, rules: ReadRules, suffix?: string): FileRead;
  /** A path by which the kernel finds `name` in this very directory; good until `close`. */
  pathOf(name: string): string;
  close(): void;
}

export type UnknownRead = { readonly state: 'unknown'; readonly why: UnknownCode; readonly detail: string };
export type DirectoryRead = Directory | { readonly state: 'absent' } | UnknownRead;

const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
const OPEN_FILE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** What was read before. */
export interface ReadBefore {
  /** What was read of this path before, the very object, where the file is still the same; null where it is to be read. */
  readonly recall: (path: string, found: Inode) => FileRead | null;
  /** `opened` was taken of the open file, before it was read. */
  readonly keep: (path: string, opened: Inode, read: FileRead) => void;
  /** What `read` gave of this open file before, where it is still the same; else what it gives. A directory's path ends in a slash. */
  readonly unchanged: <T>(path: string, found: Inode, read: () => T) => T;
  /** `before` + name + `after` by name: a path that is put together anew is copied and hashed again wherever it is used. */
  readonly joined: (before: string, after: string) => Joined;
}

/** Filled by whoever asks (`joinedIn`). */
export type Joined = Map<string, string>;

/** Names in a directory; those of regular files also by themselves. */
export interface Listed {
  readonly names: readonly string[];
  readonly all: ReadonlySet<string>;
  readonly regular: ReadonlySet<string>;
}

export interface OpenRules {
  /** Follow a link to the directory. */
  readonly followsLink?: boolean;
  /** Files in it that are the same as they were are not read again. */
  readonly known?: ReadBefore | undefined;
}

/** Opens a directory that is no link itself, unless told to follow one; `owners` as in `ReadRules`. Close it. */
export function openDirectory(path: string, owners: readonly number[] | null, rules: OpenRules = {}): DirectoryRead {
  const followsLink = rules.followsLink === true;
  let fd: number;
  try {
    if (sys.lstat(path) === null) return { state: 'absent' };
    fd = sys.open(path, followsLink ? OPEN_DIRECTORY : OPEN_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return { state: 'absent' };
    if (code === 'ENOTDIR' || code === 'ELOOP') return refused('not-regular', `${path} is a link or no directory`);
    return unreadable(path, error);
  }
  if (owners !== null && !owners.includes(sys.fstat(fd).uid)) {
    sys.close(fd);
    return refused('denied', `${path} belongs to another user`);
  }
  return directory(path, fd, rules.known);
}

function directory(path: string, fd: number, known: ReadBefore | undefined): Directory {
  // By number: following /proc/self to it costs half of an open again (measured, 1,000 files on an overlay).
  const pathOf = (name: string) => `/proc/${process.pid}/fd/${fd}/${name}`;
  const inside = `${path}/`;
  let paths: { readonly suffix: string; readonly joined: Joined } | null = null;
  /** Names that were listed as regular files: they are opened without being looked at first. */
  let regular: ReadonlySet<string> | null = null;
  return {
    state: 'open',
    pathOf,
    names() {
      const list = (): Listed => {
        const entries = readdirSync(pathOf(''), { withFileTypes: true });
        const files = entries.filter((entry) => entry.isFile());
        const names = entries.map((entry) => entry.name);
        return { names, all: new Set(names), regular: new Set(files.map((entry) => entry.name)) };
      };
      try {
        const listed = known === undefined ? list() : known.unchanged(`${path}/`, sys.fstat(fd), list);
        regular = listed.regular;
        return { state: 'listed', names: listed.names, all: listed.all };
      } catch (error) {
        return unreadable(path, error);
      }
    },
    read: (before, rules, suffix = '') => {
      if (known !== undefined && paths?.suffix !== suffix) paths = { suffix, joined: known.joined(inside, suffix) };
      const shown = joinedIn(paths?.joined, inside, before, suffix);
      const found = recall(shown, rules, known);
      if (found !== null) return found;
      const name = `${before}${suffix}`;
      return readAt(pathOf(name), shown, rules, regular?.has(name) === true, known);
    },
    close: () => sys.close(fd),
  };
}

/** The three in one, in one piece: what V8 puts together of others is a tree of them until somebody needs it whole. */
export function joinedIn(joined: Joined | undefined, before: string, name: string, after: string): string {
  if (joined === undefined) return `${before}${name}${after}`;
  const known = joined.get(name);
  if (known !== undefined) return known;
  const whole = Buffer.from(`${before}${name}${after}`, 'utf8').toString('utf8');
  joined.set(name, whole);
  return whole;
}

/** One file by its path, its directory guarded as by `openDirectory` (of any owner). */
export function readFileSafely(path: string, rules: ReadRules): FileRead {
  const opened = openDirectory(dirname(path), null);
  if (opened.state !== 'open') return opened;
  try {
    return opened.read(basename(path), rules);
  } finally {
    opened.close();
  }
}

/**
 * What was read of it before, where it is the same file still; null where it is to be read. By its own path, which costs the
 * kernel half of what the way through /proc costs (measured): whatever leads to that very inode leads to what was read of it.
 */
function recall(shown: string, rules: ReadRules, known: ReadBefore | undefined): FileRead | null {
  if (known === undefined || rules.followsLink === true) return null;
  try {
    const found = sys.lstat(shown);
    return found === null || whatIsWrong(shown, found, rules) !== null ? null : known.recall(shown, found);
  } catch {
    // What stands in the way is told by reading it.
    return null;
  }
}

/** `path` is what the kernel is given, `shown` what people are told. */
function readAt(path: string, shown: string, rules: ReadRules, isRegular: boolean, known?: ReadBefore): FileRead {
  let fd: number;
  try {
    const found = isRegular ? 'not asked' : sys.lstat(path);
    if (found === null) return { state: 'absent' };
    const follows = rules.followsLink === true && found !== 'not asked' && isLink(found);
    // Looked at before it is opened: opening a FIFO, even without blocking, wakes who waits at its other end.
    const wrong = follows || found === 'not asked' ? null : whatIsWrong(shown, found, rules);
    if (wrong !== null) return wrong;
    fd = sys.open(path, follows ? OPEN_FILE : OPEN_FILE | constants.O_NOFOLLOW);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return { state: 'absent' };
    if (code === 'ELOOP') return refused('not-regular', `${shown} is a symbolic link`);
    return unreadable(shown, error);
  }
  try {
    const opened = sys.fstat(fd);
    const wrong = whatIsWrong(shown, opened, rules);
    if (wrong !== null) return wrong;
    const bytes = readUpTo(fd, opened.size, rules.maxBytes);
    if (bytes === null) return tooLarge(shown, rules.maxBytes);
    const { mode, mtimeMs } = opened;
    const read: FileRead = { state: 'read', bytes, mode: mode & 0o7777, modified_ms: Math.trunc(mtimeMs) };
    known?.keep(shown, opened, read);
    return read;
  } catch (error) {
    return unreadable(shown, error);
  } finally {
    sys.close(fd);
  }
}

function whatIsWrong(shown: string, stats: Inode, rules: ReadRules): UnknownRead | null {
  if (!isFile(stats)) return refused('not-regular', `${shown} is ${kindOf(stats)}, not a regular file`);
  if (rules.owners !== null && !rules.owners.includes(stats.uid)) {
    return refused('denied', `${shown} belongs to another user (uid ${stats.uid})`);
  }
  return stats.size > rules.maxBytes ? tooLarge(shown, rules.maxBytes) : null;
}

/** All of it, or null where it is longer than `max`: it may grow while it is read. */
function readUpTo(fd: number, expected: number, max: number): Buffer | null {
  let buffer = Buffer.allocUnsafe(expected + 1);
  let length = 0;
  for (;;) {
    const read = sys.read(fd, buffer, length, buffer.length - length, null);
    length += read;
    if (length > max) return null;
    // One byte more than the file had was asked for: less means that this is its end.
    if (length < buffer.length) return buffer.subarray(0, length);
    buffer = Buffer.concat([buffer], Math.min(buffer.length * 2, max + 1));
  }
}

function kindOf(stats: Inode): string {
  if (isLink(stats)) return 'a symbolic link';
  if (isDirectory(stats)) return 'a directory';
  if (isFifo(stats)) return 'a FIFO';
  if (isSocket(stats)) return 'a socket';
  return 'a device';
}

function tooLarge(shown: string, max: number): UnknownRead {
  return refused('too-large', `${shown} is larger than ${max} bytes`);
}

function refused(why: UnknownCode, detail: string): UnknownRead {
  return { state: 'unknown', why, detail };
}

function unreadable(shown: string, error: unknown): UnknownRead {
  const failed = unknownError(shown, error);
  return { state: 'unknown', why: failed.why, detail: failed.detail };
}

/** A failed system call as an unknown: EACCES and EPERM are `denied`, all else is `io`. */
export function unknownError(shown: string, error: unknown): Unknown {
  const code = errorCode(error);
  const why = code === 'EACCES' || code === 'EPERM' ? 'denied' : 'io';
  return { status: 'unknown', why, detail: `${shown} cannot be read: ${code}` };
}

/** `ENOENT` and the like; of anything else its text. */
export function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return String(error);
}
