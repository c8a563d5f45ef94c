/** `fleet apply --json`: one object a line; the plan first, then events as src/reconcile/outcome.ts has them, a summary last. */
import type { Plan } from '../../diff/plan.ts';
import type { ApplyTotal } from '../apply-passes.ts';
import type { Failure } from '../command.ts';

const HEAD = { format_version: '1.0', kind: 'fleet.apply' } as const;

/** What is about to be made, and what is left alone and why. The changes follow as events. */
export function planEvent(plan: Plan): object {
  const { plan_id, complete, hosts, deferred, blocked, unknown, warnings, summary } = plan;
  return {
    ...HEAD,
    event: 'planned',
    at: plan.created,
    plan_id,
    complete,
    hosts,
    deferred,
    blocked,
    unknown,
    warnings,
    summary,
  };
}

export function summaryEvent(total: ApplyTotal, about: { readonly at: string; readonly exitCode: number }): object {
  const { deferred, blocked, unknown } = total.plan;
  const left = { deferred: deferred.length, blocked: blocked.length, unknown: unknown.length };
  const { summary, warnings } = total;
  return { ...HEAD, event: 'summary', at: about.at, ...summary, left, warnings, exit_code: about.exitCode };
}

/** The last line of an apply that ended before it had a summary. `holder` says who has the lease, where that is why. */
export function refusalEvent(failure: Failure, at: string): object {
  const { code, message, remedy, holder } = failure;
  const error = { message, remedy, ...(holder === undefined ? {} : { holder }) };
  return { ...HEAD, event: 'summary', at, ...NOTHING_DONE, exit_code: code, error };
}

const NOTHING_DONE = {
  applied: 0,
  failed: 0,
  skipped: {
    'already-satisfied': 0,
    stale: 0,
    'dependency-failed': 0,
    'deferred-busy': 0,
    'deferred-attached': 0,
    'not-attempted': 0,
  },
  replan_needed: false,
  interrupted: false,
  left: { deferred: 0, blocked: 0, unknown: 0 },
  warnings: [],
} as const;
