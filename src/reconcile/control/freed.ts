/**
 * Who waited for something that is over is looked at again with it, and not only with the next full look up to a minute
 * later. What waits for what waits comes along, so that a whole chain is decided in one pass, in its order.
 */
import type { Change } from '../../diff/plan.ts';
import type { Held } from './decide.ts';
import { EVERYTHING } from './queue.ts';

type HeldNow = ReadonlyMap<string, Held>;

/** Of a look: what was held before, is held no more and is made by no pass. `made`: agents, and addresses of what all share. */
export function freedByLook(before: HeldNow, now: HeldNow, made: ReadonlySet<string>): readonly string[] {
  const over = [...before.values()].filter((h) => !now.has(h.address) && !made.has(h.agent ?? h.address));
  return keysBehind(now, new Set(over.map((h) => h.address)));
}

/** Of effects: what was made, whatever came of it, and what was over while they were made. `others`: what other passes make. */
export function freedByEffects(
  held: HeldNow,
  acted: readonly Change[],
  others: ReadonlySet<string>,
): readonly string[] {
  const waits = (address: string): boolean => held.has(address) || others.has(address);
  const over = [...held.values()].flatMap(({ behind }) => (behind === null || waits(behind) ? [] : [behind]));
  return keysBehind(held, new Set([...acted.map((c) => c.address), ...over]));
}

function keysBehind(held: HeldNow, over: ReadonlySet<string>): readonly string[] {
  const gone = new Set(over);
  const keys = new Set<string>();
  for (let grew = gone.size > 0; grew; ) {
    const next = [...held.values()].filter((h) => h.behind !== null && gone.has(h.behind) && !gone.has(h.address));
    for (const { address, agent } of next) {
      gone.add(address);
      keys.add(agent ?? EVERYTHING);
    }
    grew = next.length > 0;
  }
  return [...keys];
}
