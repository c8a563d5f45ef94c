/** Between a saved plan and its making the world moves: nothing that moved is destroyed, stopped or overwritten. */
import { afterAll, describe, expect, test } from 'vitest';
import { staleRound } from './stale-memory.ts';
import { chooseSeed, randomFrom, report, rounds } from './suite.ts';

const SEED = chooseSeed();
const IN_MEMORY = rounds(440, 4_400);
const counts: Record<string, number> = {};
const violations: string[] = [];
let done = 0;
const began = Date.now();

function add(more: Readonly<Record<string, number>>): void {
  for (const [what, n] of Object.entries(more)) counts[what] = (counts[what] ?? 0) + n;
}

afterAll(() =>
  report({
    suite: 'stale world',
    rounds: done,
    violations: violations.length,
    seed: SEED,
    seconds: (Date.now() - began) / 1000,
    counts,
  }),
);

describe('in memory', () => {
  test('whatever moved is left alone', async () => {
    for (let round = 0; round < IN_MEMORY; round += 1) {
      const end = await staleRound(randomFrom(SEED + round));
      violations.push(...end.violations.map((v) => `seed ${SEED}, round ${round}: ${v}`));
      add(end.counts);
      done += 1;
    }
    expect(violations).toEqual([]);
    // The faults were real, and plans are made where nothing moved.
    for (const what of [
      'applied',
      'stale',
      'already-satisfied',
      'deferred-busy',
      'deferred-attached',
      'refused whole',
    ]) {
      expect([what, (counts[what] ?? 0) > 0]).toEqual([what, true]);
    }
  });
});
