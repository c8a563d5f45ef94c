import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { FLAGS, LATER_COMMANDS, LATER_FLAGS } from '../../src/cli/flags.ts';
import { type Bench, openBench } from './harness.ts';

let bench: Bench;
beforeAll(() => {
  bench = openBench();
});
afterAll(() => bench.remove());

describe('usage errors exit 64, print nothing on stdout and name the nearest right word', () => {
  test.each([
    [['plam'], "fleet: unknown command 'plam'\n  did you mean fleet plan?\n"],
    [['frobnicate'], "fleet: unknown command 'frobnicate'\n  fleet --help lists the commands\n"],
    [['--json', 'plan'], 'fleet: the command comes before its flags, not after --json\n  fleet COMMAND [flags]\n'],
    [['plan', '--jason'], 'fleet: unknown flag --jason\n  did you mean --json?\n'],
    [['plan', '--frobnicate'], 'fleet: unknown flag --frobnicate\n  fleet plan --help lists its flags\n'],
    [['plan', '-x'], 'fleet: unknown flag -x\n  fleet plan --help lists its flags\n'],
    [['plan', '--yes'], 'fleet: fleet plan takes no --yes\n  fleet plan --help lists its flags\n'],
    [['plan', '-f'], 'fleet: -f needs a value\n  write -f FILE\n'],
    [['plan', '--host', '--json'], 'fleet: --host needs a value\n  write --host NAME\n'],
    [['plan', '--host='], 'fleet: --host needs a value\n  write --host NAME\n'],
    [['plan', '--json=yes'], 'fleet: --json takes no value\n  write --json\n'],
    [['plan', '-f', 'a', '-f', 'b'], 'fleet: -f is given more than once\n  give it once\n'],
    [['plan', '--log-format', 'xml'], 'fleet: --log-format xml is not known\n  one of text, json\n'],
    [['plan', 'plan.json'], "fleet: fleet plan takes no argument 'plan.json'\n  fleet plan --help\n"],
    ...['0', '-1', '0%', '101%', '1.5', 'x', '1,,5', '1, 5', '1,0', '5%%', '1e3', '0x1', '１'].flatMap((bad) =>
      ['plan', 'apply'].map((command): [string[], string] => [
        [command, `--serial=${bad}`, ...(command === 'apply' ? ['-y'] : [])],
        `fleet: --serial ${bad} is not understood\n  write sizes of batches from 1 up or from 1% to 100%, as in --serial 1,5,20%\n`,
      ]),
    ),
    ...['-1', '0%', '101%', '1.5', 'x', '1,5', '%'].map((bad): [string[], string] => [
      ['plan', `--max-fail=${bad}`],
      `fleet: --max-fail ${bad} is not understood\n  write a count, or a percentage from 1% to 100%, as in --max-fail 20%\n`,
    ]),
    ...['--max-destroy', '--max-disrupt'].flatMap((flag) =>
      ['-1', '101%', '1.5', 'x', '1,5', '%'].map((bad): [string[], string] => [
        ['plan', `${flag}=${bad}`],
        `fleet: ${flag} ${bad} is not understood\n  a count, or a percentage up to 100%, as in ${flag} 2 or ${flag} 20%\n`,
      ]),
    ),
    [['explain'], 'fleet: fleet explain needs ADDR\n  fleet explain --help\n'],
    [['validate', 'a', '-f', 'b'], 'fleet: two rosters: a and -f b\n  name one\n'],
  ])('%j', async (argv, stderr) => {
    expect(await bench.run(...argv)).toEqual({ code: 64, stdout: '', stderr });
  });

  test('no command at all shows what there is', async () => {
    const { code, stdout, stderr } = await bench.run();
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('Usage: fleet COMMAND [flags]');
  });
});

describe('what this version does not have is refused, never silently ignored', () => {
  test.each(LATER_COMMANDS)('fleet %s', async (name) => {
    const stderr = `fleet: fleet ${name} is not in this version of fleet yet\n  fleet --help lists what is\n`;
    expect(await bench.run(name)).toEqual({ code: 64, stdout: '', stderr });
  });

  test.each(LATER_FLAGS)('--%s', async (flag) => {
    const { code, stderr } = await bench.run('apply', `--${flag}`, '10');
    expect([code, stderr]).toEqual([64, `fleet: --${flag} is not in this version of fleet yet\n  leave it out\n`]);
  });

  test('no command or flag is both there and to come', () => {
    expect(COMMANDS.map((c) => c.name).filter((name) => LATER_COMMANDS.includes(name))).toEqual([]);
    expect(Object.keys(FLAGS).filter((name) => LATER_FLAGS.includes(name))).toEqual([]);
  });
});

describe('help and version go to stdout and exit 0', () => {
  test.each([[['--help']], [['-h']], [['help']]])('%j lists every command', async (argv) => {
    const { code, stdout } = await bench.run(...argv);
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(`  ${command.name}`);
  });

  test.each(COMMANDS.map((c) => c.name))(
    'fleet %s --help tells all of its flags, and help %s the same',
    async (name) => {
      const { code, stdout } = await bench.run(name, '--help');
      expect(code).toBe(0);
      for (const flag of COMMANDS.find((c) => c.name === name)?.flags ?? []) expect(stdout).toContain(`--${flag}`);
      expect((await bench.run('help', name)).stdout).toBe(stdout);
    },
  );

  test.each([[['--version']], [['version']]])('%j', async (argv) => {
    const { code, stdout } = await bench.run(...argv);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^fleet \d+\.\d+\.\d+\S*\n$/)]);
  });
});

test('what is thrown inside a command is reported as a bug and exits 1', async () => {
  const { context, ran } = bench.context({
    run: () => {
      throw new Error('boom');
    },
  });
  const { fleet } = await import('../../src/cli/fleet.ts');
  const { code, stderr } = ran(await fleet(['demo'], context));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^fleet: unexpected: Error: boom\n/);
  expect(stderr.trimEnd().endsWith('This is a bug in fleet.')).toBe(true);
});
