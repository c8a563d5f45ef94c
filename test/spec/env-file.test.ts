import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  envFileValues,
  envFileVariables,
  mergeEnvFile,
  parseEnvFile,
  sameEnvValue,
  wantedEnv,
} from '../../src/spec/env-file.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import type { AgentSpec } from '../../src/spec/model.ts';
import { makeAgent } from './make-agent.ts';

const values = (text: string) => envFileValues(parseEnvFile(text));

describe('an env file is read as systemd reads it', () => {
  test.each([
    ['A=b\n', { A: 'b' }],
    ['A=b', { A: 'b' }],
    ['A=\n', { A: '' }],
    [' \tA \t= \t b c \t\n', { A: 'b c' }],
    ['A="b c "\n', { A: 'b c ' }],
    ["A='b \\n \" c'\n", { A: 'b \\n " c' }],
    ['A="x\\"\\\\\\$\\`\\n"\n', { A: 'x"\\$`\\n' }],
    ['A="one\ntwo"\nB=3\n', { A: 'one\ntwo', B: '3' }],
    ['A=one\\\ntwo\nB=3\n', { A: 'onetwo', B: '3' }],
    ['A="one\\\ntwo"\n', { A: 'onetwo' }],
    ['A=b\\ \n', { A: 'b ' }],
    ['A=it\'s "here"\n', { A: 'it\'s "here"' }],
    ['A="a" \'b\'c\n', { A: 'abc' }],
    ['# A=b\n;A=c\n', {}],
    ['A=#b;c\n', { A: '#b;c' }],
    ['A=b\r\nB="c"\r\n', { A: 'b', B: 'c' }],
    ['A=1\nA=2\n', { A: '2' }],
    ['junk\nA=b\n', { A: 'b' }],
    ['A="open\nB=c\n', { A: 'open\nB=c\n' }],
    ['A=b\\', { A: 'b' }],
    ['=a=b\n', { '=a': 'b' }],
    ['', {}],
  ])('%j', (text, expected) => {
    expect(values(text)).toEqual(expected);
  });

  test('keys keep the order of their first appearance', () => {
    expect([...envFileVariables(parseEnvFile('B=1\n# C=2\nA=2\nB=3\n'))]).toEqual([
      ['B', '3'],
      ['A', '2'],
    ]);
  });

  test('no byte is lost in lines', () => {
    fc.assert(
      fc.property(envText(), (text) => {
        const { lines } = parseEnvFile(text);
        expect(lines.map((line) => line.raw).join('')).toBe(text);
        expect(lines.every((line) => line.raw !== '')).toBe(true);
        expect(lines.slice(0, -1).every((line) => line.end === 'closed')).toBe(true);
      }),
    );
  });
});

