/**
 * Nothing alive is replaced on one look. The first notes what is to be replaced and why, a second one must find the very
 * same: after a heartbeat's interval where only the heartbeat speaks, after a moment where the world moved by itself, at
 * the next look where the roster asks for it. The dead need one look.
 */

import type { Change, DeferredChange, Plan } from '../../diff/plan.ts';
import { endsOnlyTheDead } from '../../diff/repetition.ts';
import type { AgentSpec } from '../../spec/model.ts';
import { entry } from '../../spec/record.ts';
import { type Counters, type FirstLook, keepEntries } from './counters.ts';
import type { ControlPolicy } from './policy.ts';

interface Looked {
  readonly plan: Plan;
  readonly scope: ReadonlySet<string> | null;
}

/** What of the plan waits for a second look from now on; what was not found again must be found twice anew. */
export function noteLooks(counters: Counters, { plan, scope }: Looked): Counters {
  const alive = [...plan.changes, ...plan.deferred].filter((c) => !endsOnlyTheDead(c));
  const { steady } = counters.clock;
  const looks = keepEntries(counters.looks, (_address, look) => scope !== null && !inScope(scope, look.agent));
  if (alive.length === 0) return looks === counters.looks ? counters : { ...counters, looks };
  const noted = alive.map((change): readonly [string, FirstLook] => {
    const known = entry(counters.looks, change.address);
    const what = whatOf(change);
    const look = known?.what === what ? known : { agent: change.agent, what, at: steady };
    return [change.address, look];
  });
  return { ...counters, looks: { ...looks, ...Object.fromEntries(noted) } };
}

function inScope(scope: ReadonlySet<string>, agent: string | null): boolean {
  return agent !== null && scope.has(agent);
}

/** Steady time of the second look, null where none is needed (any more). */
export function secondLook(
  counters: Counters,
  change: Change,
  agent: AgentSpec | undefined,
  policy: ControlPolicy,
): number | null {
  if (endsOnlyTheDead(change)) return null;
  const { steady } = counters.clock;
  const first = entry(counters.looks, change.address);
  const at = first?.at ?? steady;
  const due = at + delayOf(change, agent, policy);
  return at === steady || steady < due ? Math.max(due, at + 1) : null;
}

function delayOf(change: Change, agent: AgentSpec | undefined, policy: ControlPolicy): number {
  if (change.reason === 'heartbeat-stale') return agent?.heartbeat.interval ?? policy.resyncMs;
  return change.cause === 'intentional' ? 0 : policy.secondLookMs;
}

/** The plan defers it for want of a second look alone. */
export function waitingForSecondLook(deferred: DeferredChange): Change | null {
  if (deferred.why !== 'awaiting-second-look') return null;
  const { why: _why, remedy: _remedy, ...change } = deferred;
  return change;
}

function whatOf({ action, reason, precondition }: Change): string {
  const { session } = precondition;
  if (session === undefined || session === null) return `${action} ${reason}`;
  const { server, id, created, pane, pane_pid } = session;
  return [action, reason, server.pid, server.start, id, created, pane, pane_pid ?? '-'].join(' ');
}
