import { describe, expect, test } from 'vitest';
import { haveSameFields, kept } from '../../src/spec/kept.ts';

describe('what is kept', () => {
  test('is what was made for the very same inputs, and is made anew for any other', () => {
    const memory = kept<string, object>();
    const list = ['x'];
    const of = (...inputs: readonly unknown[]) => memory.of('a', inputs, () => ({}));
    const first = of(list, 1, null);
    expect(of(list, 1, null)).toBe(first);
    expect(memory.of('b', [list, 1, null], () => ({}))).not.toBe(first);
    const others = [
      [['x'], 1, null],
      [list, 2, null],
      [list, 1, undefined],
      [list, 1],
      [list, 1, null, null],
      [list, Number.NaN, null],
    ];
    for (const inputs of others) {
      const made = of(...inputs);
      expect(made).not.toBe(first);
      expect(of(...inputs)).toBe(made);
    }
  });

  test('is never what could not be made', () => {
    const memory = kept<string, string>();
    const first = memory.of('a', [1], () => 'one');
    const fail = (): string => {
      throw new Error('no');
    };
    expect(() => memory.of('a', [2], fail)).toThrow('no');
    expect(() => memory.of('a', [2], fail)).toThrow('no');
    expect(memory.of('a', [1], () => 'other')).toBe(first);
    expect(memory.of('a', [2], () => 'two')).toBe('two');
  });

  test('goes when nobody asked for it between two sweeps', () => {
    const memory = kept<number, number>();
    for (let key = 0; key < 100; key += 1) memory.of(key, [], () => key);
    memory.sweep();
    expect(memory.size()).toBe(100);
    memory.of(7, [], () => 7);
    memory.sweep();
    expect(memory.size()).toBe(1);
    expect(memory.last(7)).toBe(7);
    expect(memory.last(8)).toBeUndefined();
  });
});

test.each<[object, object, boolean]>([
  [{ a: 1, b: 'x' }, { b: 'x', a: 1 }, true],
  [{}, {}, true],
  [{ a: 1 }, { a: 2 }, false],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [{ a: 1, b: undefined }, { a: 1, c: undefined }, false],
  [{ a: undefined }, { toString: undefined }, false],
  [{ a: [1] }, { a: [1] }, false],
])('whether %j has the fields of %j: %s', (a, b, same) => {
  expect(haveSameFields(a, b)).toBe(same);
  expect(haveSameFields(b, a)).toBe(same);
  expect(haveSameFields(a, a)).toBe(true);
});
