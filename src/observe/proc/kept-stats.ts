/**
 * The stat lines of all processes from look to look, by descriptors that stay open: to open, read and close a thousand
 * files under /proc takes more than twice what reading them again takes, and most lines are the same bytes as before.
 *
 * A descriptor of /proc/PID/stat is that of one process for good: when it has ended reading fails with ESRCH, also
 * where another one has got its number by then. Whoever may know what is judged at each read, not when it was opened.
 * Every line is read anew at every look; only what was made of the very same bytes is taken from before.
 */
import { constants, readFileSync } from 'node:fs';
import { sys } from '../system-calls.ts';
import { LONGEST_LINE, NOBODY, OwnedEntry, OwnerUnread, parseStat, type StatLine } from './entry.ts';
import { readFailure } from './read-file.ts';
import { type EntryRead, readEntry, type StatReader } from './table.ts';

/** How many are kept open, whatever the limit of descriptors. */
const MOST = 4_096;
/** Of the limit: the rest is for everything else that this process opens. */
const SHARE = 1 / 4;

const LINE = Buffer.allocUnsafe(LONGEST_LINE);

export interface KeptStats extends StatReader {
  readonly close: () => void;
}

interface Kept {
  readonly fd: number;
  /** Of its directory in `/proc`: the process's number. */
  readonly name: string;
  readonly procRoot: string;
  readonly directory: string;
  bytes: Buffer;
  entry: OwnedEntry;
  /** Of the last look that read it. */
  look: number;
}

/** `most`: descriptors that are kept open at most. */
export function keptStats(most = Math.min(MOST, Math.floor(descriptorLimit() * SHARE))): KeptStats {
  const byName = new Map<string, Kept>();
  let look = 0;
  const drop = (kept: Kept): void => {
    byName.delete(kept.name);
    kept.entry.end();
    sys.close(kept.fd);
  };
  const close = (): void => {
    for (const kept of [...byName.values()]) drop(kept);
  };
  const keep = (procRoot: string, name: string): EntryRead => {
    const directory = `${procRoot}/${name}`;
    const opened = open(procRoot, name, look);
    if (opened === null) return readEntry(directory);
    if ('kind' in opened) return opened;
    byName.set(name, opened);
    return { kind: 'entry', entry: opened.entry };
  };
  return {
    read: (procRoot, name) => {
      const kept = byName.get(name);
      if (kept !== undefined && kept.procRoot !== procRoot) return readEntry(`${procRoot}/${name}`);
      if (kept === undefined) return byName.size < most ? keep(procRoot, name) : readEntry(`${procRoot}/${name}`);
      if (readAgain(kept, look)) return { kind: 'entry', entry: kept.entry };
      drop(kept);
      // Its number may be another's by now.
      return keep(procRoot, name);
    },
    done: () => {
      for (const kept of byName.values()) if (kept.look !== look) drop(kept);
      look += 1;
    },
    close,
  };
}

/** Null where it is to be read in the ordinary way, which also tells what is in the way. */
function open(procRoot: string, name: string, look: number): Kept | EntryRead | null {
  const directory = `${procRoot}/${name}`;
  let fd: number;
  try {
    fd = sys.open(`${directory}/stat`, constants.O_RDONLY);
  } catch {
    return null;
  }
  try {
    const length = sys.read(fd, LINE, 0, LINE.length, 0);
    const bytes = Buffer.from(LINE.subarray(0, length));
    const read = parseStat(bytes.toString('utf8'));
    if (read !== null) return { fd, name, procRoot, directory, bytes, entry: entryOf(read, directory, fd), look };
  } catch {
    // Told by reading it in the ordinary way.
  }
  sys.close(fd);
  return null;
}

/** False where that process has ended, or its line cannot be read by this descriptor any more. */
function readAgain(kept: Kept, look: number): boolean {
  try {
    const length = sys.read(kept.fd, LINE, 0, LINE.length, 0);
    kept.look = look;
    if (length === kept.bytes.length && kept.bytes.compare(LINE, 0, length) === 0) {
      kept.entry.forgetUid();
      return true;
    }
    kept.bytes = Buffer.from(LINE.subarray(0, length));
    const read = parseStat(kept.bytes.toString('utf8'));
    if (read === null) return false;
    // Of a process that runs other numbers change all the time.
    if (isSame(read, kept.entry)) kept.entry.forgetUid();
    else {
      kept.entry.end();
      kept.entry = entryOf(read, kept.directory, kept.fd);
    }
    return true;
  } catch {
    return false;
  }
}

const TOLD = [
  'pid',
  'ppid',
  'pgrp',
  'session',
  'tty_nr',
  'tpgid',
  'state',
  'start_time',
  'comm',
  'image',
] as const satisfies readonly (keyof StatLine)[];

function isSame(a: StatLine, b: StatLine): boolean {
  for (const field of TOLD) if (a[field] !== b[field]) return false;
  return true;
}

/** The same object from look to look for as long as the line tells the same. Once it has ended the descriptor may be another file's. */
function entryOf(read: StatLine, directory: string, fd: number): OwnedEntry {
  return new OwnedEntry(read, () => uidOf(directory, fd));
}

/** The owner of the directory; that it is this very process's shows in that it still lives afterwards. */
function uidOf(directory: string, fd: number): number {
  try {
    const owner = sys.stat(directory);
    sys.read(fd, LINE, 0, LINE.length, 0);
    return owner?.uid ?? NOBODY;
  } catch (error) {
    // Nobody's is only what has ended: a server of the user would count as none.
    const failure = readFailure(error, directory);
    if (failure.gone) return NOBODY;
    throw new OwnerUnread(failure);
  }
}

/** The soft limit, which Node has raised to the hard one when it started; 0 where it cannot be told. */
function descriptorLimit(): number {
  try {
    const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft ?? 0) || 0;
  } catch {
    return 0;
  }
}
