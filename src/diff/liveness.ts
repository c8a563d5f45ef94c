/** Who would be disturbed if this session ended now: attached people, and work in progress. */
import type { Observed, TmuxPane, TmuxSession } from '../observe/state.ts';
import type { Roster } from '../spec/model.ts';
import { type Beating, evaluateHeartbeat } from './heartbeat.ts';
import { agentPane, otherLivePanes } from './pane.ts';

/** A window that was active within this time may be an agent at work. Source: docs/contract.md, section 7. */
const ACTIVE_WITHIN_MS = 10_000;

export interface Liveness {
  /** Attached clients, also through sessions that show the same panes, plus live processes in panes that are not the agent's. */
  readonly attached: number;
  readonly otherPanes: number;
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
  const otherPanes = otherLivePanes(session).length;
  const pane = agentPane(session);
  const busy = pane === null ? null : busyBecause(observed, roster, agent, pane, now);
  const attached = session.attached + attachedBeside(observed, session) + otherPanes;
  return { attached, otherPanes, busy: busy !== null, why: busy ?? 'idle' };
}

/**
 * Clients of sessions that share a window with this one (grouped, or linked): tmux counts them for those sessions alone,
 * and what they look at ends with its processes. Measured on tmux 3.3a.
 */
function attachedBeside(observed: Observed, session: TmuxSession): number {
  const { tmux } = observed.sources;
  const own = new Set(session.panes.map((p) => p.id));
  for (const { server } of tmux.status === 'known' ? tmux.value.servers : []) {
    if (server.state !== 'running' || !server.sessions.includes(session)) continue;
    const beside = server.sessions.filter((s) => s !== session && s.attached > 0 && s.panes.some((p) => own.has(p.id)));
    return beside.reduce((sum, s) => sum + s.attached, 0);
  }
  return 0;
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
