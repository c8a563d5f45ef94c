import { expect, test } from 'vitest';
import { newNonce, randomHex } from '../../src/observe/nonce.ts';

test('a nonce is letters, digits, - and _, never twice the same, and never looks like a flag', () => {
  const made = Array.from({ length: 5_000 }, newNonce);
  expect(made.filter((nonce) => !/^[A-Za-z][\w-]{16}$/.test(nonce))).toEqual([]);
  expect(new Set(made).size).toBe(made.length);
});

test('hexadecimal digits are two for each byte', () => {
  expect(Array.from({ length: 100 }, () => randomHex(4)).filter((id) => !/^[0-9a-f]{8}$/.test(id))).toEqual([]);
});
