import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { parseSessionMark } from '../../src/spec/session-mark.ts';
import { makeAgent } from '../spec/make-agent.ts';
import {
  cmdline,
  environ,
  eventually,
  isGone,
  livingIn,
  OWNER,
  openPrivateFleet,
  type PrivateFleet,
} from './private-fleet.ts';

let fleet: PrivateFleet;
beforeEach(() => {
  fleet = openPrivateFleet();
});
afterEach(async () => {
  await fleet.close();
});

const sleeper = (name: string) => makeAgent({ name, argv: ['sleep', '1000'] });
const holder = () => fleet.launch('holder', OWNER, '_holder', 'default');

async function show(target: string, format: string): Promise<string> {
  return (await fleet.tmux('display-message', '-p', '-t', target, format)).stdout.trimEnd();
}
async function panePid(name: string): Promise<number> {
  return Number(await show(`=${name}:`, '#{pane_pid}'));
}
const panePidOf = (name: string, program: string) =>
  eventually(
    () => panePid(name),
    (pid) => pid > 0 && cmdline(pid)[0] === program,
  );

describe('a start', () => {
  test('makes a session with mark, spec, pane, size and directory, and its process is the command itself', async () => {
    const agent = sleeper('canary-pi');
    fleet.install(agent);
    await holder();
    expect(await fleet.launch('start', 'canary-pi')).toEqual({ code: 0, stdout: '', stderr: '' });
    const pid = await panePidOf('canary-pi', 'sleep');
    expect(cmdline(pid)).toEqual(['sleep', '1000']);
    const shown = await show(
      '=canary-pi:',
      '#{pid} #{session_id} #{session_created} #{@fleet_mark} #{@fleet_spec} #{@fleet_pane} #{pane_id} #{window_width}x#{window_height} #{session_path} #{window_name}',
    );
    const [server, id, created, mark, spec, own, pane, size, path, window] = shown.split(' ');
    const session = { pid: Number(server), id: id ?? '', created: Number(created) };
    expect(parseSessionMark(mark ?? '', session)).toEqual({ owner: OWNER, agent: 'canary-pi' });
    expect([spec, own, size, path, window]).toEqual([
      fingerprint(agent, fleet.home),
      pane,
      '200x50',
      fleet.home,
      'canary-pi',
    ]);
    const options = await fleet.tmux('show-options', '-w', '-t', '=canary-pi:');
    expect(options.stdout.trimEnd().split('\n').sort()).toEqual(
      expect.arrayContaining(['remain-on-exit on', 'window-size manual']),
    );
  });

  test('never starts a server by itself, and does with --server', async () => {
    fleet.install(sleeper('a1'));
    const refused = await fleet.launch('start', 'a1');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toBe(
      "fleet: no tmux server on the socket default: 'systemctl --user start fleet-tmux.service' starts it\n",
    );
    expect((await fleet.tmux('list-sessions')).code).toBe(1);
    expect((await fleet.launch('start', 'a1', '--server')).code).toBe(0);
    expect(await panePidOf('a1', 'sleep')).toBeGreaterThan(0);
  });

  test('finds its way on a server that has no session left', async () => {
    fleet.install(sleeper('a1'));
    const done = { code: 0, stdout: '', stderr: '' };
    await holder();
    await fleet.tmux('set-option', '-g', 'exit-empty', 'off', ';', 'kill-session', '-t', '=_holder');
    expect(await fleet.launch('stop', 'a1')).toEqual(done);
    expect(await fleet.launch('start', 'a1')).toEqual(done);
    expect(await fleet.launch('stop', 'a1')).toEqual(done);
    expect(await holder()).toEqual(done);
    expect((await fleet.tmux('list-sessions', '-F', '#{session_name}')).stdout).toBe('_holder\n');
  });

  test('outlives a user’s destroy-unattached, the holder too', async () => {
    writeFileSync(join(fleet.home, '.tmux.conf'), 'set -g destroy-unattached on\n');
    fleet.install(sleeper('a1'));
    expect((await holder()).code).toBe(0);
    expect((await fleet.launch('start', 'a1')).code).toBe(0);
    await panePidOf('a1', 'sleep');
    expect((await fleet.tmux('list-sessions', '-F', '#S')).stdout).toBe('_holder\na1\n');
  });

  test('is not failed by a hook of the user’s own that fails, the holder neither', async () => {
    writeFileSync(join(fleet.home, '.tmux.conf'), 'set-hook -g after-new-session \'run-shell "exit 1"\'\n');
    fleet.install(sleeper('a1'));
    expect(await holder()).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await fleet.launch('start', 'a1')).code).toBe(0);
    expect((await fleet.tmux('list-sessions', '-F', '#S')).stdout).toBe('_holder\na1\n');
  });

  test('keeps a live session of ours as it is', async () => {
    fleet.install(sleeper('a1'));
    await holder();
    await fleet.launch('start', 'a1');
    const pid = await panePidOf('a1', 'sleep');
    fleet.install(makeAgent({ name: 'a1', argv: ['sleep', '2000'] }));
    expect((await fleet.launch('start', 'a1')).code).toBe(0);
    expect(await panePid('a1')).toBe(pid);
  });

  test('leaves a session of that name without our mark alone, also where the mark is inherited', async () => {
    fleet.install(sleeper('a1'));
    await holder();
    await fleet.tmux('new-session', '-d', '-s', 'a1', 'sleep', '77');
    const server = await show('=a1:', '#{pid}');
    for (const mark of ['', `${OWNER}/a1/${server}/$0/1`, await show('=_holder:', '#{@fleet_mark}')]) {
      await fleet.tmux('set-option', '-g', '@fleet_mark', mark);
      const refused = await fleet.launch('start', 'a1');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(
        /^fleet: a session named a1 that is not ours is on the tmux socket default: left alone/,
      );
      expect(cmdline(await panePid('a1'))).toEqual(['sleep', '77']);
    }
  });

  test('is not misled by a longer name', async () => {
    fleet.install(sleeper('a1'));
    await holder();
    await fleet.tmux('new-session', '-d', '-s', 'a1-watch', 'sleep', '77');
    expect((await fleet.launch('start', 'a1')).code).toBe(0);
    expect((await fleet.tmux('list-sessions', '-F', '#{session_name}')).stdout.split('\n').sort()).toEqual([
      '',
      '_holder',
      'a1',
      'a1-watch',
    ]);
  });

  test('replaces a session of ours whose agent has ended', async () => {
    fleet.install(sleeper('a1'));
    await holder();
    await fleet.launch('start', 'a1');
    process.kill(await panePidOf('a1', 'sleep'), 'SIGKILL');
    await eventually(
      () => show('=a1:', '#{pane_dead}'),
      (dead) => dead === '1',
    );
    fleet.install(makeAgent({ name: 'a1', argv: ['sleep', '2000'] }));
    expect((await fleet.launch('start', 'a1')).code).toBe(0);
    expect(cmdline(await panePidOf('a1', 'sleep'))).toEqual(['sleep', '2000']);
  });

  test('does not replace it while another pane of it lives', async () => {
    fleet.install(sleeper('a1'));
    await holder();
    await fleet.launch('start', 'a1');
    const pid = await panePidOf('a1', 'sleep');
    await fleet.tmux('split-window', '-d', '-t', '=a1:', 'sleep', '99');
    process.kill(pid, 'SIGKILL');
    await eventually(
      () => show('=a1:', '#{pane_dead}'),
      (dead) => dead === '1',
    );
    const refused = await fleet.launch('start', 'a1');
    expect(refused).toEqual({
      code: 1,
      stdout: '',
      stderr: 'fleet: the agent a1 has ended, but other panes of its session live: left alone\n',
    });
    expect((await fleet.tmux('list-panes', '-s', '-t', '=a1:')).stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  test.each([
    ['on a live server', true],
    ['where each may start the server', false],
  ])('16 at once make one session and all succeed, %s', async (_, held) => {
    fleet.install(sleeper('a1'));
    if (held) await holder();
    const all = await Promise.all(
      Array.from({ length: 16 }, () => fleet.launch('start', 'a1', ...(held ? [] : ['--server']))),
    );
    expect(all).toEqual(all.map(() => ({ code: 0, stdout: '', stderr: '' })));
    expect((await fleet.tmux('list-panes', '-a', '-F', '#{session_name}')).stdout.match(/^a1$/gm)).toHaveLength(1);
  });

  test('16 at once replace an ended agent once', async () => {
    fleet.install(makeAgent({ name: 'a1', argv: ['true'] }));
    await holder();
    await fleet.launch('start', 'a1');
    await eventually(
      () => show('=a1:', '#{pane_dead}'),
      (dead) => dead === '1',
    );
    fleet.install(sleeper('a1'));
    const all = await Promise.all(Array.from({ length: 16 }, () => fleet.launch('start', 'a1')));
    expect(all.map((ended) => ended.code)).toEqual(all.map(() => 0));
    expect((await fleet.tmux('list-panes', '-a', '-F', '#{session_name}')).stdout.match(/^a1$/gm)).toHaveLength(1);
  });

  test("keeps to its own whatever the user's configuration and hooks do", async () => {
    writeFileSync(
      join(fleet.home, '.tmux.conf'),
      [
        'set -g base-index 7',
        'setw -g pane-base-index 3',
        'set -g default-command "sleep 5555"',
        'set -g default-size 80x24',
        'set -g exit-empty on',
        'set-hook -g after-new-session "split-window -b sleep 4444 ; new-window sleep 3333"',
        '',
      ].join('\n'),
    );
    fleet.install({ ...sleeper('a1'), window: { width: 120, height: 40 } });
    await holder();
    expect(await fleet.launch('start', 'a1')).toEqual({ code: 0, stdout: '', stderr: '' });
    const own = await show('=a1:', '#{@fleet_pane}');
    const pid = await eventually(
      async () => Number(await show(own, '#{pane_pid}')),
      (seen) => cmdline(seen)[1] === '1000',
    );
    expect(cmdline(pid)).toEqual(['sleep', '1000']);
    expect(await show(own, '#{window_width}x#{window_height}')).toBe('120x40');
    expect((await fleet.tmux('show-options', '-wqv', '-t', own, 'remain-on-exit')).stdout).toBe('on\n');
  });

  test('a stopped server does not hang it', async () => {
    fleet.install(sleeper('a1'));
    await holder();
    const server = Number(await show('=_holder:', '#{pid}'));
    process.kill(server, 'SIGSTOP');
    try {
      const refused = await fleet.launchWith({ env: { FLEET_TMUX_DEADLINE: '1' } }, 'start', 'a1');
      expect(refused).toEqual({
        code: 1,
        stdout: '',
        stderr: 'fleet: tmux could not be asked for a1: tmux did not answer within 1 s on the socket default\n',
      });
    } finally {
      process.kill(server, 'SIGCONT');
    }
  });

  test('never makes a second server beside one whose socket file was deleted', async () => {
    fleet.install(sleeper('a1'));
    await holder();
    const server = Number(await show('=_holder:', '#{pid}'));
    rmSync(join(fleet.root, `tmux-${process.getuid?.()}`), { recursive: true });
    try {
      for (const words of [
        ['start', 'a1', '--server'],
        ['holder', OWNER, '_holder', 'default'],
      ]) {
        const refused = await fleet.launch(...words);
        expect(refused.code).toBe(1);
        expect(refused.stderr).toContain('its socket file was deleted: no second one is started');
      }
    } finally {
      mkdirSync(join(fleet.root, `tmux-${process.getuid?.()}`), { recursive: true, mode: 0o700 });
      process.kill(server, 'SIGUSR1');
      await eventually(
        () => fleet.tmux('list-sessions'),
        (ended) => ended.code === 0,
      );
    }
  });

  test.each(['', '-x', 'A', 'a/b', '../a', 'a;b', '#(touch canary)', 'a b', 'a.b'])(
    'refuses the name %j',
    async (name) => {
      expect(await fleet.launch('start', name)).toMatchObject({
        code: 64,
        stderr: `fleet: '${name}' is not the name of an agent\n`,
      });
    },
  );

  test('says which file is missing', async () => {
    const refused = await fleet.launch('start', 'a1');
    expect(refused.code).toBe(78);
    expect(refused.stderr).toBe(
      `fleet: there is no readable ${fleet.home}/.config/fleet/agents/a1.argv: 'fleet apply' writes it\n`,
    );
  });
});

describe('a stop', () => {
  test('ends the session, and only it', async () => {
    fleet.install(sleeper('a1'));
    fleet.install(sleeper('a1-b'));
    await holder();
    await fleet.launch('start', 'a1');
    await fleet.launch('start', 'a1-b');
    const [pid, other] = [await panePidOf('a1', 'sleep'), await panePidOf('a1-b', 'sleep')];
    expect(await fleet.launch('stop', 'a1')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(isGone(pid)).toBe(true);
    expect(await panePid('a1-b')).toBe(other);
    expect(await fleet.launch('stop', 'a1')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await panePid('a1-b')).toBe(other);
  });

  test('of a missing server is done', async () => {
    fleet.install(sleeper('a1'));
    expect(await fleet.launch('stop', 'a1')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('of the last session, whose end ends the server, is done', async () => {
    fleet.install(sleeper('a1'));
    await fleet.launch('start', 'a1', '--server');
    expect(await fleet.launch('stop', 'a1')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('leaves a session without our mark alone', async () => {
    fleet.install(sleeper('a1'));
    await holder();
    await fleet.tmux('new-session', '-d', '-s', 'a1', 'sleep', '77');
    const refused = await fleet.launch('stop', 'a1');
    expect(refused).toMatchObject({
      code: 1,
      stderr: 'fleet: the session a1 on the tmux socket default is not ours: left alone\n',
    });
    expect(cmdline(await panePid('a1'))).toEqual(['sleep', '77']);
  });

  test.each([
    ['the agent itself', "trap '' HUP TERM INT; while :; do sleep 0.2; done"],
    ['a child in its group', "(trap '' HUP TERM; exec sleep 998) & exec sleep 999"],
  ])('ends what outlives the session: %s', async (_, script) => {
    fleet.install(makeAgent({ name: 'a1', argv: ['sh', '-c', `echo $$ >started; ${script}`], workingDirectory: '~' }));
    await holder();
    await fleet.launch('start', 'a1');
    const started = join(fleet.home, 'started');
    await eventually(() => existsSync(started) && readFileSync(started, 'utf8').endsWith('\n'), Boolean);
    const pid = await panePid('a1');
    expect(await fleet.launch('stop', 'a1')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(isGone(pid)).toBe(true);
    expect(livingIn(pid)).toEqual([]);
  });
});

describe('a holder', () => {
  test('is made on each socket, marked, once', async () => {
    const launch = () => fleet.launchWith({}, 'holder', OWNER, '_holder', 'one', 'two');
    expect(await launch()).toEqual({ code: 0, stdout: '', stderr: '' });
    const seen = async () =>
      Promise.all(
        ['one', 'two'].map(async (socket) => {
          const format = '#{session_name} #{pid} #{session_id} #{session_created} #{@fleet_mark}';
          return (await fleet.tmuxOn(socket, 'list-sessions', '-F', format)).stdout.trimEnd();
        }),
      );
    const before = await seen();
    for (const line of before) {
      const [name, pid, id, created, mark] = line.split(' ');
      expect(name).toBe('_holder');
      const session = { pid: Number(pid), id: id ?? '', created: Number(created) };
      expect(parseSessionMark(mark ?? '', session)).toEqual({ owner: OWNER, agent: '_holder' });
    }
    expect(await launch()).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await seen()).toEqual(before);
  });

  test("another's session of that name is left as it is, and is enough", async () => {
    fleet.install(sleeper('a1'));
    await fleet.launch('start', 'a1', '--server');
    await fleet.tmux('new-session', '-d', '-s', '_holder', 'sleep', '77');
    expect(await holder()).toEqual({
      code: 0,
      stdout: '',
      stderr: 'fleet: the session _holder on the tmux socket default is not ours: left as it is\n',
    });
    expect(await show('=_holder:', '#{@fleet_mark}')).toBe('');
  });

  test('keeps the server when its own process is killed', async () => {
    await holder();
    process.kill(await panePidOf('_holder', 'sleep'), 'SIGKILL');
    await eventually(
      () => show('=_holder:', '#{pane_dead}'),
      (dead) => dead === '1',
    );
    expect(await holder()).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('gives no agent of another the environment of the one that started the server', async () => {
    fleet.install({ ...sleeper('a1'), env: { ONLY_A1: { kind: 'plain', value: 'x' } } });
    fleet.install(sleeper('a2'));
    await fleet.launch('start', 'a1', '--server');
    await fleet.launch('start', 'a2');
    expect(environ(await panePidOf('a1', 'sleep'))['ONLY_A1']).toBe('x');
    expect(environ(await panePidOf('a2', 'sleep'))['ONLY_A1']).toBe(undefined);
  });
});
