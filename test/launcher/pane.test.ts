import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { secretValue } from '../../src/spec/argv-file.ts';
import { envFileValues, parseEnvFile } from '../../src/spec/env-file.ts';
import type { AgentSpec } from '../../src/spec/model.ts';
import { makeAgent } from '../spec/make-agent.ts';
import { cmdline, environ, eventually, OWNER, openPrivateFleet, type PrivateFleet } from './private-fleet.ts';

let fleet: PrivateFleet;
beforeEach(() => {
  fleet = openPrivateFleet();
});
afterEach(async () => {
  await fleet.close();
});

const PAYLOADS = [
  '#(touch canary)',
  '###(touch canary)',
  '##(touch canary)',
  '#{pane_id}',
  '#[fg=red]',
  '###[fg=red]##',
  '#S',
  ';',
  'a;',
  'a\\;',
  '\\',
  'x; touch canary',
  '$(touch canary)',
  '`touch canary`',
  '| touch canary',
  '-x',
  '--',
  '-',
  '',
  ' ',
  '%h %i %%',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's own.
  '$X ${HOME} $$',
  "it's",
  "'",
  '"',
  'a\nb\n\n',
  '\r\n',
  '\t',
  '*',
  '[a-z]?',
  '~x',
  '~+',
  'ünï →',
  // UTF-8 with the bytes that shells of the ash family use inside.
  Array.from({ length: 0x40 }, (_, index) => String.fromCodePoint(0x100 + index)).join(''),
  '\u0001\u001b[31m\u007f',
  '!1',
  '{a,b}',
  'A=b',
  'x'.repeat(100_000),
];

/** Starts the agent in a real pane and waits until its process is the command. */
async function started(agent: AgentSpec, foreign = ''): Promise<number> {
  fleet.install(agent, foreign);
  expect(await fleet.launch('start', agent.name)).toEqual({ code: 0, stdout: '', stderr: '' });
  return eventually(
    async () => Number((await fleet.tmux('display-message', '-p', '-t', `=${agent.name}:`, '#{pane_pid}')).stdout),
    (pid) => pid > 0 && cmdline(pid)[0] === (agent.argv ?? [])[0],
  );
}

const waiter = [process.execPath, '-e', 'setInterval(() => {}, 1e6)', '--'];

