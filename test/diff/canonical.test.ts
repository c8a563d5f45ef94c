import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/diff/canonical.ts';

test('equal data has equal bytes, whatever the order in which it was put together', () => {
  const one = { b: [{ d: 1, c: null }, 'x'], a: { z: true, Y: [] } };
  const other = { a: { Y: [], z: true }, b: [{ c: null, d: 1 }, 'x'] };
  expect(canonicalJson(one)).toBe('{"a":{"Y":[],"z":true},"b":[{"c":null,"d":1},"x"]}');
  expect(canonicalJson(other)).toBe(canonicalJson(one));
});

test('the order of a list is data', () => {
  expect(canonicalJson([2, 1])).not.toBe(canonicalJson([1, 2]));
});

test('a key that is named like a prototype is one like any other', () => {
  const data: unknown = JSON.parse('{ "b": 1, "__proto__": { "y": 2, "x": 3 } }');
  expect(canonicalJson(data)).toBe('{"__proto__":{"x":3,"y":2},"b":1}');
});

test('what JSON leaves out is left out', () => {
  expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
});
