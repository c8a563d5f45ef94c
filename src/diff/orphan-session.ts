/** A session with our mark whose agent is no longer on the roster. */

import type { SessionMark, TmuxServerObserved, TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import type { PlanContext } from './context.ts';
import { unlessDisturbing } from './deferral.ts';
import { change, type Finding, unmanaged } from './finding.ts';
import { liveness } from './liveness.ts';
import { identityOf, type LiveSubject } from './subject.ts';

export function orphanSession(
  ctx: PlanContext,
  seen: TmuxServerObserved,
  session: TmuxSession,
  mark: SessionMark,
): readonly Finding[] {
  if (seen.server.state !== 'running') return [];
  if (!ctx.policy.prune) {
    return [
      unmanaged(ctx, 'session', session.name, 'orphan-session: ours, no longer on the roster (--prune stops it)'),
    ];
  }
  const subject: LiveSubject = {
    kind: 'session',
    session,
    server: { socket: seen.socket, pid: seen.server.pid, start: seen.server.start },
  };
  const { evenIfAttached, evenIfBusy } = ctx.policy;
  const live = liveness(ctx.observed, ctx.roster, formerAgent(mark.agent), session, ctx.now);
  const draft = change(ctx, 'session', session.name, null, {
    action: 'stop',
    reason: 'orphan-session',
    cause: 'orphan',
    stage: 6,
    before: { state: 'running' },
    after: { state: 'absent' },
    disruption: 'destroy',
    live: { attached: live.attached, busy: live.busy },
    evidence: [`session ${session.name} (${session.id}) bears our mark; ${mark.agent} is not on the roster`],
    precondition: { session: identityOf(subject), may_interrupt: { attached: evenIfAttached, busy: evenIfBusy } },
  });
  return [unlessDisturbing(ctx, { ...draft, agent: mark.agent }, live)];
}

/** It has no entry any more, so its heartbeat is read by the defaults. */
function formerAgent(name: string): Pick<AgentSpec, 'name' | 'heartbeat'> {
  return { name, heartbeat: { interval: 15_000, staleAfter: 3, required: false, onStale: 'report' } };
}
