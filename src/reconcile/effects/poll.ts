import type { Observed } from '../../observe/state.ts';
import type { EffectContext } from '../context.ts';

/** Milliseconds between two looks; the first comes at once. */
export const POLL_MS = 250;

/**
 * Looks until `ask` has an answer (not null) or the deadline has passed (then null). `ask` is given the milliseconds
 * since the first look.
 */
export async function pollObserved<T>(
  ctx: Pick<EffectContext, 'ports'>,
  agents: readonly string[],
  deadlineMs: number,
  ask: (seen: Observed, elapsedMs: number) => T | null,
): Promise<T | null> {
  const begun = ctx.ports.now();
  for (;;) {
    const seen = await ctx.ports.observe(agents);
    const elapsed = ctx.ports.now() - begun;
    const answer = ask(seen, elapsed);
    if (answer !== null) return answer;
    if (elapsed >= deadlineMs) return null;
    await ctx.ports.delay(POLL_MS);
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