describe('lines that are taken at sight', () => {
  // White space before a key means nothing to systemd, and is nothing that is taken at sight.
  const slowly = (text: string) => parseEnvFile(` ${text}`).lines.map(({ key, value, end }) => ({ key, value, end }));
  const read = (text: string) => parseEnvFile(text).lines.map(({ key, value, end }) => ({ key, value, end }));

  test.each([
    'A=b\n',
    'A=\n',
    'A=b c\n',
    'A=b  c\n',
    'A=b \n',
    'A= b\n',
    'A=~/x=y\n',
    'A=#b\n',
    'A=b\r\n',
    'A=b',
    'A b=c\n',
  ])('%j is read as one character after the other', (text) => {
    expect(read(text)).toEqual(slowly(text));
  });

  test('so is any other', () => {
    fc.assert(
      fc.property(
        envText().filter((text) => text !== ''),
        (text) => {
          expect(read(text)).toEqual(slowly(text));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('a merge', () => {
  test('writes a new file in the order that is wanted, an empty value bare', () => {
    expect(mergeEnvFile(null, { N: 'x', C: '', K: null, W: '/a b' })).toBe('N=x\nC=\nW=/a b\n');
  });

  test('replaces in place, drops repetitions of its own, adds at the end, removes', () => {
    const before = '# mine\nX=1\r\nN=old\nX=1\nN=older\n\nK=gone\n  Y = "2"  # not a comment\n';
    expect(mergeEnvFile(before, { C: 'c', N: 'new', K: null })).toBe(
      '# mine\nX=1\r\nN=new\nX=1\n\n  Y = "2"  # not a comment\nC=c\n',
    );
  });

  test('a key that was taken away comes again where it stood', () => {
    const text = mergeEnvFile('X=1\n', { N: 'a', C: 'b', K: 'c', W: 'd' });
    const without = mergeEnvFile(text, { N: 'a', C: null, K: null, W: 'd' });
    expect(without).toBe('X=1\nN=a\nW=d\n');
    expect(mergeEnvFile(without, { N: 'a', C: 'b', K: 'c', W: 'd' })).toBe(text);
    expect(mergeEnvFile('W=d\nX=1\nN=a\nY=2', { N: 'a', C: 'b', K: 'c', W: 'd' })).toBe('W=d\nX=1\nN=a\nC=b\nK=c\nY=2');
  });

  test('an empty value in quotes becomes bare: other readers take the quotes for a value', () => {
    expect(mergeEnvFile("S=''\n", { S: '' })).toBe('S=\n');
  });

  test('a missing last newline is added only where a line follows', () => {
    expect(mergeEnvFile('X=1', { N: 'a' })).toBe('X=1\nN=a\n');
    expect(mergeEnvFile('N=a\nX=1', { N: 'a' })).toBe('N=a\nX=1');
  });

  test.each(['X="open', "X='open\n", 'X=a\\', 'X=a\\\n', '# c\\\n', '# c\\'])(
    'what would swallow a further line stays last: %j',
    (text) => {
      expect(mergeEnvFile(text, { N: 'a' })).toBe(`N=a\n${text}`);
    },
  );

  test('quotes a value only where it must be quoted', () => {
    expect(mergeEnvFile(null, { A: "pi 'a b'", B: "'my pi' x", C: 'a\\b', D: 'x ', E: 'a\nb', F: 'a"$`' })).toBe(
      'A=pi \'a b\'\nB="\'my pi\' x"\nC="a\\\\b"\nD="x "\nE="a\nb"\nF=a"$`\n',
    );
  });

  test('gives what was wanted, keeps foreign lines byte for byte, and is idempotent', () => {
    const wanted = fc.dictionary(fc.constantFrom('N', 'C', 'K'), fc.option(fc.string({ unit: unit() }), { nil: null }));
    fc.assert(
      fc.property(envText(), wanted, (text, want) => {
        const merged = mergeEnvFile(text, want);
        const after = parseEnvFile(merged);
        const seen = envFileValues(after);
        for (const [key, value] of Object.entries(want)) expect(seen[key]).toBe(value ?? undefined);
        // As bytes: where a line between a lone CR and an LF is taken out, these two become one line end.
        expect(foreign(merged, want).join('')).toEqual(foreign(text, want).join(''));
        expect(mergeEnvFile(merged, want)).toBe(merged);
      }),
      { numRuns: 2000 },
    );
  });

  test('systemd itself reads what was merged as it was meant', (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'fleet-env-'));
    try {
      const file = join(directory, 'x.env');
      const want = { N: ' a\'b"c\\d$e`f\n;#g\t', C: '', W: 'plain words' };
      writeFileSync(file, mergeEnvFile('# c\nX="1"\n', want));
      const manager = process.getuid?.() === 0 ? [] : ['--user'];
      const options = ['--no-ask-password', '--pipe', '--quiet', '--wait', `-pEnvironmentFile=${file}`];
      const cat = spawnSync('systemd-run', [...manager, ...options, 'env', '-0'], {
        encoding: 'utf8',
        timeout: 10_000,
      });
      if (cat.status !== 0) context.skip('needs a running systemd to ask');
      for (const [key, value] of Object.entries(want)) expect(cat.stdout.split('\0')).toContain(`${key}=${value}`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('what an env file must say', () => {
  const home = '/home/j';

  test('lists the own keys in order, and the command only where the roster gives one', () => {
    const agent = makeAgent({ name: 'pi-1', class: 'worker', workingDirectory: '~/src', argv: ['pi'] });
    expect(Object.entries(wantedEnv({ layout: 'mosaic' }, agent, home))).toEqual([
      ['MOSAIC_AGENT_NAME', 'pi-1'],
      ['MOSAIC_AGENT_CLASS', 'worker'],
      ['MOSAIC_AGENT_RUNTIME', 'pi'],
      ['MOSAIC_AGENT_MODEL', ''],
      ['MOSAIC_AGENT_WORKDIR', '/home/j/src'],
      ['MOSAIC_AGENT_COMMAND', null],
      ['MOSAIC_TMUX_SOCKET', ''],
    ]);
  });

  test('the command is shell words with ~ expanded, quotes only where needed', () => {
    const argv = ['python3', '~/x.py', 'a b', "it's", 'A=1', ''];
    const agent: AgentSpec = makeAgent({ argv, commandGiven: true, socket: 's', modelHint: 'm' });
    expect(wantedEnv({ layout: 'fleet' }, agent, home)).toMatchObject({
      FLEET_AGENT_COMMAND: `python3 /home/j/x.py 'a b' 'it'\\''s' A=1 ''`,
      FLEET_AGENT_MODEL: 'm',
      FLEET_TMUX_SOCKET: 's',
    });
  });

  test.each([
    ['MOSAIC_AGENT_RUNTIME', undefined, 'pi', true],
    ['MOSAIC_AGENT_RUNTIME', undefined, 'claude', false],
    ['MOSAIC_AGENT_RUNTIME', '', 'pi', false],
    ['MOSAIC_AGENT_WORKDIR', undefined, '/home/j', true],
    ['MOSAIC_AGENT_MODEL', undefined, '', true],
    ['MOSAIC_TMUX_SOCKET', undefined, '', true],
    ['MOSAIC_AGENT_CLASS', undefined, 'worker', false],
    ['MOSAIC_AGENT_NAME', undefined, '', false],
    ['MOSAIC_AGENT_COMMAND', undefined, null, true],
    ['MOSAIC_AGENT_COMMAND', '', null, false],
    ['MOSAIC_AGENT_COMMAND', 'python3  ~/x.py "a b"', "python3 /home/j/x.py 'a b'", true],
    ['MOSAIC_AGENT_COMMAND', "python3 '~/x.py'", 'python3 /home/j/x.py', false],
    ['MOSAIC_AGENT_COMMAND', 'python3 /home/j/x.py; rm y', "python3 '/home/j/x.py;' rm y", false],
    ['MOSAIC_AGENT_COMMAND', '"open', 'open', false],
  ])('%s=%j against %j', (key, seen, wanted, same) => {
    expect(sameEnvValue(layoutOf('mosaic'), key, seen, wanted, { home })).toBe(same);
  });

  test('in layout fleet nothing is defaulted', () => {
    const { keys } = layoutOf('fleet');
    expect(sameEnvValue(layoutOf('fleet'), keys.model, undefined, '', { home })).toBe(false);
  });

  test('a command that is written is read back as the same words', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: unit() }), { minLength: 1 }), (argv) => {
        const wanted = wantedEnv({ layout: 'mosaic' }, makeAgent({ argv, commandGiven: true }), home);
        const key = layoutOf('mosaic').keys.command;
        const seen = values(mergeEnvFile(null, wanted))[key];
        const respaced = seen?.replaceAll("' '", "'   '");
        expect(sameEnvValue(layoutOf('mosaic'), key, seen, wanted[key] ?? null, { home })).toBe(true);
        expect(respaced === undefined).toBe(false);
      }),
    );
  });
});

function foreign(text: string, own: Readonly<Record<string, unknown>>): readonly string[] {
  const lines = parseEnvFile(text).lines.filter((line) => line.key === null || !Object.hasOwn(own, line.key));
  // A newline may be added behind the last line, and only there.
  return lines.map((line) => (line.end === 'needs-newline' ? `${line.raw}\n` : line.raw));
}

function unit() {
  return fc.constantFrom(
    'a',
    'B',
    '=',
    ' ',
    '\t',
    '\n',
    '\r',
    '"',
    "'",
    '\\',
    '#',
    ';',
    '$',
    '`',
    '~',
    '/',
    'é',
    '{',
    '|',
  );
}

function envText() {
  const piece = fc.oneof(
    fc.constantFrom('N=', 'C=', 'K=', 'X=', '\n', '\r\n', '# c', 'N=1\n', 'X=2\n', '\\\n', '"', "'", 'x y'),
    fc.string({ unit: unit(), maxLength: 5 }),
  );
  return fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));
}
