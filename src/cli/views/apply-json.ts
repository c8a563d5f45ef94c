/** `fleet apply --json`: one object a line; the plan first, then events as src/reconcile/outcome.ts has them, a summary last. */
import type { Change, Plan } from '../../diff/plan.ts';
import type { ApplyEvent, SkipWhy } from '../../reconcile/outcome.ts';
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

interface SoFar {
  /** Of all passes. */
  readonly changes: readonly Pick<Change, 'address' | 'action'>[];
  readonly events: readonly ApplyEvent[];
}

/** The last line of an apply that could not come to its end: what is known by then, and what was under way. */
export function abruptEvent(
  { changes, events }: SoFar,
  about: { readonly at: string; readonly exitCode: number; readonly message: string },
): object {
  const ended = events.filter((e) => e.event === 'applied' || e.event === 'failed' || e.event === 'skipped');
  const isEnded = (e: { readonly address: string; readonly action: string }) =>
    ended.some((other) => other.address === e.address && other.action === e.action);
  const begun = events.filter((e) => e.event === 'started').filter((e) => !isEnded(e));
  const skipped = (why: SkipWhy) => ended.filter((e) => e.event === 'skipped' && e.why === why).length;
  const never = changes.filter(
    (c) => !isEnded(c) && !begun.some((b) => b.address === c.address && b.action === c.action),
  );
  const counts = Object.fromEntries(Object.keys(NOTHING_DONE.skipped).map((why) => [why, skipped(why as SkipWhy)]));
  return {
    ...HEAD,
    event: 'summary',
    at: about.at,
    ...NOTHING_DONE,
    applied: ended.filter((e) => e.event === 'applied').length,
    failed: ended.filter((e) => e.event === 'failed').length,
    failed_begun: ended.filter((e) => e.event === 'failed' && e.begun).length,
    skipped: { ...counts, 'not-attempted': skipped('not-attempted') + never.length },
    interrupted: true,
    exit_code: about.exitCode,
    under_way: begun.map(({ address, action }) => ({ address, action })),
    error: { message: about.message, remedy: 'run fleet apply again: it looks, and goes on with what is left' },
  };
}

const NOTHING_DONE = {
  applied: 0,
  failed: 0,
  failed_begun: 0,
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
