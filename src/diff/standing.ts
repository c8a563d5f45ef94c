/**
 * Whether an agent is up, told from what was seen of it alone. The plan leaves out what it has no business to mend
 * (`manage`, ignore rules, pauses, masked units, contested fields); the agent is down all the same.
 * Source: docs/planning-rules.md, last paragraph.
 */
import type { PaneRuns, TmuxPane } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import type { SeenContext } from './context.ts';
import { evaluateHeartbeat } from './heartbeat.ts';
import { heartbeatReason } from './heartbeats.ts';
import { agentPane } from './pane.ts';
import type { Reason } from './reasons.ts';
import { endedWell, hasRunItsCourse } from './run-its-course.ts';
import { notAtWork, paneGone } from './session-drift.ts';
import { noSession } from './session-missing.ts';
import { subjectOf } from './subject.ts';

export type Standing =
  /** `pane`: its own; null where it is meant to have ended (stopped, or ephemeral and done). */
  | { readonly stands: 'up'; readonly pane: TmuxPane | null }
  | { readonly stands: 'down' | 'unknown'; readonly reason: Reason; readonly evidence: readonly string[] };

/** What is seen in them may be the agent. */
const UNTOLD: ReadonlySet<PaneRuns['verdict']> = new Set(['unknown', 'ambiguous', 'opaque']);
/** A heartbeat that counts as unknown. */
const NO_WORD: ReadonlySet<Reason> = new Set([
  'unobserved',
  'heartbeat-future',
  'heartbeat-foreign',
  'heartbeat-unreadable',
]);

/** Up: its process is the right runtime, alive, and not parked at a prompt. */
export function standingOf(ctx: SeenContext, agent: AgentSpec): Standing {
  const ended: Standing = { stands: 'up', pane: null };
  if (agent.state === 'stopped') return ended;
  const subject = subjectOf(ctx, agent);
  switch (subject.kind) {
    case 'unknown':
      return { stands: 'unknown', reason: 'unobserved', evidence: [subject.detail] };
    case 'absent':
      if (hasRunItsCourse(ctx, agent)) return ended;
      return { stands: 'down', reason: 'session-missing', evidence: [noSession(ctx, agent)] };
    case 'session': {
      const { session } = subject;
      const pane = agentPane(session);
      if (pane === null) return { stands: 'down', reason: 'session-missing', evidence: [paneGone(session)] };
      if (endedWell(agent, pane.runs)) return ended;
      const wrong = notAtWork(agent, pane);
      if (wrong === null) return { stands: 'up', pane };
      const { reason, evidence } = wrong;
      return { stands: UNTOLD.has(pane.runs.verdict) ? 'unknown' : 'down', reason, evidence };
    }
  }
}

/** Up, and beating where that is asked for. Source: docs/contract.md, section 7. */
export function readinessOf(ctx: SeenContext, agent: AgentSpec): Standing {
  const standing = standingOf(ctx, agent);
  if (standing.stands !== 'up' || standing.pane === null || !agent.heartbeat.required) return standing;
  const beat = evaluateHeartbeat(ctx.observed, agent, standing.pane.pid, ctx.now);
  const reason = heartbeatReason(ctx.roster, agent, beat);
  if (reason === null) return standing;
  return { stands: NO_WORD.has(reason) ? 'unknown' : 'down', reason, evidence: [beat.detail] };
}