describe('in a real pane', () => {
  beforeEach(async () => {
    await fleet.launch('holder', OWNER, '_holder', 'default');
  });

  test('every word and every value arrives byte for byte, and none is run', async () => {
    const env = Object.fromEntries(PAYLOADS.map((value, index) => [`V${index}`, { kind: 'plain', value } as const]));
    const foreign = PAYLOADS.map((value, index) => `F${index}="${value.replace(/["\\`$]/g, '\\$&')}"\n`).join('');
    const agent = makeAgent({ name: 'a1', argv: [...waiter, ...PAYLOADS], env });
    const pid = await started(agent, foreign);
    expect(cmdline(pid)).toEqual([...waiter, ...PAYLOADS]);
    const live = environ(pid);
    for (const [index, value] of PAYLOADS.entries()) {
      expect(live[`V${index}`]).toBe(value);
      expect(live[`F${index}`]).toBe(value);
    }
    expect(live).toMatchObject({
      FLEET_AGENT_NAME: 'a1',
      FLEET_AGENT_CLASS: 'worker',
      FLEET_AGENT_WORKDIR: fleet.home,
    });
    for (const place of [fleet.home, fleet.root, process.cwd(), '/'])
      expect(existsSync(join(place, 'canary'))).toBe(false);
  });

  test.each(PAYLOADS.filter((name) => name !== '' && name.length < 200))(
    'a directory named %j is the working directory',
    async (name) => {
      const inner = join(fleet.home, name);
      mkdirSync(inner);
      const pid = await started(makeAgent({ name: 'a1', argv: ['sleep', '1000'], workingDirectory: inner }));
      expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(inner);
      const shown = await fleet.tmux('display-message', '-p', '-t', '=a1:', '#{session_path}');
      expect(shown.stdout).toBe(`${inner}\n`);
      for (const place of [fleet.home, fleet.root, '/']) expect(existsSync(join(place, 'canary'))).toBe(false);
    },
  );

  test('what tmux sets stays', async () => {
    const pid = await started(makeAgent({ name: 'a1', argv: ['sleep', '1000'] }));
    const { TMUX, TMUX_PANE, TERM } = environ(pid);
    expect(TMUX).toContain(`${fleet.root}/tmux-`);
    expect(TMUX_PANE).toMatch(/^%\d+$/);
    expect(TERM).toMatch(/^(screen|tmux)/);
  });

  test.each([
    ['a command that is not there', { argv: ['no-such-program'] }, '127', 'command not found: no-such-program'],
    ['a path that is not there', { argv: ['/no/such'] }, '127', 'command not found: /no/such'],
    ['a script whose interpreter is missing', { argv: ['./broken'] }, '127', 'cannot be executed: ./broken'],
    ['a directory as command', { argv: ['/etc'] }, '126', 'not an executable file: /etc'],
    ['a directory that is not there', { workingDirectory: '/no/such' }, '126', 'cannot be entered: /no/such'],
    [
      'an unreadable secret',
      { env: { T: { kind: 'secret', fromFile: '~/none' } } },
      '126',
      'the file for T cannot be read',
    ],
  ] as const)('%s is told in the pane, which stays', async (_, changes, status, text) => {
    writeFileSync(join(fleet.home, 'broken'), '#!/no/such\n', { mode: 0o755 });
    fleet.install(makeAgent({ name: 'a1', argv: ['sleep', '1000'], ...changes }));
    expect((await fleet.launch('start', 'a1')).code).toBe(0);
    const shown = await eventually(
      async () =>
        (await fleet.tmux('display-message', '-p', '-t', '=a1:', '#{pane_dead} #{pane_dead_status}')).stdout.trim(),
      (seen) => seen.startsWith('1'),
    );
    expect(['1', `1 ${status}`]).toContain(shown);
    // What it wrote last may still be on its way to the screen, or scrolled off it by tmux's own word on its end.
    const screen = await eventually(
      async () => (await fleet.tmux('capture-pane', '-p', '-J', '-S', '-', '-t', '=a1:')).stdout,
      (seen) => seen.includes(text),
    );
    expect(screen).toContain(`fleet: agent a1: `);
  });
});

/** Without tmux: the pane's part run as it is, its program printing what it got. */
async function becomes(agent: AgentSpec, options: Parameters<PrivateFleet['launchWith']>[0] = {}, foreign = '') {
  fleet.install(agent, foreign);
  return fleet.launchWith(options, 'pane', agent.name);
}
function parseEnvironment(text: string): Readonly<Record<string, string>> {
  const entries = text.split('\0').slice(0, -1);
  return Object.fromEntries(entries.map((entry) => [entry.split('=', 1)[0], entry.slice(entry.indexOf('=') + 1)]));
}
const printer = makeAgent({ name: 'a1', argv: ['/usr/bin/env', '-0'] });

