/** What runs in a pane: the rule of docs/observing.md. Pure but for the reads behind `details` and `paths`. */
import type { RuntimeSpec } from '../../spec/model.ts';
import type { PaneRuns } from '../state.ts';
import { findForeground, findStrays, isGone } from './candidates.ts';
import type { ProcessDetails, ProcessEnding } from './details.ts';
import type { ProcessEntry } from './entry.ts';
import { type Identity, identify, programOf } from './identity.ts';
import { baseName } from './interpreters.ts';
import { type Match, type MatchContext, matchRuntimes, type Strength } from './match.ts';
import type { PathLookup } from './paths.ts';
import { isOpaque, makesOwnTerminal } from './programs.ts';
import type { ProcessTable } from './table.ts';

/** A pane as tmux tells it. `title` and `current_command` are what programs say of themselves: they decide nothing. */
export interface PaneFacts {
  readonly pid: number | null;
  readonly tty: string | null;
  readonly dead: boolean;
  readonly dead_status: number | null;
  readonly dead_signal: string | null;
  readonly title: string;
  readonly current_command: string;
}

export function recognise(
  pane: PaneFacts,
  table: ProcessTable,
  details: ProcessDetails,
  paths: PathLookup,
  runtimes: Readonly<Record<string, RuntimeSpec>>,
  home: string,
): PaneRuns {
  if (pane.dead) return { verdict: 'dead', ...endingOf(pane, table, details) };
  if (pane.pid === null) return { verdict: 'unknown', why: 'garbage', detail: 'tmux names no process for this pane' };
  const root = table.entries.get(pane.pid);
  if (root === undefined || isGone(root)) return { verdict: 'gone' };
  const where = { table, details, runtimes, context: { paths, home } };
  const foreground = findForeground(root, pane.tty, table, details);
  const front = seen(foreground.candidates, where);
  if (front.matches.length > 0) return hiddenAbove(front, details) ?? decide(front.matches, table);
  const strays = seen(findStrays(root, pane.tty, table, details), where);
  if (strays.matches.length > 0) return decide(strays.matches, table);
  return describeUnmatched([...front.processes, ...strays.processes], seen(foreground.stopped, where), details);
}

/**
 * tmux 3.3a misses every third end of a pane's process and then waits for it only when another one ends (measured: 4 of
 * 20 to 21 of 60). Until then the process is a zombie, and how it ended can be read off that.
 */
function endingOf(pane: PaneFacts, table: ProcessTable, details: ProcessDetails): ProcessEnding {
  const told = { status: pane.dead_status, signal: pane.dead_signal };
  if (pane.pid === null || told.status !== null || told.signal !== null) return told;
  const zombie = table.entries.get(pane.pid)?.state === 'Z';
  return (zombie ? details.ending(pane.pid) : null) ?? told;
}

interface Seen {
  readonly processes: readonly { readonly entry: ProcessEntry; readonly identity: Identity }[];
  readonly matches: readonly Match[];
}

interface Where {
  readonly table: ProcessTable;
  readonly details: ProcessDetails;
  readonly runtimes: Readonly<Record<string, RuntimeSpec>>;
  readonly context: MatchContext;
}

function seen(entries: readonly ProcessEntry[], { table, details, runtimes, context }: Where): Seen {
  const processes: Seen['processes'][number][] = [];
  const matches: Match[] = [];
  for (const entry of entries) {
    const identity = identify(entry, table, details, context.paths);
    processes.push({ entry, identity });
    matches.push(...matchRuntimes(identity, runtimes, context));
  }
  return { processes, matches };
}

const ORDER: Readonly<Record<Strength, number>> = { strong: 0, medium: 1, weak: 2 };

/** `matches` in the order of their processes, from the pane's own down; never empty. */
function decide(matches: readonly Match[], table: ProcessTable): PaneRuns {
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return wins(only, matches, table);
  const proven = matches.filter((m) => m.strength !== 'weak' && !m.byName);
  const common = proven.length > 0 ? commonRuntimes(proven) : matches;
  if (common.length === 0) {
    const names = [...new Set(proven.map((m) => m.runtime.name))];
    return { verdict: 'ambiguous', runtimes: names, evidence: proven.map(describe).join('; ') };
  }
  // The strongest; of equals the one nearest the root (a stable sort keeps that order); of one process the roster's own.
  const rank = (m: Match): number => ORDER[m.strength] * 2 + (m.byName ? 1 : 0);
  const best = [...common].sort((a, b) => rank(a) - rank(b))[0];
  if (best === undefined) return { verdict: 'unknown', why: 'garbage', detail: 'no match to choose from' };
  const winner = common.find((m) => m.pid === best.pid && rank(m) === rank(best) && m.runtime.own) ?? best;
  return wins(winner, matches, table);
}

