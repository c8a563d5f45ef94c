/** The rule on real processes in a tmux server of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readProcessDetails } from '../../src/observe/proc/details.ts';
import { readPathLookup } from '../../src/observe/proc/paths.ts';
import { type PaneFacts, recognise } from '../../src/observe/proc/recognise.ts';
import { readProcessTable } from '../../src/observe/proc/table.ts';
import type { PaneRuns } from '../../src/observe/state.ts';
import type { RuntimeSpec } from '../../src/spec/model.ts';
import { BUILT_IN_RUNTIMES } from '../../src/spec/runtimes.ts';

const hasTmux = spawnSync('tmux', ['-V']).status === 0;
const python =
  spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).stdout?.trim() ?? '';
const hasScript = spawnSync('script', ['--version']).status === 0;

const root = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-panes-')));
const socket = join(root, 'tmux.sock');
const FORMAT = ['pid', 'tty', 'dead', 'dead_status', 'dead_signal', 'title', 'current_command'].map(
  (f) => `#{pane_${f}}`,
);
const { TMUX: _, TMUX_PANE: __, ...ENVIRONMENT } = process.env;
const AGENT = 'setInterval(() => {}, 1000);';

const RUNTIMES: Readonly<Record<string, RuntimeSpec>> = {
  ...BUILT_IN_RUNTIMES,
  dogfood: {
    name: 'dogfood',
    own: true,
    command: null,
    match: { exe: [], script: ['dogfood-agent.py'], packages: [] },
    beats: true,
  },
};

function tmux(...args: readonly string[]): string {
  const options = { encoding: 'utf8', env: ENVIRONMENT, timeout: 10_000 } as const;
  return execFileSync('tmux', ['-S', socket, '-f', '/dev/null', ...args], options);
}

function look(session: string): PaneRuns {
  const line = tmux('display-message', '-p', '-t', `=${session}:`, FORMAT.join('|')).split('\n')[0] ?? '';
  const [pid = '', tty = '', dead = '', status = '', signal = '', title = '', command = ''] = line.split('|');
  const pane: PaneFacts = {
    pid: Number(pid),
    tty,
    dead: dead === '1',
    dead_status: status === '' ? null : Number(status),
    dead_signal: signal === '' ? null : signal,
    title,
    current_command: command,
  };
  const table = readProcessTable(Date.now);
  if (table.status === 'unknown') throw new Error(table.detail);
  return recognise(pane, table.value, readProcessDetails(), readPathLookup(), RUNTIMES, root);
}

/** Starts the argv (one word: through a shell) in a session, and looks until the verdict is as expected or 10 s are over. */
async function expectRuns(session: string, argv: readonly string[], expected: object): Promise<PaneRuns> {
  tmux(
    'new-session',
    '-d',
    '-s',
    session,
    '-c',
    root,
    ...argv,
    ';',
    'set-option',
    '-w',
    '-t',
    `=${session}:`,
    'remain-on-exit',
    'on',
  );
  return await expectVerdict(session, expected);
}

async function expectVerdict(session: string, expected: object): Promise<PaneRuns> {
  await expect.poll(() => look(session), { timeout: 10_000, interval: 50 }).toMatchObject(expected);
  return look(session);
}

function startedBy(server: number): readonly number[] {
  const table = readProcessTable(Date.now);
  if (table.status === 'unknown') throw new Error(table.detail);
  const found = [...table.value.children(server)];
  for (const pid of found) found.push(...table.value.children(pid));
  return found;
}

function endIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function file(path: string, text: string, mode = 0o755): string {
  const full = join(root, path);
  mkdirSync(join(full, '..'), { recursive: true });
  writeFileSync(full, text);
  chmodSync(full, mode);
  return full;
}

/** A stand-in for pi: a package of its name, its program linked in a directory of programs. */
function installPi(): string {
  file('lib/node_modules/@mariozechner/pi-coding-agent/package.json', '{"name":"@mariozechner/pi-coding-agent"}');
  const cli = file('lib/node_modules/@mariozechner/pi-coding-agent/dist/cli.js', `#!${process.execPath}\n${AGENT}`);
  mkdirSync(join(root, 'bin'), { recursive: true });
  symlinkSync(cli, join(root, 'bin/pi'));
  return join(root, 'bin/pi');
}

