import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { argvFileOwner, renderArgvFile, secretValue, socketArgument } from '../../src/spec/argv-file.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { renderLauncher, usesLauncher } from '../../src/spec/launcher.ts';
import { quoteShell, tmuxArgument, tmuxFormatLiteral } from '../../src/spec/quoting.ts';
import { makeAgent } from './make-agent.ts';

const home = '/home/j';

describe('an argv file', () => {
  test('says all that the launcher needs, each value in single quotes', () => {
    const agent = makeAgent({
      name: 'a1',
      argv: ['pi', '--model', "it's", '~/x', ''],
      socket: 'sock',
      env: { FOO: { kind: 'plain', value: '$X' }, TOKEN: { kind: 'secret', fromFile: '~/.secrets/token' } },
      workingDirectory: '~/src',
    });
    expect(renderArgvFile({ fleet: 'mosaic', layout: 'fleet' }, agent, home)).toBe(
      [
        '# fleet: owner=mosaic',
        '# Written by fleet, do not edit: it is written again. The environment of your own goes to the .env file beside it.',
        "fleet_owner='mosaic'",
        `fleet_spec='${fingerprint(agent, home)}'`,
        "fleet_socket='sock'",
        "fleet_workdir='/home/j/src'",
        "fleet_env_file='/home/j/.config/fleet/agents/a1.env'",
        'fleet_width=200',
        'fleet_height=50',
        '[ "$fleet_part" = pane ] || return 0',
        "export FOO='$X'",
        "fleet_secret TOKEN '/home/j/.secrets/token'",
        `set -- 'pi' '--model' 'it'\\''s' '/home/j/x' ''`,
        '',
      ].join('\n'),
    );
  });

  test('names the default server, the window that is wanted, and its owner', () => {
    const text = renderArgvFile(
      { fleet: 'f', layout: 'mosaic' },
      makeAgent({ name: 'a1', socket: null, window: { width: 90, height: 30 } }),
      home,
    );
    expect(text).toContain("\nfleet_socket='default'\n");
    expect(text).toContain('\nfleet_width=90\nfleet_height=30\n');
    expect(text).toContain("\nfleet_env_file='/home/j/.config/mosaic/fleet/agents/a1.env'\n");
    expect(argvFileOwner(text)).toBe('f');
    expect(socketArgument(null)).toBe('default');
  });

  test.each(['', 'set -- x\n# fleet: owner=f\n', '# fleet: owner=\n', '#fleet: owner=f\n'])(
    '%j has no owner',
    (text) => {
      expect(argvFileOwner(text)).toBe(null);
    },
  );

  test("runs Mosaic's default where layout mosaic has no supervisor and no command", () => {
    const agent = makeAgent({ argv: null, runtime: 'claude', modelHint: 'opus' });
    expect(renderArgvFile({ fleet: 'f', layout: 'mosaic' }, agent, home)).toContain(
      "\nset -- 'mosaic' 'yolo' 'claude' '--model' 'opus'\n",
    );
  });

  test('gives a shell back every word and value as it was', () => {
    const text = fc.string({
      unit: fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', '#', 'a', 'ā', '\u0085', '!'),
    });
    fc.assert(
      fc.property(fc.array(text), text, (words, value) => {
        const argv = ['x', ...words];
        const agent = makeAgent({ argv, env: { V: { kind: 'plain', value } } });
        const script = `fleet_part=pane\n${renderArgvFile({ fleet: 'f', layout: 'fleet' }, agent, home)}\nprintf '%s\\0' "$V" "$@"`;
        const shell = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
        expect(shell.stdout.split('\0').slice(0, -1)).toEqual([value, ...argv]);
      }),
      { numRuns: 60 },
    );
  });

  test('a secret is the file without the line ends at its end', () => {
    expect(secretValue(' a\n\nb \r\n\n')).toBe(' a\n\nb \r');
  });
});

test.each([
  ['fleet', 'systemd', true],
  ['fleet', 'none', true],
  ['mosaic', 'none', true],
  ['mosaic', 'systemd', false],
] as const)('layout %s with supervisor %s uses the launcher: %s', (layout, supervisor, uses) => {
  expect(usesLauncher({ layout, supervisor })).toBe(uses);
});

test('the launcher is the same text each time, plain ASCII, and a shell can read it', () => {
  expect(renderLauncher()).toBe(renderLauncher());
  expect(renderLauncher()).toMatch(/^#!\/bin\/sh\n[\n\t\x20-\x7e]*\n$/);
  for (const shell of [['/bin/sh'], ['bash', '--posix']]) {
    const [program = '', ...options] = shell;
    const read = spawnSync(program, [...options, '-n'], { input: renderLauncher(), encoding: 'utf8' });
    expect(read.stderr).toBe('');
    expect(read.status).toBe(0);
  }
});

test.each([
  ["it's", "'it'\\''s'"],
  ['', "''"],
])('a shell word: %j', (word, quoted) => {
  expect(quoteShell(word)).toBe(quoted);
});

test.each([
  ['#(x)', '##(x)'],
  ['###(x)', '######(x)'],
  ['#[x]', '#[x]'],
  ['##[x]#', '##[x]##'],
  ['a;', 'a\\;'],
  ['a\\;', 'a\\\\;'],
  ['#;', '##\\;'],
])('a literal in a tmux format: %j', (value, literal) => {
  expect(tmuxFormatLiteral(value)).toBe(literal);
  expect(tmuxArgument('#x')).toBe('#x');
});
