/** What came of each change, as plain data: one outcome a change, one event a line with `--json`. */
import type { Action, Change, Plan } from '../diff/plan.ts';
import type { Reason } from '../diff/reasons.ts';

/** Why a change was not made although nothing failed. */
export type SkipWhy =
  | 'already-satisfied' // the world is as wanted already
  | 'stale' // the world is neither as planned nor as wanted: left alone
  | 'dependency-failed' // something it depends on was not made
  | 'deferred-busy'
  | 'deferred-attached'
  | 'not-attempted'; // interrupted before its turn

/** `code` is stable, `summary` constant for a code, `detail` specific; `remedy` is what to type or do next. */
export interface Failure {
  readonly code: string;
  readonly summary: string;
  readonly detail: string;
  readonly remedy: string | null;
  /** What was read that shows it: exit status, the last lines of a dead pane, a command's own words. */
  readonly evidence: readonly string[];
}

export function failure(
  code: string,
  summary: string,
  detail: string,
  remedy: string | null = null,
  evidence: readonly string[] = [],
): Failure {
  return { code, summary, detail, remedy, evidence };
}

interface About {
  readonly address: string;
  readonly agent: string | null;
  readonly action: Action;
  readonly reason: Reason;
}

/** `begun`: its effect had begun when it failed, so that something may have been changed; false: nothing was (not begun, or seen to be as before). */
export type Outcome =
  | (About & { readonly outcome: 'applied'; readonly evidence: readonly string[] })
  | (About & { readonly outcome: 'failed'; readonly failure: Failure; readonly begun: boolean })
  | (About & { readonly outcome: 'skipped'; readonly why: SkipWhy; readonly detail: string });

/** `at` is RFC 3339. */
export type ApplyEvent =
  | (About & { readonly event: 'started'; readonly at: string })
  | (About & { readonly event: 'waiting'; readonly at: string; readonly for: string })
  | (About & { readonly event: 'applied'; readonly at: string; readonly evidence: readonly string[] })
  | (About & { readonly event: 'failed'; readonly at: string; readonly failure: Failure; readonly begun: boolean })
  | (About & { readonly event: 'skipped'; readonly at: string; readonly why: SkipWhy; readonly detail: string })
  | ({ readonly event: 'summary'; readonly at: string } & ApplySummary);

export interface ApplySummary {
  readonly applied: number;
  readonly failed: number;
  /** Of those that failed: whose effect had begun. */
  readonly failed_begun: number;
  readonly skipped: Readonly<Record<SkipWhy, number>>;
  /** Something was made after which the world must be observed and planned anew. */
  readonly replan_needed: boolean;
  readonly interrupted: boolean;
}

export interface ApplyResult {
  /** In the plan's order. */
  readonly outcomes: readonly Outcome[];
  /** What went wrong besides the changes; the next apply tries it again. */
  readonly warnings: readonly Failure[];
  readonly summary: ApplySummary;
}

export function about(change: Change): About {
  return { address: change.address, agent: change.agent, action: change.action, reason: change.reason };
}

/** Made, or found made: what depends on it may go on. */
export function succeeded(outcome: Outcome): boolean {
  return outcome.outcome === 'applied' || (outcome.outcome === 'skipped' && outcome.why === 'already-satisfied');
}

export function summarize(
  outcomes: readonly Outcome[],
  flags: { readonly replanNeeded: boolean; readonly interrupted: boolean },
): ApplySummary {
  const skipped = (why: SkipWhy) => outcomes.filter((o) => o.outcome === 'skipped' && o.why === why).length;
  return {
    applied: outcomes.filter((o) => o.outcome === 'applied').length,
    failed: outcomes.filter((o) => o.outcome === 'failed').length,
    failed_begun: outcomes.filter((o) => o.outcome === 'failed' && o.begun).length,
    skipped: {
      'already-satisfied': skipped('already-satisfied'),
      stale: skipped('stale'),
      'dependency-failed': skipped('dependency-failed'),
      'deferred-busy': skipped('deferred-busy'),
      'deferred-attached': skipped('deferred-attached'),
      'not-attempted': skipped('not-attempted'),
    },
    replan_needed: flags.replanNeeded,
    interrupted: flags.interrupted,
  };
}

/** The event that tells an outcome. */
export function outcomeEvent(outcome: Outcome, at: string): ApplyEvent {
  const { address, agent, action, reason } = outcome;
  const base = { address, agent, action, reason, at };
  switch (outcome.outcome) {
    case 'applied':
      return { event: 'applied', ...base, evidence: outcome.evidence };
    case 'failed':
      return { event: 'failed', ...base, failure: outcome.failure, begun: outcome.begun };
    case 'skipped':
      return { event: 'skipped', ...base, why: outcome.why, detail: outcome.detail };
  }
}

/** Of a plan none of whose changes was begun, and why. */
export function notAttempted(plan: Pick<Plan, 'changes'>, { summary, detail }: Failure): readonly Outcome[] {
  const why = 'not-attempted' as const;
  return plan.changes.map((change) => ({ outcome: 'skipped', ...about(change), why, detail: `${summary}: ${detail}` }));
}
