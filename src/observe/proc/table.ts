/**
 * The process table in one synchronous pass over /proc: one stat line and the owner of each process. Processes that
 * end during the pass are simply not in it.
 */
import { constants, readdirSync } from 'node:fs';
import type { Source, Unknown, UnknownCode } from '../state.ts';
import { sys } from '../system-calls.ts';
import { LONGEST_LINE, type ProcessEntry, parseStat, type StatLine } from './entry.ts';
import { readFailure, readWhole } from './read-file.ts';

export interface ProcessTable {
  /** Unix milliseconds, to about 20 ms: the clock now, less /proc/uptime, or what that was before where it is as true. */
  readonly booted_at_ms: number;
  readonly clock_ticks_per_second: number;
  readonly entries: ReadonlyMap<number, ProcessEntry>;
  /** By start time: older children first. */
  children(pid: number): readonly number[];
}

/**
 * What the kernel tells every program as AT_CLKTCK. Linux fixes USER_HZ at 100 on every architecture that Node runs
 * on, so no `getconf` is started to ask.
 */
export const CLOCK_TICKS_PER_SECOND = 100;

/**
 * `now` is the clock, in Unix milliseconds; it is read right beside /proc/uptime. Unknown where /proc cannot be listed,
 * or hides other people's processes (`hidepid`): half a table would look like processes that have ended.
 */
export function readProcessTable(
  now: () => number,
  procRoot = '/proc',
  before: LastTable = { stats: EACH_ANEW, bootedAtMs: null },
): Source<ProcessTable> {
  let names: readonly string[];
  try {
    names = readdirSync(procRoot);
  } catch (error) {
    return unknown(readFailure(error, procRoot));
  }
  const read = readBootTime(now, procRoot);
  if (read.status === 'unknown') return read;
  before.bootedAtMs = sameMoment(read.value, before.bootedAtMs);

  const entries = new Map<number, ProcessEntry>();
  for (const name of names) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid <= 0) continue;
    const read = before.stats.read(procRoot, name);
    if (read.kind === 'failed') {
      before.stats.done();
      return unknown(read);
    }
    if (read.kind === 'entry') entries.set(pid, read.entry);
  }
  before.stats.done();
  // Process 1 is in every process namespace: where it is not shown, others are not shown either.
  if (!entries.has(1)) {
    const detail = `${procRoot} does not show process 1: it is mounted with hidepid, or is not a process table`;
    return { status: 'unknown', why: 'denied', detail };
  }
  return { status: 'known', value: buildTable(before.bootedAtMs, entries) };
}

/** A table from entries, with its index of children built when first asked for. */
export function buildTable(bootedAtMs: number, entries: ReadonlyMap<number, ProcessEntry>): ProcessTable {
  let index: ReadonlyMap<number, readonly number[]> | null = null;
  return {
    booted_at_ms: bootedAtMs,
    clock_ticks_per_second: CLOCK_TICKS_PER_SECOND,
    entries,
    children: (pid) => {
      index ??= indexChildren(entries);
      return index.get(pid) ?? [];
    },
  };
}

function unknown(failure: Pick<Unknown, 'why' | 'detail'>): Unknown {
  return { status: 'unknown', why: failure.why, detail: failure.detail };
}

/** How one process after the other is read. */
export interface StatReader {
  /** Of the process of this number, in digits. */
  readonly read: (procRoot: string, name: string) => EntryRead;
  /** All of one look have been read. */
  readonly done: () => void;
}

export type EntryRead =
  | { readonly kind: 'entry'; readonly entry: ProcessEntry }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly why: UnknownCode; readonly detail: string };

export function readEntry(directory: string): EntryRead {
  try {
    // At once: that it cannot be told makes the table unknown, and nobody's process of one that is the user's.
    const owner = sys.stat(directory);
    if (owner === null) return { kind: 'ended' };
    const read = readLine(directory);
    if (read !== null) return { kind: 'entry', entry: { ...read, uid: owner.uid } };
    return { kind: 'failed', why: 'garbage', detail: `${directory}/stat is not a stat line` };
  } catch (error) {
    const failure = readFailure(error, `${directory}/stat`);
    return failure.gone ? { kind: 'ended' } : { kind: 'failed', why: failure.why, detail: failure.detail };
  }
}

const LINE = Buffer.allocUnsafe(LONGEST_LINE);

function readLine(directory: string): StatLine | null {
  const fd = sys.open(`${directory}/stat`, constants.O_RDONLY);
  try {
    return parseStat(LINE.toString('utf8', 0, sys.read(fd, LINE, 0, LINE.length, null)));
  } finally {
    sys.close(fd);
  }
}

/** What the table before this one was read with. */
export interface LastTable {
  readonly stats: StatReader;
  /** Unix milliseconds; null where there was none. */
  bootedAtMs: number | null;
}

const EACH_ANEW: StatReader = { read: (procRoot, name) => readEntry(`${procRoot}/${name}`), done: () => {} };

/** Hundredths of a second are all that /proc/uptime tells: within them the moment that was told before is as true. */
function sameMoment(told: number, before: number | null): number {
  return before !== null && Math.abs(told - before) <= 10 ? before : told;
}

function readBootTime(now: () => number, procRoot: string): Source<number> {
  const read = readWhole(`${procRoot}/uptime`);
  const clock = now();
  if (!read.ok) return unknown(read.error);
  const seconds = Number(read.bytes.toString('latin1').split(' ', 1)[0]);
  if (Number.isFinite(seconds) && seconds > 0) return { status: 'known', value: Math.round(clock - seconds * 1000) };
  return { status: 'unknown', why: 'garbage', detail: `${procRoot}/uptime holds no number of seconds` };
}

function indexChildren(entries: ReadonlyMap<number, ProcessEntry>): ReadonlyMap<number, readonly number[]> {
  const index = new Map<number, ProcessEntry[]>();
  for (const entry of entries.values()) {
    const siblings = index.get(entry.ppid);
    if (siblings === undefined) index.set(entry.ppid, [entry]);
    else siblings.push(entry);
  }
  const pids = new Map<number, readonly number[]>();
  for (const [pid, children] of index) pids.set(pid, children.sort(byAge).map(pidOf));
  return pids;
}

/** The oldest first. */
export function byAge(a: Aged, b: Aged): number {
  return a.start_time - b.start_time || a.pid - b.pid;
}

type Aged = Pick<ProcessEntry, 'pid' | 'start_time'>;

function pidOf({ pid }: ProcessEntry): number {
  return pid;
}