function wins(winner: Match, matches: readonly Match[], table: ProcessTable): PaneRuns {
  if (table.entries.get(winner.pid)?.state === 'T') {
    return { verdict: 'suspended', pid: winner.pid, runtime: winner.runtime.name };
  }
  const also = matches
    .filter((m) => m.pid === winner.pid && m.runtime !== winner.runtime && m.strength !== 'weak')
    .map((m) => m.runtime.name);
  return {
    verdict: 'runtime',
    runtime: winner.runtime.name,
    strength: winner.strength,
    pid: winner.pid,
    evidence: describe(winner),
    ...(also.length > 0 ? { also } : {}),
  };
}

/** The matches of those runtimes that every proven process fits: none where two processes are different runtimes. */
function commonRuntimes(proven: readonly Match[]): readonly Match[] {
  const pids = new Set(proven.map((m) => m.pid));
  const fitsAll = (runtime: RuntimeSpec): boolean =>
    new Set(proven.filter((m) => m.runtime === runtime).map((m) => m.pid)).size === pids.size;
  return proven.filter((m) => fitsAll(m.runtime));
}

function describe(match: Match): string {
  return `${match.runtime.name}: process ${match.pid} ${match.evidence}`;
}

/** No runtime in the foreground: what is there instead, most careful answer first. */
function describeUnmatched(processes: Seen['processes'], stopped: Seen, details: ProcessDetails): PaneRuns {
  const opaque = processes.find(({ identity }) => identity.exe !== null && isOpaque(baseName(identity.exe)));
  if (opaque !== undefined) return { verdict: 'opaque', program: programOf(opaque.identity) };

  const hidden = processes.find((p) => isHidden(p, details));
  if (hidden !== undefined) return untold(hidden.entry);

  const present = processes.filter(({ identity }) => identity.exe !== null && !isWrapper(identity));
  const program =
    present.find((p) => p.identity.interpreter?.shell !== true) ?? present.find((p) => runsFile(p.identity));
  if (program !== undefined) {
    const { entry, identity } = program;
    if (entry.state === 'T') return { verdict: 'suspended', pid: entry.pid, runtime: null };
    return { verdict: 'other', pid: entry.pid, program: programOf(identity) };
  }

  const job = stopped.matches[0];
  if (job !== undefined) return { verdict: 'suspended', pid: job.pid, runtime: job.runtime.name };
  const shell = present[0];
  if (shell !== undefined) return { verdict: 'shell', pid: shell.entry.pid, program: programOf(shell.identity) };
  const wrapper = processes.find(({ identity }) => identity.exe !== null);
  if (wrapper !== undefined) return { verdict: 'other', pid: wrapper.entry.pid, program: programOf(wrapper.identity) };
  return { verdict: 'unknown', why: 'io', detail: 'the processes of the pane ended while they were looked at' };
}

/** What a match lies below may be the wanted runtime itself, and the match a tool of its. */
function hiddenAbove({ processes, matches }: Seen, details: ProcessDetails): PaneRuns | null {
  const first = processes.findIndex(({ entry }) => matches.some((m) => m.pid === entry.pid));
  const hidden = processes.slice(0, Math.max(0, first)).find((p) => isHidden(p, details));
  return hidden === undefined ? null : untold(hidden.entry);
}

/** A live process whose facts cannot be read. One that has ended has no command line; every live program has one. */
function isHidden({ entry, identity }: Seen['processes'][number], details: ProcessDetails): boolean {
  const words = details.cmdline(entry.pid);
  return words === null || (identity.exe === null && words.length > 0);
}

function untold({ pid, comm }: ProcessEntry): PaneRuns {
  return { verdict: 'unknown', why: 'denied', detail: `what process ${pid} (${comm}) runs cannot be read` };
}

/** A shell that runs a script file is a program; one that asks a person, or runs a line it was given, is a shell. */
function runsFile(identity: Identity): boolean {
  return identity.script !== null;
}

function isWrapper(identity: Identity): boolean {
  return identity.exe !== null && makesOwnTerminal(baseName(identity.exe));
}