// Whoever changes the rule for scripts sees here what a real kernel and a real tmux make of it.
describe.skipIf(!hasTmux)('in a real tmux pane (skipped where tmux is not installed)', () => {
  let pi = '';
  beforeAll(() => {
    pi = installPi();
    file('lib/titled/package.json', '{"name":"@earendil-works/pi-coding-agent"}');
    file('lib/titled/pi.js', `#!${process.execPath}\nprocess.title = 'pi';${AGENT}`);
    file('dogfood-agent.py', 'import time\nwhile True: time.sleep(1)\n');
    tmux('new-session', '-d', '-s', 'keep', 'exec sleep 600');
  });
  afterAll(() => {
    // `script`, and what setsid started, outlive their pane: all that this server started is ended by its pid.
    const started = startedBy(Number(tmux('display-message', '-p', '#{pid}')));
    spawnSync('tmux', ['-S', socket, 'kill-server'], { env: ENVIRONMENT });
    for (const pid of started) endIfAlive(pid);
    rmSync(root, { recursive: true, force: true });
  });

  const PI = { verdict: 'runtime', runtime: 'pi', strength: 'strong' };

  test('a program started directly is its package', async () => {
    await expectRuns('direct', [pi], PI);
  });

  test('so it is by exec from a shell, and from a wrapper without exec', async () => {
    await expectRuns('exec', [`exec ${pi}`], PI);
    const wrapper = file('wrap.sh', '#!/bin/bash\n"$@"\necho ended $?\n');
    const runs = await expectRuns('wrapper', [wrapper, pi], PI);
    const pane = tmux('display-message', '-p', '-t', '=wrapper:', '#{pane_pid} #{pane_current_command}').trim();
    // The pane's own process is the shell: that name would have been the wrong answer.
    expect(pane).not.toContain('pi');
    expect(runs.verdict === 'runtime' && pane.startsWith(`${runs.pid} `)).toBe(false);
  });

  test('typed into a shell it is found; when it ends, a shell is left', async () => {
    await expectRuns('typed', ['bash', '--norc', '-i'], { verdict: 'shell', program: 'bash' });
    tmux('send-keys', '-t', '=typed:', pi, 'Enter');
    const runs = await expectVerdict('typed', PI);
    if (runs.verdict === 'runtime') process.kill(runs.pid, 'SIGKILL');
    await expectVerdict('typed', { verdict: 'shell', program: 'bash' });
  });

  test('a title written over the command line is strong with `_`, medium without', async () => {
    const titled = join(root, 'lib/titled/pi.js');
    await expectRuns('title-strong', ['bash', '-c', `${titled}; true`], {
      ...PI,
      evidence: expect.stringContaining('calls itself pi'),
    });
    await expectRuns('title-medium', ['env', '-u', '_', titled], { ...PI, strength: 'medium' });
  });

  test('process.title alone does not make another script of a shell pi', async () => {
    const other = file('other.js', `#!${process.execPath}\nprocess.title = 'pi';${AGENT}`);
    await expectRuns('imposter', ['bash', '-c', `${other}; true`], {
      verdict: 'runtime',
      runtime: 'pi',
      strength: 'weak',
    });
  });

  test('a script or link named pi, and exec -a pi, are something else', async () => {
    const script = file('false/pi', '#!/bin/bash\nread x\n');
    await expectRuns('script-named', [script, ''], { verdict: 'other', program: 'bash pi' });
    symlinkSync('/bin/sleep', join(root, 'false/link-pi'));
    await expectRuns('link', [join(root, 'false/link-pi'), '600'], { verdict: 'other', program: 'sleep' });
    await expectRuns('exec-a', ['bash', '-c', 'exec -a pi sleep 600'], { verdict: 'other', program: 'sleep' });
  });

  test('a copy of sleep named claude is weak', async () => {
    copyFileSync(realpathSync('/bin/sleep'), join(root, 'claude'));
    await expectRuns('copy', [join(root, 'claude'), '600'], {
      verdict: 'runtime',
      runtime: 'claude',
      strength: 'weak',
    });
  });

  test.skipIf(python === '')(
    'a Python script is the runtime that names it (skipped where there is no python3)',
    async () => {
      await expectRuns('python', [python, '-u', 'dogfood-agent.py', '--loop'], {
        verdict: 'runtime',
        runtime: 'dogfood',
        strength: 'strong',
      });
    },
  );

  test.skipIf(!hasScript)('script is followed into its own terminal (skipped where there is no script)', async () => {
    await expectRuns('script', ['script', '-qc', pi, '/dev/null'], PI);
  });

  test('a program without a terminal that reads the pane counts', async () => {
    await expectRuns('setsid', ['bash', '-c', `setsid -w ${pi} <"$(tty)"; true`], PI);
  });

  test('another tmux inside is opaque', async () => {
    await expectRuns('nested', [`TMUX= exec tmux -S ${socket} attach -t =keep:`], {
      verdict: 'opaque',
      program: 'tmux',
    });
  });

  test('a stopped one is suspended', async () => {
    // tmux 3.3a itself continues its own child at once; below a shell it stays stopped.
    const runs = await expectRuns('stopped', ['bash', '-c', `${pi}; true`], PI);
    if (runs.verdict !== 'runtime') throw new Error('not running');
    process.kill(runs.pid, 'SIGSTOP');
    await expectVerdict('stopped', { verdict: 'suspended', runtime: 'pi' });
    process.kill(runs.pid, 'SIGCONT');
    await expectVerdict('stopped', PI);
  });

  test('one that has ended is dead, with its status', async () => {
    await expectRuns('dead', ['sh', '-c', 'exit 3'], { verdict: 'dead', status: 3 });
  });
});