describe('the environment of an agent', () => {
  const shells = [['/bin/sh'], ['bash', '--posix']];

  test.each(shells.map((shell) => [shell] as const))(
    'is the env file as systemd would read it, in %j',
    async (shell) => {
      const text = envText();
      await fc.assert(
        fc.asyncProperty(text, async (foreign) => {
          const ended = await becomes(printer, { shell }, foreign);
          expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
          const live = parseEnvironment(ended.stdout);
          const file = readFileSync(join(fleet.home, '.config/fleet/agents/a1.env'), 'utf8');
          const wanted = envFileValues(parseEnvFile(file));
          for (const key of ['X', 'Y', 'FLEET_AGENT_NAME']) expect([key, live[key]]).toEqual([key, wanted[key]]);
        }),
        { numRuns: 80, interruptAfterTimeLimit: 12_000 },
      );
    },
  );

  test("the roster's wins over the env file's, and that over the server's", async () => {
    const agent = { ...printer, env: { A: { kind: 'plain', value: 'roster' } } } as const;
    const ended = await becomes(agent, { env: { A: 'server', B: 'server', C: 'server' } }, 'A=file\nB=file\n');
    expect(parseEnvironment(ended.stdout)).toMatchObject({ A: 'roster', B: 'file', C: 'server' });
  });

  test("keeps names that the shell has for itself out of the shell's way", async () => {
    const foreign = 'OPTIND=x\nPPID=x\nUID=x\nIFS=a\nfleet_name=x\nfleet_workdir=/\n1X=2\nA-B=3\nCDPATH=/etc\nB=1\n';
    for (const shell of shells) {
      const ended = await becomes(printer, { shell }, foreign);
      expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: '' });
      expect(parseEnvironment(ended.stdout)).toMatchObject({ B: '1', FLEET_AGENT_NAME: 'a1' });
    }
  });

  test('a secret is read when the agent starts, stands in no file, and is not printed', async () => {
    const secret = ' s3cr3t\'"$x\n\nsecond line \n\n';
    writeFileSync(join(fleet.home, 'token'), secret);
    const agent = { ...printer, env: { TOKEN: { kind: 'secret', fromFile: '~/token' } } } as const;
    const ended = await becomes(agent);
    expect(parseEnvironment(ended.stdout)['TOKEN']).toBe(secretValue(secret));
    expect(secretValue(secret)).toBe(' s3cr3t\'"$x\n\nsecond line ');
    writeFileSync(join(fleet.home, 'token'), 'other');
    expect(parseEnvironment((await fleet.launchWith({}, 'pane', 'a1')).stdout)['TOKEN']).toBe('other');
    expect(ended.stderr).toBe('');
  });

  test('PATH begins with the places of programs installed by the user', async () => {
    const path = async (env: NodeJS.ProcessEnv, foreign = '', agent: AgentSpec = printer) =>
      parseEnvironment((await becomes(agent, { env, shell: ['/bin/sh'] }, foreign)).stdout)['PATH'];
    const { home } = fleet;
    const prefix = `${home}/.npm-global/bin:${home}/.local/bin`;
    expect(await path({ PATH: '/usr/bin:/bin' })).toBe(`${prefix}:/usr/bin:/bin`);
    expect(await path({ PATH: '' })).toBe(`${prefix}:/usr/local/bin:/usr/bin:/bin`);
    expect(await path({ PATH: '/usr/bin' }, 'PATH=/opt/bin\n')).toBe(`${prefix}:/opt/bin`);
    expect(await path({ PATH: '/usr/bin' }, 'NPM_CONFIG_PREFIX=/opt/npm\n')).toBe(
      `${home}/.npm-global/bin:/opt/npm/bin:${home}/.local/bin:/usr/bin`,
    );
    const own = { ...printer, env: { PATH: { kind: 'plain', value: '/only' } } } as const;
    expect(await path({ PATH: '/usr/bin' }, '', own)).toBe('/only');
  });

  test('a program is found in ~/.npm-global/bin although the server never heard of it', async () => {
    const program = join(fleet.home, '.npm-global/bin/my-agent');
    mkdirSync(join(program, '..'), { recursive: true });
    writeFileSync(program, '#!/bin/sh\nprintf "%s|" "$0" "$@" "$_"\n', { mode: 0o755 });
    const ended = await becomes({ ...printer, argv: ['my-agent', 'x'] }, { env: { PATH: '/usr/bin:/bin' } });
    expect(ended).toMatchObject({ code: 0, stdout: `${program}|x|${program}|` });
  });

  test('a missing env file, argv file or command is told', async () => {
    expect(await fleet.launchWith({}, 'pane', 'a1')).toMatchObject({ code: 126 });
    fleet.install({ ...printer, argv: [] });
    expect((await fleet.launchWith({}, 'pane', 'a1')).stderr).toContain('no command in ');
  });
});

function envText() {
  const unit = fc.constantFrom('a', 'B', '=', ' ', '\t', '\n', '"', "'", '\\', '#', ';', '$', '`', '~', 'é', '*', 'ā');
  const piece = fc.oneof(
    fc.constantFrom('X=', 'Y=', '\nX=', '\nY=', '\r\n', '# c', '\nX=1', '\\\n', '\\\r\n', '"', "'", 'x y', '"a" \'b\''),
    fc.string({ unit, maxLength: 6 }),
  );
  return fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
}
