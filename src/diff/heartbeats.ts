/** The rows on heartbeats: warnings all, and never a reason to kill unless the roster says `on_stale: restart`. */
import type { AgentSpec, Roster } from '../spec/model.ts';
import { fleetCommand } from './command-line.ts';
import { isToRun, type PlanContext } from './context.ts';
import type { Compare, Finding } from './finding.ts';
import { deferred, unobserved, warning } from './finding.ts';
import { evaluateHeartbeat, type HeartbeatVerdict } from './heartbeat.ts';
import { interrupt } from './interrupt.ts';
import { liveness } from './liveness.ts';
import { agentPane } from './pane.ts';
import type { Reason } from './reasons.ts';
import { type LiveSubject, ownershipOf, subjectOf } from './subject.ts';

export const compareHeartbeats: Compare = (ctx) => {
  const found: Finding[] = [];
  for (const agent of ctx.agents) {
    const subject = isToRun(agent) ? subjectOf(ctx, agent) : null;
    if (subject?.kind === 'session') found.push(...compareOne(ctx, agent, subject));
  }
  return found;
};

function compareOne(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject): readonly Finding[] {
  const pane = agentPane(subject.session);
  // Its process is gone: the session's own row speaks.
  if (pane === null || pane.dead || pane.runs.verdict === 'dead' || pane.runs.verdict === 'gone') return [];
  const beat = evaluateHeartbeat(ctx.observed, agent, pane.pid, ctx.now);
  const reason = heartbeatReason(ctx.roster, agent, beat);
  if (reason === null) return [];
  if (reason === 'unobserved') return [unobserved(ctx, 'heartbeat', agent.name, agent, reason, beat.detail)];
  const told = warning(ctx, 'heartbeat', agent.name, agent, reason, [beat.detail]);
  return reason === 'heartbeat-stale' ? [told, ...restartLater(ctx, agent, subject, beat.detail)] : [told];
}

/** What is said of a heartbeat; null where nothing is: it is fresh, or none is asked for. */
export function heartbeatReason(roster: Roster, agent: AgentSpec, beat: HeartbeatVerdict): Reason | null {
  switch (beat.state) {
    case 'fresh':
      return null;
    case 'missing': {
      const beats = roster.runtimes[agent.runtime]?.beats === true;
      return beats && agent.heartbeat.required ? 'heartbeat-missing' : null;
    }
    case 'future':
      return 'heartbeat-future';
    case 'foreign':
      return 'heartbeat-foreign';
    case 'unreadable':
      return 'heartbeat-unreadable';
    case 'unknown':
      return 'unobserved';
    case 'stale':
      return 'heartbeat-stale';
  }
}

/**
 * `on_stale: restart`: one look proves nothing, so plan only announces it; the controller does it after a second one. The
 * guards of every interruption hold, so that what is protected, attached or held by its unit is only told.
 */
function restartLater(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject, detail: string): readonly Finding[] {
  if (agent.heartbeat.onStale !== 'restart' || agent.manage === 'warn') return [];
  const live = liveness(ctx.observed, ctx.roster, agent, subject.session, ctx.now);
  if (live.busy || ownershipOf(ctx, agent, subject) !== 'ours') return [];
  const found = interrupt(ctx, agent, subject, {
    action: 'restart',
    reason: 'heartbeat-stale',
    before: { heartbeat: 'stale' },
    after: { heartbeat: 'fresh' },
    evidence: [detail, 'on_stale: restart'],
  });
  const run = fleetCommand(ctx.roster, 'run');
  const remedy = `it is restarted after a second look one interval later by: ${run}`;
  return found.map((f) => (f.bucket === 'change' ? deferred(f.change, 'awaiting-second-look', remedy) : f));
}
