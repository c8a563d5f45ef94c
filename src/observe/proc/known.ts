/**
 * What processes told in earlier looks of this very process of ours: executable, command line and environment are as a
 * program was started, and reading them anew each minute is a good part of what a look costs.
 *
 * A pid and a start time name a process, not its program: the launcher's shell becomes the agent by exec, which changes
 * neither. Where the kernel put its code and its stack changes with every exec (proc_pid_stat(5), startcode and
 * startstack; both 0 where we may not know them), and so counts too. Processes that have just begun are read anew: most
 * that will exec have done so by then. What is known is read again now and then, whatever it is.
 */
import type { ProcessDetails } from './details.ts';
import type { ProcessEntry, ProcessTable } from './table.ts';

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
  readonly details: Pick<ProcessDetails, 'exe' | 'cmdline' | 'environ'>;
}

export function knownProcesses(): KnownProcesses {
  const known = new Map<number, Known>();
  const forget = (table: ProcessTable): void => {
    for (const pid of known.keys()) if (!table.entries.has(pid)) known.delete(pid);
  };
  return {
    over: (details, table, now) => {
      forget(table);
      const of = (pid: number): Known['details'] => {
        const entry = table.entries.get(pid);
        const before = known.get(pid);
        const lasts = before !== undefined && now - before.since < READ_AGAIN_MS && now >= before.since;
        if (lasts && before.entry === entry) return before.details;
        const identity = entry === undefined ? null : identityOf(entry, table, now);
        if (entry === undefined || identity === null) return details;
        if (lasts && before.identity === identity) {
          before.entry = entry;
          return before.details;
        }
        const fresh = { identity, entry, since: now, details: remembered(details) };
        known.set(pid, fresh);
        return fresh.details;
      };
      return {
        ...details,
        exe: (pid) => of(pid).exe(pid),
        cmdline: (pid) => of(pid).cmdline(pid),
        environ: (pid) => of(pid).environ(pid),
      };
    },
  };
}

/** Null: not to be known, now. */
function identityOf({ start_time, comm, state, image }: ProcessEntry, table: ProcessTable, now: number): string | null {
  const started = table.booted_at_ms + (start_time * 1_000) / table.clock_ticks_per_second;
  if (image === null || state === 'Z' || now - started < YOUNG_MS) return null;
  return `${start_time} ${image} ${comm}`;
}

/** One process's answers, each asked for at most once; a failure is not an answer and is asked for again. */
function remembered(details: ProcessDetails): Known['details'] {
  let exe: string | null = null;
  let cmdline: readonly string[] | null = null;
  let environ: ReturnType<ProcessDetails['environ']> | null = null;
  return {
    exe: (pid) => {
      exe ??= details.exe(pid);
      return exe;
    },
    cmdline: (pid) => {
      cmdline ??= details.cmdline(pid);
      return cmdline;
    },
    environ: (pid) => {
      if (environ?.status !== 'known') environ = details.environ(pid);
      return environ;
    },
  };
}
