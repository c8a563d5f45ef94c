/** The last look before an effect, and whom the looks of a change are narrowed to. */
import type { Change } from '../../diff/plan.ts';
import type { Observed } from '../../observe/state.ts';
import { agentNamed, type EffectContext } from '../context.ts';
import { type EffectResult, skipped, unobserved } from '../effect.ts';
import { evaluateElsewhere } from '../elsewhere-guard.ts';
import { evaluatePlaces } from '../places-guard.ts';
import { type Check, evaluatePrecondition } from '../precondition.ts';

export type LookBefore =
  | { readonly result: 'go'; readonly seen: Observed }
  | { readonly result: 'ended'; readonly ended: EffectResult };

/** A fresh look at what the change is about, and what it means for the change. */
export async function lookBefore(
  ctx: EffectContext,
  change: Change,
  agents: readonly string[] | null = agentsOf(ctx, change),
): Promise<LookBefore> {
  const seen = await ctx.ports.observe(agents);
  const check = evaluate(ctx, change, seen);
  switch (check.check) {
    case 'holds':
      return { result: 'go', seen };
    case 'unknown':
      return { result: 'ended', ended: unobserved(check.detail) };
    case 'already-satisfied':
    case 'stale':
    case 'deferred-busy':
    case 'deferred-attached':
      return { result: 'ended', ended: skipped(check.check, check.detail) };
  }
}

function evaluate(ctx: EffectContext, change: Change, seen: Observed): Check {
  const precondition = evaluatePrecondition(ctx, change, seen);
  if (precondition.check !== 'holds') return precondition;
  const elsewhere = evaluateElsewhere(ctx, change, seen, ctx.journal.memory());
  return elsewhere.check === 'holds' ? evaluatePlaces(ctx, change, seen) : elsewhere;
}

/**
 * The change's agent; none where it is about what all share. Everything (null) where it is about an agent that is not
 * on the roster: a narrowed observation looks into the sessions of agents on the roster only.
 */
export function agentsOf(ctx: EffectContext, change: Change): readonly string[] | null {
  if (change.agent === null) return [];
  return agentNamed(ctx, change.agent) === null ? null : [change.agent];
}
