import { describe, expect, test } from 'vitest';
import { entry, namesIn, recordLike, recordOf } from '../../src/spec/record.ts';

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

describe('a record like the one before', () => {
  const named = [{ name: 'b' }, { name: 'a' }, { name: '__proto__' }];
  const values = [{}, {}, {}];

  test('is that one where the names and the values are the very same, and another where any is not', () => {
    const first = recordLike({}, named, values);
    expect(Object.keys(first)).toEqual(['b', 'a', '__proto__']);
    expect(Object.values(first)).toEqual(values);
    expect(recordLike(first, named, [...values])).toBe(first);
    const other = recordLike(first, named, [values[0], {}, values[2]]);
    expect(other).not.toBe(first);
    expect(other['b']).toBe(first['b']);
    const fewer = named.slice(0, 2);
    expect(Object.keys(recordLike(first, fewer, values.slice(0, 2)))).toEqual(['b', 'a']);
    // Of another list of names nobody knows that it is the same.
    expect(recordLike(first, [...named], values)).toEqual(first);
  });

  test('has no entry of a name that every object has', () => {
    expect(entry({}, 'toString')).toBeUndefined();
    expect(entry(recordLike({}, named, values), '__proto__')).toBe(values[2]);
  });

  test('has its names listed once', () => {
    const record = recordLike({}, named, values);
    expect(namesIn(record)).toEqual(['b', 'a', '__proto__']);
    expect(namesIn(record)).toBe(namesIn(record));
  });
});
