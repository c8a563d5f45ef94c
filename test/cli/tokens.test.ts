import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Option, type OptionToken, tokensOf } from '../../src/cli/tokens.ts';

const OPTIONS: ReadonlyMap<string, Option> = new Map([
  ['file', { short: 'f', takesValue: true }],
  ['out', { short: 'o', takesValue: true }],
  ['target', { short: null, takesValue: true }],
  ['yes', { short: 'y', takesValue: false }],
  ['json', { short: null, takesValue: false }],
  ['help', { short: 'h', takesValue: false }],
]);

function tokensOfNode(args: string[]) {
  const options = Object.fromEntries(
    [...OPTIONS].map(([name, { short, takesValue }]) => [
      name,
      { type: takesValue ? ('string' as const) : ('boolean' as const), ...(short === null ? {} : { short }) },
    ]),
  );
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true });
  return tokens.flatMap((token): readonly (OptionToken | string)[] => {
    if (token.kind === 'positional') return [token.value];
    if (token.kind === 'option-terminator') return [];
    return [{ name: token.name, rawName: token.rawName, value: token.value, inline: token.inlineValue === true }];
  });
}

const word = fc.oneof(
  fc.constantFrom(
    '--',
    '-',
    '',
    '--file',
    '--file=',
    '--file=a=b',
    '--yes=no',
    '--=x',
    '--no',
    '-f',
    '-fx',
    '-f=x',
    '-y',
  ),
  fc.constantFrom(
    '-yf',
    '-yfx',
    '-yh',
    '-hyfo',
    '-z',
    '-zf',
    '-yz',
    '--json',
    '--target',
    '--out',
    '-yy',
    'a',
    'plan',
    '-1',
  ),
  fc.string({ unit: fc.constantFrom('-', '=', 'f', 'y', 'h', 'o', 'x', 'file', 'yes'), maxLength: 5 }),
);

describe('tokens', () => {
  test("are those of Node's parseArgs, whatever the command line", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
        expect(tokensOf(argv, OPTIONS)).toEqual(tokensOfNode(argv));
      }),
      { numRuns: 20_000 },
    );
  });
});
