/** Who would be disturbed if this session ended now: attached people, and work in progress. */
import type { Observed, TmuxPane, TmuxSession } from '../observe/state.ts';
import type { Roster } from '../spec/model.ts';
import { type Beating, evaluateHeartbeat } from './heartbeat.ts';
import { agentPane, otherLivePanes, sessionsBeside } from './pane.ts';

/** A window that was active within this time may be an agent at work. Source: docs/contract.md, section 7. */
const ACTIVE_WITHIN_MS = 10_000;

export interface Liveness {
  /** Attached clients, also through sessions that show the same panes, plus live processes in panes that are not the agent's. */
  readonly attached: number;
  readonly otherPanes: number;
  /** Of those, the ones that other sessions show too, and the names of these: the session's end only unlinks them. */
  readonly shared: { readonly panes: number; readonly by: readonly string[] };
  readonly busy: boolean;
  readonly why: string;
}

/** `now`: Unix milliseconds of the observation. */
export function liveness(
  observed: Observed,
  roster: Roster,
  agent: Beating,
  session: TmuxSession,
  now: number,
): Liveness {
  const others = otherLivePanes(session);
  const beside = sessionsBeside(observed, session);
  const pane = agentPane(session);
  const busy = pane === null ? null : busyBecause(observed, roster, agent, pane, now);
  // tmux counts the clients of grouped and linking sessions for those alone, and what they look at ends with its processes.
  const clients = beside.reduce((sum, s) => sum + s.attached, session.attached);
  return {
    attached: clients + others.length,
    otherPanes: others.length,
    shared: sharedOf(others, beside),
    busy: busy !== null,
    why: busy ?? 'idle',
  };
}

function sharedOf(others: readonly TmuxPane[], beside: readonly TmuxSession[]): Liveness['shared'] {
  const ids = new Set(others.map((p) => p.id));
  const showing = beside.filter((s) => s.panes.some((p) => ids.has(p.id)));
  const shown = new Set(showing.flatMap((s) => s.panes.map((p) => p.id)));
  return { panes: others.filter((p) => shown.has(p.id)).length, by: showing.map((s) => s.name) };
}

/** Null where it is not busy. */
function busyBecause(observed: Observed, roster: Roster, agent: Beating, pane: TmuxPane, now: number): string | null {
  const { runs } = pane;
  if (pane.dead || runs.verdict === 'dead' || runs.verdict === 'gone') return null;
  const beat = evaluateHeartbeat(observed, agent, pane.pid, now);
  if (beat.state === 'fresh') return beat.status === 'busy' ? `its heartbeat says busy (${beat.detail})` : null;
  const old = beat.state === 'stale' && beat.status === 'busy' && beat.age !== null;
  if (old && beat.age <= (agent.believedBusyMs ?? 0)) return `its last heartbeat said busy (${beat.detail})`;
  if (runs.verdict === 'shell') return null;
  const own = runs.verdict === 'runtime' && roster.runtimes[runs.runtime]?.own === true;
  if (own) return null;
  if (pane.window_activity === null) return 'no fresh heartbeat, and its window activity cannot be read';
  const quiet = now - pane.window_activity * 1000;
  return quiet <= ACTIVE_WITHIN_MS
    ? `no fresh heartbeat, window active ${Math.max(0, Math.round(quiet / 1000))} s ago`
    : null;
}
