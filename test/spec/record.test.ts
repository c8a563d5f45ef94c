import { expect, test } from 'vitest';
import { recordOf } from '../../src/spec/record.ts';

test('is as Object.fromEntries, names that mean something to JavaScript included', () => {
  const names = ['b', '10', 'a', '2', '__proto__', 'constructor', 'toString', 'b', ''];
  const entries = names.map((name, i) => [name, { i }] as const);
  const theirs = Object.fromEntries(entries);
  for (const ours of [recordOf(entries), recordOf(new Map(entries))]) {
    expect(Object.entries(ours)).toEqual(Object.entries(theirs));
    expect(Object.getPrototypeOf(ours)).toBe(Object.prototype);
    expect(Object.getOwnPropertyDescriptors(ours)).toEqual(Object.getOwnPropertyDescriptors(theirs));
    expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs));
  }
});
