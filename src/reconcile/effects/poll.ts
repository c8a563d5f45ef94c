import type { Observed } from '../../observe/state.ts';
import type { EffectContext } from '../context.ts';
import type { HowToLook } from '../ports.ts';

/** Milliseconds between two looks, where nothing else is said; the first comes at once. */
export const POLL_MS = 250;

export interface Looking {
  /** Asked before each look. `once` is for an `ask` that believes nothing wrong before it has seen it again. */
  readonly how?: () => HowToLook;
  /** Milliseconds until the next look, by those since the first. */
  readonly pause?: (elapsedMs: number) => number;
}

/**
 * Looks until `ask` has an answer (not null) or the deadline has passed (then null). `ask` is given the milliseconds
 * since the first look.
 */
export async function pollObserved<T>(
  ctx: Pick<EffectContext, 'ports'>,
  agents: readonly string[],
  deadlineMs: number,
  ask: (seen: Observed, elapsedMs: number) => T | null,
  { how = () => 'twice', pause = () => POLL_MS }: Looking = {},
): Promise<T | null> {
  const begun = ctx.ports.now();
  for (;;) {
    const seen = await ctx.ports.observe(agents, how());
    const elapsed = ctx.ports.now() - begun;
    const answer = ask(seen, elapsed);
    if (answer !== null) return answer;
    if (elapsed >= deadlineMs) return null;
    await ctx.ports.delay(pause(elapsed));
  }
}

/** The same for anything that is no observation. */
export async function pollUntil(
  ctx: Pick<EffectContext, 'ports'>,
  deadlineMs: number,
  done: () => boolean,
): Promise<boolean> {
  const begun = ctx.ports.now();
  for (;;) {
    if (done()) return true;
    if (ctx.ports.now() - begun >= deadlineMs) return false;
    await ctx.ports.delay(POLL_MS / 5);
  }
}
