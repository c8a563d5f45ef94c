/**
 * Where the inventory's record says that an agent's session is, when nobody who answered has it: on a tmux server that
 * lives and was not looked into. A session is gone only when its server answered without it, or has ended.
 */
import type { Observed, TmuxObserved } from '../observe/state.ts';
import type { OwnedRecord, PlanMemory } from './policy.ts';

export type RecordedServer =
  /** Nothing is recorded in this boot, or that server has answered, or has ended. */
  | { readonly kind: 'none' }
  /** It lives, on a socket in a directory that was not looked into (another TMUX_TMPDIR). */
  | { readonly kind: 'other-directory'; readonly path: string; readonly pid: number }
  /** It lives, and is at none of the sockets that were found. */
  | { readonly kind: 'unanswered'; readonly pid: number }
  /** An apply that died meant to start it, nobody knows on which server, and there is one in another directory. */
  | { readonly kind: 'perhaps'; readonly path: string; readonly pid: number };

type Looked = { readonly observed: Observed; readonly memory: PlanMemory };

export function recordedServer(looked: Looked, agent: string): RecordedServer {
  const { observed, memory } = looked;
  const { tmux } = observed.sources;
  if (tmux.status === 'unknown') return { kind: 'none' };
  const record = Object.hasOwn(memory.sessions, agent) ? memory.sessions[agent] : undefined;
  if (record === undefined || record.boot_id !== observed.boot_id) {
    const meant = memory.owned[`session/${agent}`];
    const perhaps = meant?.state === 'intended' ? whereItMayBe(looked, tmux.value, meant) : undefined;
    return perhaps === undefined ? { kind: 'none' } : { kind: 'perhaps', ...perhaps };
  }
  const { pid } = record.server;
  const { servers, elsewhere, server_processes: alive } = tmux.value;
  if (servers.some(({ server }) => server.state === 'running' && server.pid === pid)) return { kind: 'none' };
  const living = alive.find((server) => server.pid === pid);
  // The pid is another process's by now: that one was started after the session was made.
  if (living !== undefined && living.started_ms > record.created * 1000 + CLOCK_MS) return { kind: 'none' };
  const other = elsewhere.find((server) => server.pid === pid);
  if (other !== undefined) return { kind: 'other-directory', path: other.path, pid };
  return living === undefined ? { kind: 'none' } : { kind: 'unanswered', pid };
}

/** How far the clock may have been set between what tmux wrote down and what the kernel counts from now. */
const CLOCK_MS = 120_000;

/**
 * A server on which other sessions of this boot were started, and that was there when this one was meant to be. Any other
 * is somebody's: it must not keep an apply from finishing what a killed one began.
 */
function whereItMayBe({ observed, memory }: Looked, tmux: TmuxObserved, { since }: OwnedRecord): Place | undefined {
  const { processes } = observed.sources;
  const at = Date.parse(since);
  if (processes.status === 'known' && at + CLOCK_MS < processes.value.booted_at_ms) return undefined;
  const records = Object.values(memory.sessions).filter(({ boot_id }) => boot_id === observed.boot_id);
  const known = new Set(records.map(({ server }) => server.pid));
  const started = new Map(tmux.server_processes.map(({ pid, started_ms }) => [pid, started_ms]));
  return tmux.elsewhere.find(({ pid }) => known.has(pid) && (started.get(pid) ?? at) <= at + CLOCK_MS);
}

type Place = TmuxObserved['elsewhere'][number];

/** For evidence; null where there is nothing to say. */
export function describeRecorded(where: RecordedServer): string | null {
  switch (where.kind) {
    case 'none':
      return null;
    case 'other-directory':
      return `fleet started it on the tmux server ${where.pid}, which lives at ${where.path}`;
    case 'unanswered':
      return `fleet started it on the tmux server ${where.pid}, which lives, at a socket that was not found`;
    case 'perhaps':
      return `an apply that died meant to start it, perhaps on the tmux server ${where.pid} at ${where.path} (where it is not there: fleet forget it)`;
  }
}
