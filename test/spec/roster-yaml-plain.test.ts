/** The quick reader against the library: whatever it answers, the library would have, places included. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAnyYaml } from '../../src/spec/yaml-library.ts';
import { readPlainYaml } from '../../src/spec/yaml-plain.ts';

const SAMPLE = readFileSync(new URL('../../fleet.yaml', import.meta.url), 'utf8');

const WITHOUT_COMMENT_SIGNS = SAMPLE.slice(SAMPLE.indexOf('version: 1')).replace(/^( *)# /gm, '$1');

/** Fails where the quick reader answers and the library does not say the same; true where it answered. */
function agrees(text: string): boolean {
  const plain = readPlainYaml(text);
  if (plain === null) return false;
  const whole = readAnyYaml(text);
  if (!whole.ok) throw new Error(`taken for plain: ${JSON.stringify(text)}: ${JSON.stringify(whole.error)}`);
  expect(plain.data, text).toEqual(whole.value.data);
  const data = plain.data as Readonly<Record<string, unknown>>;
  for (const [key, list] of Object.entries(data)) {
    for (const [i, place] of (plain.places.get(list) ?? []).entries()) {
      expect(place, text).toEqual(whole.value.locate([key, i], 'value'));
    }
  }
  return true;
}

const RUNS = Number(process.env['FLEET_TEST_RUNS'] ?? 3_000);

