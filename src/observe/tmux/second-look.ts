/**
 * Some things look wrong for a moment only, and are looked at again before they are believed: a start looks like node
 * before the program sets its title, a pane dies a moment before tmux knows how, a server that ends has closed its
 * socket before it is gone.
 */
import { socketArgument } from '../../spec/argv-file.ts';
import type { AgentSpec } from '../../spec/model.ts';
import type { PaneRuns, TmuxPane, TmuxServerObserved, TmuxSession } from '../state.ts';

/** A process younger than this may still become what it should be. Source: docs/planning-rules.md, "Order". */
const YOUNG_MS = 5_000;
const YOUNG_WAIT_MS = 1_000;
const SHORT_WAIT_MS = 200;

export interface SecondLook {
  /** Names of the sockets to ask again. */
  readonly sockets: readonly string[];
  readonly afterMs: number;
}

/** `ageOf`: milliseconds since the process started, null where it is not known. Null: nothing needs another look. */
export function planSecondLook(
  servers: readonly TmuxServerObserved[],
  agents: readonly AgentSpec[],
  ageOf: (pid: number) => number | null,
): SecondLook | null {
  const waits = servers.map((server) => ({ socket: server.socket, wait: waitFor(server, agents, ageOf) }));
  const again = waits.filter(({ wait }) => wait > 0);
  if (again.length === 0) return null;
  return { sockets: again.map(({ socket }) => socket), afterMs: Math.max(...again.map(({ wait }) => wait)) };
}

/** What a server looks like that is about to be gone. */
const ENDING: ReadonlySet<string> = new Set(['socket-deleted', 'split-brain']);

/** 0: believed at once. */
function waitFor(
  { socket, server }: TmuxServerObserved,
  agents: readonly AgentSpec[],
  ageOf: (pid: number) => number | null,
): number {
  if (server.state === 'absent') return 0;
  if (server.state === 'unknown') return ENDING.has(server.why) ? SHORT_WAIT_MS : 0;
  const wanted = new Map<string, string>();
  for (const agent of agents) if (socketArgument(agent.socket) === socket) wanted.set(agent.name, agent.runtime);
  let longest = 0;
  for (const session of server.sessions) {
    const runtime = wanted.get(session.name);
    if (runtime !== undefined) longest = Math.max(longest, waitForSession(session, runtime, ageOf));
  }
  return longest;
}

function waitForSession(session: TmuxSession, runtime: string, ageOf: (pid: number) => number | null): number {
  let longest = 0;
  for (const pane of session.panes) longest = Math.max(longest, waitForPane(pane, runtime, ageOf));
  return longest;
}

function waitForPane({ runs, pid }: TmuxPane, runtime: string, ageOf: (pid: number) => number | null): number {
  // The terminal closes a moment before the kernel tells how; some deaths are never told (measured on tmux 3.3a).
  if (runs.verdict === 'dead') return runs.status === null && runs.signal === null ? SHORT_WAIT_MS : 0;
  // Between the end of a process and tmux's notice of it.
  if (runs.verdict === 'gone') return SHORT_WAIT_MS;
  // Its processes ended between two reads of this look: the next one tells what is there now.
  if (runs.verdict === 'unknown' && runs.why === 'io') return SHORT_WAIT_MS;
  if (isWanted(runs, runtime)) return 0;
  const ages = [pid, 'pid' in runs ? runs.pid : null].map((p) => (p === null ? null : ageOf(p)));
  return ages.some((age) => age !== null && age < YOUNG_MS) ? YOUNG_WAIT_MS : 0;
}

function isWanted(runs: PaneRuns, runtime: string): boolean {
  return runs.verdict === 'runtime' && (runs.runtime === runtime || runs.also?.includes(runtime) === true);
}
