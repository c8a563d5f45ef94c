import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeBinding, nodeModule } from '../../src/spec/node-own.ts';
import { digestOfNode } from '../../src/spec/sha256.ts';

const ANOTHER = 'v99.0.0';

describe('what lies below the modules of Node', () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  beforeEach(() => {
    warnings.length = 0;
    process.on('warning', note);
  });
  afterEach(() => {
    process.off('warning', note);
  });

  test.each(['18.20.8', '20.18.3', '20.20.3', '20.21.0', '22.19.1', '120.19.0', ''])(
    'is left alone in releases with which it was not tried: %s',
    (version) => {
      expect(nodeBinding('pipe_wrap', version)).toBe(null);
    },
  );

  test.each(['20.19.0', '20.19.6', '20.20.0', '20.20.2'])('is used with %s', (version) => {
    // It is this process's own, whatever release it is said to be.
    expect(nodeBinding('uv', version)).toHaveProperty('errname');
  });

  test('is null where there is none of that name', () => {
    expect(nodeBinding('no_such_binding', '20.20.2')).toBe(null);
  });

  test('warns nobody, and leaves warnings as they were', async () => {
    for (const before of [undefined, false, true]) {
      Object.assign(process, { noDeprecation: before });
      nodeBinding('v8', '20.20.2');
      nodeBinding('no_such_binding', '20.20.2');
      expect((process as { noDeprecation?: boolean }).noDeprecation ?? false).toBe(before ?? false);
    }
    Object.assign(process, { noDeprecation: false });
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
  });

  test('is had also where its warning cannot be turned off', () => {
    const told = Object.getOwnPropertyDescriptor(process, 'noDeprecation');
    // As node --no-deprecation leaves it.
    Object.defineProperty(process, 'noDeprecation', { value: true, writable: false, configurable: true });
    try {
      expect(nodeBinding('uv', '20.20.2')).toHaveProperty('errname');
      expect(nodeBinding('no_such_binding', '20.20.2')).toBe(null);
    } finally {
      if (told === undefined) Reflect.deleteProperty(process, 'noDeprecation');
      else Object.defineProperty(process, 'noDeprecation', told);
    }
  });

  test('modules are those that import gives', () => {
    expect(nodeModule('node:crypto').createHash).toBe(createHash);
  });
});

describe('a digest', () => {
  const reference = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

  test.each([
    ['of this release', undefined],
    ['of any other', ANOTHER],
  ])('%s is SHA-256, of texts and of bytes', (_what, version) => {
    const digest = digestOfNode(version);
    expect(digest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (text, bytes) => {
        expect([digest(text), digest(bytes)]).toEqual([reference(text), reference(bytes)]);
        expect(digest(Buffer.from(bytes).subarray(1))).toBe(reference(bytes.subarray(1)));
      }),
    );
  });
});
