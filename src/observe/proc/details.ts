/**
 * What single processes tell about themselves, read when first asked for and kept. Only of the same user (or as root)
 * are the executable, the directory, the environment and standard input readable; the command line is everybody's.
 */
import type { Source } from '../state.ts';
import { sys } from '../system-calls.ts';
import { readFailure, readWhole } from './read-file.ts';

export interface ProcessDetails {
  /** Real path of the executable, also where the file has since been replaced or removed; null = not readable. */
  exe(pid: number): string | null;
  cwd(pid: number): Source<string>;
  /**
   * argv, [] for a zombie, a kernel thread or one that is gone, null = there and not readable. A program that wrote a title over its argv leaves
   * empty strings behind it: they are kept, for by them it is known.
   */
  cmdline(pid: number): readonly string[] | null;
  /** As the process was started: later changes by itself are not seen. */
  environ(pid: number): Source<ReadonlyMap<string, string>>;
  /** What file descriptor 0 is, for example `/dev/pts/3` or `pipe:[1234]`; null = closed or not readable. */
  fd0(pid: number): string | null;
  /** How a zombie ended; null = it is none, or not readable. */
  ending(pid: number): ProcessEnding | null;
}

/** One of the two is null. `signal` is its number, as tmux prints it. */
export interface ProcessEnding {
  readonly status: number | null;
  readonly signal: string | null;
}

export function readProcessDetails(procRoot = '/proc'): ProcessDetails {
  return new DetailsIn(procRoot);
}

class DetailsIn implements ProcessDetails {
  readonly #procRoot: string;
  readonly #exes = new Map<number, string | null>();
  readonly #cwds = new Map<number, Source<string>>();
  readonly #cmdlines = new Map<number, readonly string[] | null>();
  readonly #environs = new Map<number, Source<ReadonlyMap<string, string>>>();
  readonly #inputs = new Map<number, string | null>();
  readonly #endings = new Map<number, ProcessEnding | null>();

  constructor(procRoot: string) {
    this.#procRoot = procRoot;
  }

  exe(pid: number): string | null {
    return this.#once(this.#exes, pid, readExe);
  }

  cwd(pid: number): Source<string> {
    return this.#once(this.#cwds, pid, readCwd);
  }

  cmdline(pid: number): readonly string[] | null {
    return this.#once(this.#cmdlines, pid, readCmdline);
  }

  environ(pid: number): Source<ReadonlyMap<string, string>> {
    return this.#once(this.#environs, pid, readEnviron);
  }

  fd0(pid: number): string | null {
    return this.#once(this.#inputs, pid, readInput);
  }

  ending(pid: number): ProcessEnding | null {
    return this.#once(this.#endings, pid, readEnding);
  }

  #once<T>(told: Map<number, T>, pid: number, read: (directory: string) => T): T {
    const known = told.get(pid);
    if (known !== undefined) return known;
    const value = read(`${this.#procRoot}/${pid}`);
    told.set(pid, value);
    return value;
  }
}

function readExe(directory: string): string | null {
  const link = readLink(`${directory}/exe`);
  return link.status === 'known' ? withoutDeleted(link.value) : null;
}

function readCwd(directory: string): Source<string> {
  return readLink(`${directory}/cwd`);
}

function readCmdline(directory: string): readonly string[] | null {
  const read = readWhole(`${directory}/cmdline`, 'fills-buffer');
  if (read.ok) return parseCmdline(read.bytes.toString('utf8'));
  return read.error.gone ? [] : null;
}

function readEnviron(directory: string): Source<ReadonlyMap<string, string>> {
  const read = readWhole(`${directory}/environ`, 'fills-buffer');
  if (!read.ok) return { status: 'unknown', why: read.error.why, detail: read.error.detail };
  return { status: 'known', value: parseEnviron(read.bytes.toString('utf8')) };
}

function readInput(directory: string): string | null {
  const link = readLink(`${directory}/fd/0`);
  return link.status === 'known' ? link.value : null;
}

/**
 * The last field of a zombie's stat line, as waitpid(2) would give it. To those who may not know it the kernel says 0
 * (man 5 proc), so they are told first: a zombie's executable is not there for its owner, and denied to others.
 */
function readEnding(directory: string): ProcessEnding | null {
  try {
    sys.readlink(`${directory}/exe`);
    return null;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') return null;
  }
  const stat = readWhole(`${directory}/stat`);
  return stat.ok ? parseEnding(stat.bytes.toString('utf8')) : null;
}

/** Null where the line is not a zombie's. */
export function parseEnding(line: string): ProcessEnding | null {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const code = Number(fields[49] ?? Number.NaN);
  if (fields[0] !== 'Z' || !Number.isInteger(code)) return null;
  const signal = code & 0x7f;
  return signal === 0 ? { status: code >> 8, signal: null } : { status: null, signal: String(signal) };
}

/** NUL-terminated words to argv; only the last terminator is dropped. */
export function parseCmdline(raw: string): readonly string[] {
  if (raw === '') return [];
  return (raw.endsWith('\0') ? raw.slice(0, -1) : raw).split('\0');
}

/**
 * Names of the environment before, in their order: those of one fleet are alike, and what is there already need not be cut
 * out of the text and hashed again.
 */
let alike: readonly string[] = [];

/** Of a name that is there twice the first counts, as for getenv. Words without `=` are no variables. */
export function parseEnviron(raw: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  const names: string[] = [];
  for (let at = 0; at < raw.length; ) {
    const next = raw.indexOf('\0', at);
    const end = next === -1 ? raw.length : next;
    const name = nameAt(raw, at, end, alike[names.length]);
    if (name !== '') {
      names.push(name);
      if (!variables.has(name)) variables.set(name, raw.slice(at + name.length + 1, end));
    }
    at = end + 1;
  }
  alike = names;
  return variables;
}

/** Empty where the word is no variable. */
function nameAt(raw: string, at: number, end: number, guess: string | undefined): string {
  if (guess !== undefined && raw.charCodeAt(at + guess.length) === EQUALS && raw.startsWith(guess, at)) return guess;
  const equals = raw.indexOf('=', at);
  return equals === -1 || equals >= end ? '' : raw.slice(at, equals);
}

const EQUALS = '='.charCodeAt(0);

/** An agent that has updated itself runs on from a file that is gone: `/proc/PID/exe` then ends in ` (deleted)`. */
function withoutDeleted(path: string): string {
  return path.endsWith(' (deleted)') ? path.slice(0, -' (deleted)'.length) : path;
}

function readLink(path: string): Source<string> {
  try {
    return { status: 'known', value: sys.readlink(path) };
  } catch (error) {
    const failure = readFailure(error, path);
    return { status: 'unknown', why: failure.why, detail: failure.detail };
  }
}
