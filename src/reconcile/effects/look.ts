/** The last look before an effect. */
import type { Change } from '../../diff/plan.ts';
import type { Observed } from '../../observe/state.ts';
import type { EffectContext } from '../context.ts';
import { type EffectResult, skipped, unobserved } from '../effect.ts';
import { evaluatePrecondition } from '../precondition.ts';

export type LookBefore =
  | { readonly result: 'go'; readonly seen: Observed }
  | { readonly result: 'ended'; readonly ended: EffectResult };

/** A fresh look narrowed to `agents` (null: everything, none: only what all share), and what it means for the change. */
export async function lookBefore(
  ctx: EffectContext,
  change: Change,
  agents: readonly string[] | null = change.agent === null ? [] : [change.agent],
): Promise<LookBefore> {
  const seen = await ctx.ports.observe(agents);
  const check = evaluatePrecondition(ctx, change, seen);
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
