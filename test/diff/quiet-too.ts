/** Plans made with the memory of src/diff/quiet.ts, which must be those that are made without it. */
import { buildPlan, type PlanInput } from '../../src/diff/build-plan.ts';
import type { Plan } from '../../src/diff/plan.ts';
import { type Quiet, quiet } from '../../src/diff/quiet.ts';

/** `after`, with every part that is equal in `before` replaced by that very part, as what looks again and again gives it. */
export function sharing<T>(before: unknown, after: T): T {
  if (Object.is(before, after)) return after;
  if (typeof before !== 'object' || typeof after !== 'object' || before === null || after === null) return after;
  if (Array.isArray(before) !== Array.isArray(after)) return after;
  const shared = Array.isArray(after)
    ? after.map((value, at) => sharing((before as readonly unknown[])[at], value))
    : Object.fromEntries(
        Object.entries(after).map(([key, value]) => [key, sharing((before as Record<string, unknown>)[key], value)]),
      );
  const [ours, theirs] = [Object.entries(shared), Object.entries(before)];
  const same =
    ours.length === theirs.length &&
    ours.every(([key, value], at) => Object.is(theirs[at]?.[1], value) && theirs[at]?.[0] === key);
  return (same ? before : shared) as T;
}

/** Throws where a plan that follows one for `before` is another than the one that follows none. */
export function planWithMemory(before: PlanInput, input: PlanInput, memory: Quiet = quiet()): Plan {
  const earlier = buildPlan({ ...before, quiet: memory });
  const again = { ...input, observed: sharing(before.observed, input.observed), quiet: memory };
  // What was remembered by the second plan counts for the third.
  for (const plan of [buildPlan(again), buildPlan(again)]) {
    const fresh = buildPlan(input);
    const [told, wanted] = [JSON.stringify(plan, null, 1), JSON.stringify(fresh, null, 1)];
    if (told !== wanted) throw new Error(`with its memory the plan is another:\n${told}\nwithout:\n${wanted}`);
  }
  return earlier;
}
