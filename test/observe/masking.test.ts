import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withoutSecrets } from '../../src/observe/free-text.ts';
import { createMasking } from '../../src/observe/masking.ts';
import { formatEnvFileValue, quoteShell } from '../../src/spec/quoting.ts';
import * as w from '../diff/world.ts';

function knowing(...values: readonly string[]) {
  const masking = createMasking();
  for (const value of values) masking.learn(value);
  return masking;
}

const SECRET = `p4ss"wörd' $x&y/z%`;
const mask = knowing(SECRET);

describe('a secret is struck out', () => {
  test.each([
    ['as it is', SECRET],
    ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
    ['quoted for a shell', quoteShell(SECRET).slice(1, -1)],
    ['quoted for an env file', formatEnvFileValue(SECRET)],
    ['between double quotes', SECRET.replace(/["\\`$]/g, '\\$&')],
    ['as printf %q writes it', SECRET.replace(/[^\w@%+=:,./-]/g, '\\$&')],
    ['in a URL', encodeURIComponent(SECRET)],
    ['in a form', encodeURIComponent(SECRET).replaceAll('%20', '+')],
    ['in base64', Buffer.from(SECRET).toString('base64')],
    ['in base64 for URLs', Buffer.from(SECRET).toString('base64url')],
  ])('%s', (_, form) => {
    expect(mask.text(`before ${form} after ${form}`)).toBe('before *** after ***');
  });

  test.each([['u'], ['us'], ['usr'], ['a longer user name']])('in base64 behind %s: what was before it', (user) => {
    const token = 'tok-4711-abcdefgh';
    const header = Buffer.from(`${user}:${token}:x`).toString('base64');
    const masked = knowing(token).text(`Authorization: Basic ${header}`);
    expect(masked).toContain('***');
    const left = masked.slice(masked.lastIndexOf(' ') + 1).replace('***', '');
    expect(header.length - left.length).toBeGreaterThanOrEqual(Math.floor((token.length * 8) / 6) - 1);
  });

  test('each of its lines by itself, as a screen shows them', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----';
    expect(knowing(key).text('cat: MIIEvQIBADANBg\nand kqhkiG9w0BAQEF')).toBe('cat: ***\nand ***');
  });

  test('cut off where the kernel cuts a name', () => {
    expect(knowing('abcdefghijklmnopqrstuvwxyz').text('comm abcdefghijklmno.')).toBe('comm ***.');
  });

  test('the older value too, and the longer of two of which one is in the other', () => {
    expect(knowing('old-token-1', 'old-token-1-and-more').text('old-token-1 old-token-1-and-more')).toBe('*** ***');
  });
});

describe('what is no secret stays', () => {
  test.each([
    ['too short to look for', 'yes', 'yes, yes'],
    ['empty', '', 'text'],
    ['short, inside a word', 'main', 'domain mainly main_ 1main'],
  ])('%s', (_, secret, text) => {
    expect(knowing(secret).text(text)).toBe(text);
  });

  test('short and alone, it is struck out', () => {
    expect(knowing('main').text('TOKEN=main; "main" (main)')).toBe('TOKEN=***; "***" (***)');
  });

  test('nothing learnt: the very same text and data', () => {
    const data = { a: ['b'] };
    expect(createMasking().data(data)).toBe(data);
    expect(createMasking().isEmpty()).toBe(true);
  });

  test('numbers, keys and the shape of data', () => {
    const masked = knowing('12345678').data({ '12345678': 12345678, list: [null, true, 'x12345678'] });
    expect(masked).toEqual({ '12345678': 12345678, list: [null, true, 'x***'] });
  });
});

test('whatever the secret, and wherever it stands, it is never left', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 8, maxLength: 60 }), text, text, (secret, before, after) => {
      const masked = knowing(secret).text(`${before}${secret}${after}`);
      // Unless the surroundings, or the mask itself, spell it out again.
      if (!`${before}***${after}`.includes(secret)) expect(masked).not.toContain(secret);
    }),
  );
});

test('sessions in which nothing is struck out are the very objects that they were, so that who looks again knows them', () => {
  const agents = ['one', 'two'].map((name) => `  - { name: ${name}, runtime: pi }\n`).join('');
  const seen = w.healthy(w.roster(`version: 1\nagents:\n${agents}`));
  w.paneOf(seen, 'two').current_command = `pi ${SECRET}`;
  const masked = withoutSecrets(mask, seen);
  expect(w.session(masked as typeof seen, 'one')).toBe(w.session(seen, 'one'));
  expect(w.session(masked as typeof seen, 'two')).not.toBe(w.session(seen, 'two'));
  expect(w.paneOf(masked as typeof seen, 'two').current_command).toBe('pi ***');
  expect(JSON.stringify(masked)).not.toContain('p4ss');
});
