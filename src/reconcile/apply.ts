/**
 * The executor: makes the changes of one plan and tells what came of each. It has no opinion of its own: what should be
 * done stands in the plan, whether it may still be done in the change's precondition, looked at again just before.
 */
import type { Change } from '../diff/plan.ts';
import { ALL_AT_ONCE, createFailureLimit, cutBatches, type FailureLimit } from './batches.ts';
import { type ApplyInput, createEffectContext, type EffectContext, sameHost } from './context.ts';
import type { EffectResult, Verdict } from './effect.ts';
import { EFFECTS } from './effects/effect-of.ts';
import {
  type ApplyEvent,
  type ApplyResult,
  about,
  type Outcome,
  outcomeEvent,
  succeeded,
  summarize,
} from './outcome.ts';
import { rememberEnded } from './remember.ts';
import { runGroups, scheduleGroups } from './schedule.ts';
import { createSlots, type Slots } from './slots.ts';

export type { ApplyInput } from './context.ts';

/** Rejects only for a bug. Killed at any instant it can be run again: a new plan then holds what is left. */
export async function applyPlan(input: ApplyInput): Promise<ApplyResult> {
  const at = () => new Date(input.ports.now()).toISOString();
  const tell = (event: ApplyEvent) => input.onEvent(event);
  const ctx = createEffectContext(input, (change, text) =>
    tell({ event: 'waiting', ...about(change), at: at(), for: text }),
  );
  const unrecorded = await rememberEnded(ctx);
  const slots = createSlots(input.concurrency ?? 4);
  const policy = input.batches ?? ALL_AT_ONCE;
  const batches = cutBatches(input.plan.changes, policy.serial);
  const limit = createFailureLimit(policy, batches);
  const started = (change: Change) => tell({ event: 'started', ...about(change), at: at() });
  const outcomes = await runGroups(
    scheduleGroups(input.plan.changes, batches),
    (change) => applyChange(ctx, change, { slots, limit }, started),
    (outcome) => {
      limit.count(outcome);
      tell(outcomeEvent(outcome, at()));
    },
  );
  const ordered = input.plan.changes.flatMap((change) => outcomes.get(change) ?? []);
  const replanNeeded = input.plan.changes.some((change) => change.replan && madeIt(outcomes.get(change)));
  const summary = summarize(ordered, {
    replanNeeded: replanNeeded && limit.reached() === null,
    interrupted: input.signal.aborted,
  });
  tell({ event: 'summary', at: at(), ...summary });
  return { outcomes: ordered, warnings: unrecorded === null ? [] : [unrecorded], summary };
}

function madeIt(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && succeeded(outcome);
}

/** The slot is held while the effect is made, not while its result is waited for: agents settle side by side. */
async function applyChange(
  ctx: EffectContext,
  change: Change,
  { slots, limit }: { readonly slots: Slots; readonly limit: FailureLimit },
  started: (change: Change) => void,
): Promise<Outcome> {
  const release = await slots.take();
  let result: EffectResult;
  try {
    const notOurs = elsewhere(ctx, change);
    if (notOurs !== null) return notAttempted(change, notOurs);
    if (ctx.signal.aborted) return notAttempted(change, 'interrupted before its turn');
    const enough = limit.reached();
    if (enough !== null) return notAttempted(change, enough);
    const forbidden = ctx.mayAct();
    if (forbidden !== null) return notAttempted(change, `${forbidden.summary}: ${forbidden.detail}`);
    started(change);
    result = await EFFECTS[change.kind](ctx, change);
  } finally {
    release();
  }
  switch (result.result) {
    case 'failed':
      return { outcome: 'failed', ...about(change), failure: result.failure };
    case 'skipped':
      return { outcome: 'skipped', ...about(change), why: result.why, detail: result.detail };
    case 'made':
      return toOutcome(change, await result.verify());
  }
}

function toOutcome(change: Change, verdict: Verdict): Outcome {
  if (verdict.verdict === 'failed') return { outcome: 'failed', ...about(change), failure: verdict.failure };
  return { outcome: 'applied', ...about(change), evidence: verdict.evidence };
}

function notAttempted(change: Change, detail: string): Outcome {
  return { outcome: 'skipped', ...about(change), why: 'not-attempted', detail };
}

/** Null where the change is about this host and this tenant. */
function elsewhere(ctx: EffectContext, change: Change): string | null {
  if (sameHost(change.host, ctx.host) && change.tenant === ctx.tenant) return null;
  return `it is about ${change.host}/${change.tenant}, this is ${ctx.host}/${ctx.tenant}`;
}
