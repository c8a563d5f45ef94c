/** One word for how an agent is, for `ps` and `status`. Source of the words: docs/contract.md, section 7. */
import type { Observed, TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { evaluateHeartbeat, type HeartbeatVerdict } from './heartbeat.ts';
import { agentPane } from './pane.ts';

export type ReadinessWord = 'working' | 'available' | 'stale' | 'dead' | 'unknown';

export interface Readiness {
  readonly word: ReadinessWord;
  /** Milliseconds since the window was last active, null where unknown. */
  readonly idle: number | null;
  readonly heartbeat: HeartbeatVerdict;
}

/** Longer than this without activity is idle, and no fault. */
export const IDLE_THRESHOLD_MS = 300_000;

/** `session`: the agent's own, null where it is not there, undefined where it could not be seen. */
export function readiness(
  observed: Observed,
  agent: AgentSpec,
  session: TmuxSession | null | undefined,
  now: number,
): Readiness {
  const pane = session ? agentPane(session) : null;
  const heartbeat = evaluateHeartbeat(observed, agent, pane?.pid ?? null, now);
  const activity = pane?.window_activity ?? session?.activity ?? null;
  const idle = activity === null ? null : Math.max(0, now - activity * 1000);
  return { word: wordFor(session, pane?.runs.verdict, heartbeat, idle), idle, heartbeat };
}

function wordFor(
  session: TmuxSession | null | undefined,
  verdict: string | undefined,
  heartbeat: HeartbeatVerdict,
  idle: number | null,
): ReadinessWord {
  if (session === undefined) return 'unknown';
  if (session === null || verdict === undefined || verdict === 'dead' || verdict === 'gone') return 'dead';
  switch (heartbeat.state) {
    case 'fresh':
      return heartbeat.status !== 'busy' && idle !== null && idle > IDLE_THRESHOLD_MS ? 'available' : 'working';
    case 'stale':
      return 'stale';
    case 'missing':
    case 'future':
    case 'foreign':
    case 'unreadable':
    case 'unknown':
      return 'unknown';
  }
}
