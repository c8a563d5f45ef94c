/**
 * What processes told in earlier looks of this very process of ours: executable, command line and environment are as a
 * program was started, and reading them anew each minute is a good part of what a look costs.
 *
 * A pid and a start time name a process, not its program: the launcher's shell becomes the agent by exec, which changes
 * neither. Where the kernel put its code and its stack changes with every exec (proc_pid_stat(5), startcode and
 * startstack; both 0 where we may not know them), and so counts too; where the kernel puts them always in one place nothing
 * is known. Processes that have just begun are read anew: most
 * that will exec have done so by then. What is known is read again now and then, whatever it is.
 */
import type { ProcessDetails } from './details.ts';
import type { ProcessEntry } from './entry.ts';
import type { ProcessTable } from './table.ts';

export interface KnownProcesses {
  /** The same answers, from what is known where that holds. */
  readonly over: (details: ProcessDetails, table: ProcessTable, now: number) => ProcessDetails;
}

/** Milliseconds. */
const YOUNG_MS = 10_000;
const READ_AGAIN_MS = 600_000;

interface Known {
  readonly identity: string;
  /** That it was last told of: the very same one is the same program without more ado. */
  entry: ProcessEntry;
  /** Unix milliseconds. */
  readonly since: number;
  /** Each null until it was told: a failure is not an answer, and is asked for again. */
  exe: string | null;
  cmdline: readonly string[] | null;
  environ: ReturnType<ProcessDetails['environ']> | null;
}

export function knownProcesses(): KnownProcesses {
  const known = new Map<number, Known>();
  return {
    over: (details, table, now) => {
      for (const pid of known.keys()) if (!table.entries.has(pid)) known.delete(pid);
      return new KnownDetails(known, details, table, now);
    },
  };
}

class KnownDetails implements ProcessDetails {
  readonly #known: Map<number, Known>;
  readonly #details: ProcessDetails;
  readonly #table: ProcessTable;
  readonly #now: number;

  constructor(known: Map<number, Known>, details: ProcessDetails, table: ProcessTable, now: number) {
    this.#known = known;
    this.#details = details;
    this.#table = table;
    this.#now = now;
  }

  exe(pid: number): string | null {
    const it = this.#of(pid);
    if (it === null) return this.#details.exe(pid);
    it.exe ??= this.#details.exe(pid);
    return it.exe;
  }

  cmdline(pid: number): readonly string[] | null {
    const it = this.#of(pid);
    if (it === null) return this.#details.cmdline(pid);
    it.cmdline ??= this.#details.cmdline(pid);
    return it.cmdline;
  }

  environ(pid: number): ReturnType<ProcessDetails['environ']> {
    const it = this.#of(pid);
    if (it === null) return this.#details.environ(pid);
    if (it.environ?.status !== 'known') it.environ = this.#details.environ(pid);
    return it.environ;
  }

  cwd(pid: number): ReturnType<ProcessDetails['cwd']> {
    return this.#details.cwd(pid);
  }

  fd0(pid: number): string | null {
    return this.#details.fd0(pid);
  }

  ending(pid: number): ReturnType<ProcessDetails['ending']> {
    return this.#details.ending(pid);
  }

  #of(pid: number): Known | null {
    const entry = this.#table.entries.get(pid);
    const before = this.#known.get(pid);
    const now = this.#now;
    const lasts = before !== undefined && now - before.since < READ_AGAIN_MS && now >= before.since;
    if (lasts && before.entry === entry) return before;
    const identity = entry === undefined ? null : identityOf(entry, this.#table, now);
    if (entry === undefined || identity === null) return null;
    if (lasts && before.identity === identity) {
      before.entry = entry;
      return before;
    }
    const fresh: Known = { identity, entry, since: now, exe: null, cmdline: null, environ: null };
    this.#known.set(pid, fresh);
    return fresh;
  }
}

/** Null: not to be known, now. */
function identityOf({ start_time, comm, state, image }: ProcessEntry, table: ProcessTable, now: number): string | null {
  const started = table.booted_at_ms + (start_time * 1_000) / table.clock_ticks_per_second;
  if (image === null || state === 'Z' || now - started < YOUNG_MS) return null;
  return `${start_time} ${image} ${comm}`;
}
