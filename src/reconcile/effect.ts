/** What an effect gives back. The executor has no opinion of its own: all that it knows of the world stands here. */
import type { Change } from '../diff/plan.ts';
import type { EffectContext } from './context.ts';
import { type Failure, failure, type SkipWhy } from './outcome.ts';

/**
 * One change's effect, from its last look to its making. `verify` looks again afterwards and may take as long as it
 * must: other effects go on meanwhile.
 */
export type Effect = (ctx: EffectContext, change: Change) => Promise<EffectResult>;

export type EffectResult =
  | { readonly result: 'made'; readonly verify: () => Promise<Verdict> }
  /** `untouched`: looked at after it failed, and just as before, so that nothing was changed though it was tried. */
  | { readonly result: 'failed'; readonly failure: Failure; readonly untouched: boolean }
  | { readonly result: 'skipped'; readonly why: SkipWhy; readonly detail: string };

export type Verdict =
  | { readonly verdict: 'as-wanted'; readonly evidence: readonly string[] }
  | { readonly verdict: 'failed'; readonly failure: Failure };

export const made = (verify: () => Promise<Verdict>): EffectResult => ({ result: 'made', verify });
export const refused = (why: Failure): EffectResult => ({ result: 'failed', failure: why, untouched: false });
export const untouched = (why: Failure): EffectResult => ({ result: 'failed', failure: why, untouched: true });
export const skipped = (why: SkipWhy, detail: string): EffectResult => ({ result: 'skipped', why, detail });
export const asWanted = (...evidence: readonly string[]): Verdict => ({ verdict: 'as-wanted', evidence });
export const notAsWanted = (why: Failure): Verdict => ({ verdict: 'failed', failure: why });

/** Unknown never causes an action: what could not be read just before the effect ends it. */
export function unobserved(detail: string): EffectResult {
  return refused(
    failure(
      'unobserved',
      'It could not be looked at just before the effect',
      detail,
      'mend that, then run fleet apply again',
    ),
  );
}

/** A change that this version of fleet has no effect for: the plan and the executor do not fit. */
export function noEffect(change: Change): EffectResult {
  const detail = `${change.action} of ${change.address} (${change.reason})`;
  return refused(failure('no-such-effect', 'fleet cannot make this change', detail, 'run fleet plan again'));
}