const KEY = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.constantFrom('a', 'b', 'c', 'name', 'w-jarvis', 'x.y', '_z', 'agents', 'd', 'e', 'f', 'g-1', 'h'),
  },
  { weight: 1, arbitrary: fc.constantFrom('1', 'true', '__proto__', '"q"', 'a b', '-', 'é', '<<', '?') },
);
const WORD = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.constantFrom(
      'pi',
      '~/x',
      '/y',
      '--model',
      '-x',
      './z',
      '7',
      '0',
      'true',
      '15s',
      'a b',
      '"q # : r"',
      "'s'",
      'yes',
      '2026-12-31',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '~',
      'null',
      '1.5',
      '012',
      '-1',
      '.5',
      '.inf',
      'a: b',
      'a #b',
      'a#b',
      'http://x',
      '*a',
      '&a b',
      '!t',
      '|',
      '>',
      '"\\n"',
      "'it''s'",
      '@',
      '%',
      '=',
      '😀',
      'x\u00a0',
      '',
    ),
  },
);
const BLANKS = fc.constantFrom('', '', ' ', '  ');
const FLOW: fc.Arbitrary<string> = fc.letrec<{ value: string; list: string; map: string }>((tie) => ({
  value: fc.oneof({ weight: 4, arbitrary: WORD }, tie('list'), tie('map')),
  list: fc
    .tuple(
      BLANKS,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.constantFrom(', ', ',', ' , '),
      fc.constantFrom('', '', ',', ' '),
    )
    .map(([blank, items, comma, end]) => `[${blank}${items.join(comma)}${end}]`),
  map: fc
    .tuple(
      BLANKS,
      fc.array(fc.tuple(KEY, fc.constantFrom(': ', ': ', ':  ', ':'), tie('value')), { maxLength: 3 }),
      fc.constantFrom('', ' '),
    )
    .map(([blank, pairs, end]) => `{${blank}${pairs.map((pair) => pair.join('')).join(', ')}${end}}`),
})).value;
const COMMENT = fc.constantFrom('', '', '', '', ' # c', '  # a: "b', ' ', '#d');
/** The lines of a block, as they would stand at column 0. */
const BLOCK: fc.Arbitrary<readonly string[]> = fc.letrec<{
  map: readonly string[];
  list: readonly string[];
  below: readonly string[];
}>((tie) => ({
  map: fc
    .array(fc.tuple(KEY, COMMENT, fc.oneof({ weight: 3, arbitrary: FLOW }, { weight: 2, arbitrary: tie('below') })), {
      minLength: 1,
      maxLength: 4,
    })
    .map((pairs) =>
      pairs.flatMap(([key, comment, value]) =>
        typeof value === 'string' ? [`${key}: ${value}${comment}`] : [`${key}:${comment}`, ...value],
      ),
    ),
  list: fc
    .array(
      fc.tuple(
        fc.constantFrom('- ', '- ', '-   ', '-'),
        fc.oneof({ weight: 1, arbitrary: FLOW }, { weight: 2, arbitrary: tie('map') }),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((items) =>
      items.flatMap(([dash, item]) =>
        typeof item === 'string'
          ? [`${dash}${item}`]
          : item.map((line, i) => `${i === 0 ? dash : ' '.repeat(dash.length)}${line}`),
      ),
    ),
  below: fc
    .tuple(fc.constantFrom('  ', '  ', '    ', ' ', ''), fc.oneof(tie('map'), tie('list')))
    .map(([indent, lines]) => lines.map((line) => indent + line)),
})).map;
const NOISE = fc.tuple(fc.nat(40), fc.constantFrom('', '# c', '  # c', '---', '...', '  x', '- y', '\t', ' '));
/** Mostly plain, mostly valid; sometimes a line that does not belong, or another kind of line end. */
const DOCUMENT = fc
  .tuple(
    BLOCK,
    fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, NOISE),
    fc.constantFrom('\n', '\n', '\n', '\r\n'),
    fc.boolean(),
  )
  .map(([lines, noise, end, last]) => {
    const all = [...lines];
    if (noise !== null) all.splice(noise[0] % (all.length + 1), 0, noise[1]);
    return all.join(end) + (last ? end : '');
  });

const PLAIN: readonly string[] = [
  SAMPLE,
  WITHOUT_COMMENT_SIGNS,
  'version: 1\nagents: []',
  '---\nversion: 1\nagents:\n- name: a\n  runtime: pi\n- name: b\n',
  'a:\n  - b: c\n    d:\n    - e\n    - f: [g, {h: i, j: [k]}]\n  - x\nl: m\n',
  'a: "x # y"  # z\nb: \'it: is\'\nc: x#y\nd: http://x:1/y\ne: {}\nf: [ ]\ng: [a, b,]\n',
  'a: 15s\nb: 2026-12-31\nc: [pi, --model, -x, ./y, ../z, a b]\nd: 0\ne: 12\nf: true\ng: false\nh: yes\n',
  'a:\n  -\n    b: c\n  -\n    # why\n\n    d: e\n',
  'a: x é – “x”\n# ünï\n',
];

const NOT_PLAIN: readonly string[] = [
  '',
  'x',
  '- a',
  'a: ~\n',
  'a: null\n',
  'a:\n',
  'a: 012\n',
  'a: 1.0\n',
  'a: 1e3\n',
  'a: 0x1f\n',
  'a: +1\n',
  'a: .inf\n',
  'a: True\n',
  'a: b\n  c\n',
  'a: b: c\n',
  'a: b:\n',
  'a: |\n  b\n',
  'a: >\n  b\n',
  'a: &b c\n',
  'a: *b\n',
  'a: !b c\n',
  'a: "\\x41"\n',
  "a: 'b''c'\n",
  'a: [b\n',
  'a: [b,\n c]\n',
  'a: [b: c]\n',
  'a: {b}\n',
  'a: [b]c\n',
  'a: "b" c\n',
  'a: b\na: c\n',
  '__proto__: b\n',
  'null: b\n',
  '1: b\n',
  'a:b\n',
  'a: b\n b: c\n',
  'a:\n  b: c\n d: e\n',
  'a:\n\tb: c\n',
  'a: b\r\n',
  'a: b\n---\nc: d\n',
  '%YAML 1.2\n---\na: b\n',
  '\ufeffa: b\n',
  'a: - b\n',
  '- - a\n',
  '? a\n: b\n',
  'a: [, b]\n',
  'a: [b]#c\n',
  `a: ${'['.repeat(100)}${']'.repeat(100)}\n`,
];

describe('the quick reader of plain YAML', () => {
  it.each(PLAIN)('reads as the library does: %j', (text) => {
    expect(agrees(text)).toBe(true);
  });

  it.each(NOT_PLAIN)('leaves to the library: %j', (text) => {
    expect(readPlainYaml(text)).toBeNull();
  });

  it('says what the library says of anything that looks like a roster', () => {
    let answered = 0;
    fc.assert(
      fc.property(DOCUMENT, (text) => {
        if (agrees(text)) answered++;
      }),
      { numRuns: RUNS },
    );
    // Otherwise the property holds for want of anything to hold of.
    expect(answered).toBeGreaterThan(RUNS / 10);
  });

  it('says what the library says of a roster with a few characters changed', () => {
    const text = WITHOUT_COMMENT_SIGNS;
    const edit = fc.tuple(
      fc.nat(text.length),
      fc.nat(3),
      fc.constantFrom('', ' ', '\n', ':', '- ', '#', '"', "'", '[', '}', ',', '0', '\n  '),
    );
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        agrees(edits.reduce((t, [at, length, insert]) => t.slice(0, at) + insert + t.slice(at + length), text));
      }),
      { numRuns: 500 },
    );
  });
});
