import { expect, test } from 'vitest';
import { randomFrom } from './suite.ts';

test('a seed gives the same numbers again, and another seed others', () => {
  const draw = (seed: number): readonly number[] => Array.from({ length: 5 }, randomFrom(seed));
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  expect(draw(7).every((n) => n >= 0 && n < 1)).toBe(true);
});
