/** The simulation itself: a seed that failed must fail again in the same way, so one seed is one life to the last number. */
import { expect, test } from 'vitest';
import { randomFrom } from '../../chaos/suite.ts';
import { Epoch } from './simulate.ts';

const life = (seed: number) => new Epoch(randomFrom(seed)).run(6);

test.each([1, 7_919, 20_261_127])('seed %i lives the same life again, and no other seed does', (seed) => {
  const first = life(seed);
  expect([first.violations, first.effects > 0]).toEqual([[], true]);
  expect(life(seed)).toEqual(first);
  expect(life(seed + 1)).not.toEqual(first);
});
