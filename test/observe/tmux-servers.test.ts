/** Real servers: what is there, what is not, and what cannot be told. Measured on tmux 3.3a. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PaneRuns } from '../../src/observe/state.ts';
import { makeAgent } from '../spec/make-agent.ts';
import { eventually, type PrivateTmux, privateTmux, uid } from './private-tmux.ts';
import { askTmuxOf, serverOf, serversOf, sessionsOf, watched } from './tmux-ports.ts';

let own: PrivateTmux;
beforeEach(() => {
  own = privateTmux();
});
afterEach(() => {
  own.end();
});

const SLEEP = 'sleep 600';
const start = (socket: string, name: string, command = SLEEP) =>
  own.tmux(socket, 'new-session', '-d', '-s', name, command);

/** Waits until nobody is listed on that socket any more: a process that was killed keeps its files for a moment. */
const ended = (socket: string) =>
  eventually(
    `${socket} has ended`,
    () => !readFileSync('/proc/net/unix', 'utf8').includes(` ${own.directory}/${socket}\n`),
  );

describe('a server that runs', () => {
  it('is told with its sessions, panes and the process behind it, by one child', async () => {
    start('main', 'one');
    start('main', 'two', 'exec sleep 601');
    own.tmux('main', 'split-window', '-d', '-t', '=two:', SLEEP);
    const shown = () => own.tmux('main', 'display-message', '-p', '-t', '=one:', '#{pane_current_command}').trim();
    await vi.waitFor(() => expect(shown()).toBe('sleep'), { timeout: 10_000 });
    const { run, ran } = watched();
    const server = await serverOf({ base: own.base, run });
    expect(ran).toHaveLength(1);
    const pid = own.serverPid('main');
    expect(server).toMatchObject({ path: join(own.directory, 'main'), listening: [{ pid }], server: { pid } });
    const sessions = server.server.state === 'running' ? server.server.sessions : [];
    expect(sessions.map((s) => [s.name, s.attached, s.panes.length])).toEqual([
      ['one', 0, 1],
      ['two', 0, 2],
    ]);
    const [pane] = sessions[0]?.panes ?? [];
    expect(pane).toMatchObject({ dead: false, width: 80, height: 24, current_command: 'sleep' });
    expect(pane?.runs).toMatchObject({ verdict: 'other', pid: pane?.pid, program: 'sleep' });
    expect(pane?.window_activity).toBeGreaterThan(1_600_000_000);
  });

  it('is told also where it does not show its files: it answers, and one socket listens', async () => {
    start('main', 'one');
    const pid = own.serverPid('main');
    const seen = await serverOf({ base: own.base, procRoot: procWithout(String(pid), 'fd') });
    expect(seen).toMatchObject({ listening: [{ pid }], server: { state: 'running', pid } });
  });

  it('is asked by one child however many panes it has', async () => {
    start('main', 's0');
    const more = Array.from({ length: 19 }, (_, i) => [';', 'new-session', '-d', '-s', `s${i + 1}`, SLEEP]).flat();
    own.tmux('main', 'has-session', ...more);
    const { run, ran } = watched();
    expect(await sessionsOf({ base: own.base, run })).toHaveLength(20);
    expect(ran).toHaveLength(1);
  });

  it('is told as the live one also where it was started under another spelling of its path', async () => {
    start('other', 'makes the directory');
    const args = [
      '-S',
      `${own.directory}/../${basename(own.directory)}/main`,
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      SLEEP,
    ];
    execFileSync('tmux', args, { env: { ...process.env, TMUX: '' } });
    const pid = own.serverPid('main');
    try {
      expect(await serverOf({ base: own.base })).toMatchObject({ listening: [{ pid }], server: { pid } });
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it('is known to be empty only when it says so', async () => {
    own.tmux('main', 'new-session', '-d', '-s', 'x', SLEEP, ';', 'set-option', '-s', 'exit-empty', 'off');
    own.tmux('main', 'kill-session', '-t', '=x');
    expect(await sessionsOf({ base: own.base })).toEqual([]);
  });

  it('gives names, titles and commands that forge rows as what they are', async () => {
    const evil = 'a\n$9\tfake|%99\nR$9F';
    start('main', 'plain', `printf '\\033]2;%%7 forged\\007'; exec ${SLEEP}`);
    own.tmux(
      'main',
      'new-session',
      '-d',
      '-s',
      'tab\tand ## ##{pid} ##(id) é',
      'bash',
      '-c',
      'exec -a "$0" sleep 600',
      evil,
    );
    own.tmux('main', 'rename-window', '-t', '=plain:', evil);
    const named = await eventually('the command has its name', () => {
      const shown = own.tmux('main', 'list-panes', '-a', '-F', '#{pane_current_command}');
      return shown.includes('fake') && shown;
    });
    expect(named.split('\n').length, 'a row is forged where rows are lines').toBeGreaterThan(3);
    const sessions = await sessionsOf({ base: own.base });
    expect(sessions.map((s) => s.id).sort()).toEqual(['$0', '$1']);
    expect(sessions.map((s) => s.name).sort()).toEqual(['plain', 'tab\\tand # #{pid} #(id) é']);
    expect(sessions.flatMap((s) => s.panes.map((p) => p.current_command))).toContain(evil);
  });

  it('keeps apart names of which one begins with the other', async () => {
    for (const name of ['web', 'web-prod', 'we']) start('main', name);
    const sessions = await sessionsOf({ base: own.base });
    expect(sessions.map((s) => s.name).sort()).toEqual(['we', 'web', 'web-prod']);
  });

  it('tells how a retained pane ended', async () => {
    own.tmux('main', 'new-session', '-d', '-s', 'hold', SLEEP, ';', 'set-option', '-g', 'remain-on-exit', 'on');
    start('main', 'failed', 'exit 3');
    start('main', 'killed', 'kill -9 $$');
    const runsOf = async (name: string) =>
      (await sessionsOf({ base: own.base })).find((s) => s.name === name)?.panes[0]?.runs;
    const tells = (name: string, runs: PaneRuns) =>
      vi.waitFor(async () => expect(await runsOf(name)).toEqual(runs), { timeout: 5_000, interval: 20 });
    await tells('failed', { verdict: 'dead', status: 3, signal: null });
    await tells('killed', { verdict: 'dead', status: null, signal: '9' });
    // tmux misses every third end, until another one comes.
    for (let i = 0; i < 12; i += 1) {
      start('main', `end-${i}`, 'sleep 0.05; exit 4');
      await tells(`end-${i}`, { verdict: 'dead', status: 4, signal: null });
    }
  });

  it('tells copy mode, the alternate screen and the size of the window, not of a part of it', async () => {
    start('main', 'mode', `printf '\\033[?1049h'; exec ${SLEEP}`);
    own.tmux('main', 'split-window', '-h', '-d', '-t', '=mode:', SLEEP);
    own.tmux('main', 'copy-mode', '-t', '=mode:');
    await eventually('full screen', () =>
      own.tmux('main', 'display-message', '-p', '-t', '=mode:', '#{alternate_on}').startsWith('1'),
    );
    const [session] = await sessionsOf({ base: own.base });
    expect(session?.panes[0]).toMatchObject({ in_mode: true, alternate_on: true, width: 80, height: 24 });
  });
});

describe('other sockets of the user', () => {
  it('are looked at where somebody listens, left-overs are not', async () => {
    start('main', 'one');
    start('other', 'two');
    start('gone', 'three');
    const pid = own.serverPid('gone');
    process.kill(pid, 'SIGKILL');
    await ended('gone');
    writeFileSync(join(own.directory, 'file'), '');
    const { run, ran } = watched();
    const servers = await serversOf({ base: own.base, run });
    expect(readdirSync(own.directory).sort()).toEqual(['file', 'gone', 'main', 'other']);
    expect(servers.map((s) => [s.socket, s.server.state])).toEqual([
      ['main', 'running'],
      ['other', 'running'],
    ]);
    expect(ran).toHaveLength(2);
  });

  it.each([
    ['from within the directory', () => ({ cwd: own.directory, path: 'other' })],
    [
      'through a link to the directory',
      () => {
        symlinkSync(own.directory, join(own.base, 'link'));
        return { cwd: '/', path: join(own.base, 'link', 'other') };
      },
    ],
    ['with a slash too many', () => ({ cwd: '/', path: `${own.base}//${basename(own.directory)}/other` })],
  ])('are looked at where a server was started under another spelling of its path: %s', async (_how, spelling) => {
    start('main', 'one');
    const { cwd, path } = spelling();
    const { TMUX: _, ...env } = process.env;
    execFileSync('tmux', ['-S', path, '-f', '/dev/null', 'new-session', '-d', '-s', 'two', SLEEP], { cwd, env });
    const pid = own.serverPid('other');
    try {
      const servers = await serversOf({ base: own.base });
      expect(servers.map((s) => s.socket)).toEqual(['main', 'other']);
      expect(servers[1]).toMatchObject({ listening: [{ pid }], server: { state: 'running', pid } });
      process.kill(pid, 'SIGSTOP');
      const stopped = await serversOf({ base: own.base, deadlineMs: 300 });
      expect(stopped[1]).toMatchObject({ socket: 'other', server: { state: 'unknown', why: 'timeout' } });
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it('are told once where one has several names', async () => {
    start('main', 'one');
    start('other', 'two');
    symlinkSync('main', join(own.directory, 'alias-of-main'));
    linkSync(join(own.directory, 'other'), join(own.directory, 'alias-of-other'));
    const servers = await serversOf({ base: own.base });
    expect(servers.map((s) => [s.socket, s.server.state])).toEqual([
      ['main', 'running'],
      ['other', 'running'],
    ]);
  });

  it('cost no child where they are left-overs, however many, and links to nothing', async () => {
    start('main', 'one');
    start('gone', 'two');
    const pid = own.serverPid('gone');
    process.kill(pid, 'SIGKILL');
    await ended('gone');
    for (let i = 0; i < 300; i += 1) linkSync(join(own.directory, 'gone'), join(own.directory, `gone-${i}`));
    symlinkSync('nothing', join(own.directory, 'link'));
    const { run, ran } = watched();
    const servers = await serversOf({ base: own.base, run });
    expect(servers.map((s) => s.socket)).toEqual(['main']);
    expect(ran).toHaveLength(1);
  });

  it.each([
    ['file', () => unlinkSync(join(own.directory, 'other'))],
    ['whole directory', () => rmSync(own.directory, { recursive: true })],
  ])('are told where a server lives whose %s was deleted: its sessions live on', async (_what, remove) => {
    start('other', 'one');
    const pid = own.serverPid('other');
    remove();
    const servers = await serversOf({ base: own.base });
    expect(servers.map((s) => [s.socket, s.server.state])).toEqual([
      ['main', 'absent'],
      ['other', 'unknown'],
    ]);
    expect(servers[1]).toMatchObject({ listening: [{ pid }], server: { why: 'socket-deleted' } });
    expect(JSON.stringify(servers[1]?.server)).toContain(`kill -USR1 ${pid}`);
  });
});

describe('a look at some agents alone', () => {
  it('looks into sessions that are nobody’s too, and not into those of other agents', async () => {
    start('main', 'coder');
    start('main', 'other');
    start('main', 'weird', `exec env FLEET_AGENT_NAME=coder ${SLEEP}`);
    const agents = [{ name: 'coder' }];
    const roster = { agents: ['coder', 'other'].map((name) => makeAgent({ name, socket: 'main' })) };
    const begun = async () => {
      const seen = await askTmuxOf({ base: own.base, agents, roster, narrowed: true });
      expect(JSON.stringify(seen.processes)).toContain('FLEET_AGENT_NAME');
      return seen;
    };
    const { tmux, processes } = await vi.waitFor(begun, { timeout: 10_000, interval: 20 });
    if (tmux.status === 'unknown' || processes.status === 'unknown') throw new Error('unknown');
    const [server] = tmux.value.servers;
    const sessions = server?.server.state === 'running' ? server.server.sessions : [];
    const known = (name: string) => {
      const pid = sessions.find((s) => s.name === name)?.panes[0]?.pid;
      const env = processes.value.processes[String(pid)]?.env;
      return env?.status === 'known' ? (env.value.values['FLEET_AGENT_NAME'] ?? 'no name') : 'not looked at';
    };
    expect(['coder', 'other', 'weird'].map(known)).toEqual(['no name', 'not looked at', 'coder']);
  });
});

describe('a server that an agent started', () => {
  it('is told with the name that all of its panes inherit', async () => {
    start('main', 'one');
    expect((await serverOf({ base: own.base })).server).not.toHaveProperty('inherited_name');
    const env = { ...process.env, TMUX: '', TMUX_TMPDIR: own.base, FLEET_AGENT_NAME: 'alpha' };
    execFileSync('tmux', ['-L', 'theirs', '-f', '/dev/null', 'new-session', '-d', SLEEP], { env });
    const theirs = await serverOf({ base: own.base, socket: 'theirs' });
    expect(theirs.server).toMatchObject({ state: 'running', inherited_name: 'alpha' });
  });
});

describe('servers that nobody named', () => {
  const tmuxOf = async (procRoot: string) => {
    const { tmux } = await askTmuxOf({ base: own.base, procRoot });
    if (tmux.status === 'unknown') throw new Error(tmux.detail);
    return tmux.value;
  };

  it('are all seen where the kernel can be asked', async () => {
    start('main', 'one');
    expect(await tmuxOf('/proc')).toMatchObject({
      unseen_servers: null,
      server_processes: expect.arrayContaining([{ pid: own.serverPid('main'), started_ms: expect.any(Number) }]),
    });
  });

  it('may be unseen where who listens cannot be read, and that is told; who answers is there all the same', async () => {
    start('main', 'one');
    start('other', 'two');
    unlinkSync(join(own.directory, 'other'));
    const seen = await tmuxOf(procWithout('self', 'net'));
    expect(seen.servers.map((s) => [s.socket, s.server.state])).toEqual([['main', 'running']]);
    expect(seen.unseen_servers).toMatchObject({ status: 'unknown', why: 'io' });
    expect(seen.unseen_servers?.detail).toContain('/self/net/unix');
  });

  it('may be unseen where the processes cannot be listed: those of another network namespace', async () => {
    start('main', 'one');
    const seen = await tmuxOf(procWithout('uptime'));
    expect(seen.servers.map((s) => [s.socket, s.server.state])).toEqual([['main', 'running']]);
    expect(seen.unseen_servers).toMatchObject({ status: 'unknown' });
  });

  it('may be unseen where somebody listens in another socket directory, and it cannot be told who', async () => {
    const other = privateTmux();
    try {
      other.tmux('away', 'new-session', '-d', '-s', 'two', SLEEP);
      const pid = other.serverPid('away');
      const shown = (await tmuxOf('/proc')).elsewhere;
      expect(shown).toContainEqual({ path: join(other.directory, 'away'), pid });
      const seen = await tmuxOf(procWithout(String(pid), 'fd'));
      expect(seen.elsewhere.filter((server) => server.pid === pid)).toEqual([]);
      expect(seen.unseen_servers).toMatchObject({ status: 'unknown', why: 'io' });
      expect(seen.unseen_servers?.detail).toContain(`/tmux-${uid}/`);
    } finally {
      other.end();
    }
  });

  // Making a network namespace takes root.
  it.runIf(uid === 0).each([
    ['with its file there', false],
    ['with its file gone', true],
  ])('are seen in a network namespace of their own too, %s (needs root)', async (_what, deleted) => {
    start('main', 'one');
    const env = { ...process.env, TMUX_TMPDIR: own.base };
    const args = ['-n', 'tmux', '-L', 'other', '-f', '/dev/null', 'new-session', '-d', '-s', 'two', SLEEP];
    execFileSync('unshare', args, { env });
    const pid = own.serverPid('other');
    try {
      if (deleted) unlinkSync(join(own.directory, 'other'));
      const servers = await serversOf({ base: own.base });
      const state = deleted ? { state: 'unknown', why: 'socket-deleted' } : { state: 'running', pid };
      expect(servers.find((s) => s.socket === 'other')).toMatchObject({ listening: [{ pid }], server: state });
      const [pane] = servers.flatMap(({ server: s }) =>
        s.state === 'running' ? s.sessions.filter(({ name }) => name === 'two').flatMap(({ panes }) => panes) : [],
      );
      if (!deleted) expect(pane?.runs).toMatchObject({ verdict: 'other', program: 'sleep' });
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });
});

describe('a server that is not there', () => {
  it('is absent where there is no directory, and none is made', async () => {
    const { run, ran } = watched();
    expect(await serverOf({ base: own.base, run })).toMatchObject({ listening: [], server: { state: 'absent' } });
    expect(ran).toEqual([]);
    expect(existsSync(own.directory)).toBe(false);
  });

  it('is absent where there is no socket, without tmux being asked', async () => {
    mkdirSync(own.directory, { mode: 0o700 });
    const { run, ran } = watched();
    expect((await serverOf({ base: own.base, run })).server).toEqual({ state: 'absent' });
    expect(ran).toEqual([]);
  });

  it('is absent where tmux says so of a left-over socket', async () => {
    start('main', 'one');
    const pid = own.serverPid('main');
    process.kill(pid, 'SIGKILL');
    await ended('main');
    const { run, ran } = watched();
    expect((await serverOf({ base: own.base, run })).server).toEqual({ state: 'absent' });
    expect(ran).toHaveLength(1);
  });
});

describe('a server that cannot be told', () => {
  it('is no absent one when its socket was deleted under it', async () => {
    start('main', 'one');
    const pid = own.serverPid('main');
    unlinkSync(join(own.directory, 'main'));
    const seen = await serverOf({ base: own.base });
    expect(seen).toMatchObject({ listening: [{ pid }], server: { state: 'unknown', why: 'socket-deleted' } });
    // Making the socket again is what the plan would do: then all is as it was.
    process.kill(pid, 'SIGUSR1');
    await eventually('the socket is back', () => existsSync(join(own.directory, 'main')));
    expect((await serverOf({ base: own.base })).server).toMatchObject({ state: 'running', pid });
  });

  it('is no absent one when the whole directory was deleted', async () => {
    start('main', 'one');
    rmSync(own.directory, { recursive: true });
    expect((await serverOf({ base: own.base })).server).toMatchObject({ state: 'unknown', why: 'socket-deleted' });
    expect(existsSync(own.directory)).toBe(false);
  });

  // As a service with PrivateNetwork=yes has it; making such a namespace takes root.
  it.runIf(uid === 0)('is no absent one when it lives in a network namespace of its own (needs root)', async () => {
    const env = { ...process.env, TMUX_TMPDIR: own.base };
    const args = ['-n', 'tmux', '-L', 'main', '-f', '/dev/null', 'new-session', '-d', SLEEP];
    execFileSync('unshare', args, { env });
    const pid = own.serverPid('main');
    try {
      expect(await serverOf({ base: own.base })).toMatchObject({ listening: [{ pid }], server: { state: 'running' } });
      unlinkSync(join(own.directory, 'main'));
      const seen = await serverOf({ base: own.base });
      expect(seen).toMatchObject({ listening: [{ pid }], server: { state: 'unknown', why: 'socket-deleted' } });
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it.each([
    [
      'took the path',
      () => {
        unlinkSync(join(own.directory, 'main'));
        start('main', 'two');
      },
    ],
    [
      'was put over it',
      () => {
        start('other', 'two');
        renameSync(join(own.directory, 'other'), join(own.directory, 'main'));
      },
    ],
  ])('is not the second one alone that %s, where the first does not show its files', async (_how, second) => {
    start('main', 'one');
    const first = own.serverPid('main');
    second();
    const seen = await serverOf({ base: own.base, procRoot: procWithout(String(first), 'fd') });
    expect(seen.server).toMatchObject({ state: 'unknown', why: 'io' });
    const detail = seen.server.state === 'unknown' ? seen.server.detail : '';
    expect(detail).toContain(`${own.serverPid('main')} (answers; sessions "two")`);
    expect(detail).toContain(`perhaps ${first} (tmux: server)`);
  });

  // As a service with PrivateTmp=yes has it; making such a namespace takes root.
  describe.runIf(uid === 0)('that sees other files than we do (needs root)', () => {
    /** It listens on the path as everybody names it, and the file is in a file system that it alone has there. */
    function startInside(): number {
      const script = `mount -t tmpfs tmpfs ${own.base} && exec tmux -L main -f /dev/null new-session -d '${SLEEP}'`;
      const { TMUX: _, ...env } = process.env;
      execFileSync('unshare', ['--mount', 'sh', '-c', script], { env: { ...env, TMUX_TMPDIR: own.base } });
      return listenerOn(join(own.directory, 'main'));
    }

    it.each([
      ['there is nothing', () => {}],
      [
        'there is a left-over',
        async () => {
          start('main', 'left');
          const pid = own.serverPid('main');
          process.kill(pid, 'SIGKILL');
          await ended('main');
        },
      ],
    ])('is none whose file was deleted, where here %s', async (_what, before) => {
      await before();
      const pid = startInside();
      try {
        const { listening, server } = await serverOf({ base: own.base });
        expect(listening).toMatchObject([{ pid }]);
        expect(server).toMatchObject({ state: 'unknown', why: 'denied' });
        const detail = server.state === 'unknown' ? server.detail : '';
        expect(detail).toContain(`tmux server ${pid} sees another ${own.directory} than fleet does`);
        expect(detail).not.toContain('kill');
      } finally {
        process.kill(pid, 'SIGKILL');
      }
    });

    it('is one whose file was deleted, where it is gone for that server too', async () => {
      const pid = startInside();
      try {
        unlinkSync(join('/proc', String(pid), 'root', own.directory, 'main'));
        const seen = await serverOf({ base: own.base });
        expect(seen).toMatchObject({ listening: [{ pid }], server: { state: 'unknown', why: 'socket-deleted' } });
      } finally {
        process.kill(pid, 'SIGKILL');
      }
    });
  });

  it('is two servers when a second one took the path, each listed', async () => {
    start('main', 'one');
    const first = own.serverPid('main');
    unlinkSync(join(own.directory, 'main'));
    start('main', 'two');
    const second = own.serverPid('main');
    const seen = await serverOf({ base: own.base });
    expect(seen.listening.map((s) => s.pid)).toEqual([first, second]);
    expect(seen.server).toMatchObject({ state: 'unknown', why: 'split-brain' });
    expect(seen.server.state === 'unknown' && seen.server.detail).toContain(`${second} (answers; sessions "two")`);
  });

  it.each([
    ['moved', renameSync],
    ['linked', linkSync],
  ])('is two servers where the socket of another one was %s over its path, each told', async (_what, put) => {
    start('main', 'one');
    start('other', 'two');
    const [first, second] = [own.serverPid('main'), own.serverPid('other')];
    if (put === linkSync) unlinkSync(join(own.directory, 'main'));
    put(join(own.directory, 'other'), join(own.directory, 'main'));
    const seen = await serverOf({ base: own.base });
    expect(seen.listening.map((s) => s.pid).sort()).toEqual([first, second].sort());
    expect(seen.server).toMatchObject({ state: 'unknown', why: 'split-brain' });
    const detail = seen.server.state === 'unknown' ? seen.server.detail : '';
    expect(detail).toContain(`${second} (answers; sessions "two")`);
    expect(detail).toContain(`${first} (cannot be reached)`);
    // What the detail says: the one that listens there takes its path again, the other one keeps its sessions.
    expect(detail).toContain(`kill -USR1 ${first}`);
    process.kill(first, 'SIGUSR1');
    await eventually('its socket is its own again', () => own.serverPid('main') === first);
    expect((await serverOf({ base: own.base })).server).toMatchObject({ state: 'running', pid: first });
  });

  it('is a deleted socket too when a dead one lies in its place', async () => {
    start('main', 'one');
    const first = own.serverPid('main');
    unlinkSync(join(own.directory, 'main'));
    start('main', 'two');
    const second = own.serverPid('main');
    process.kill(second, 'SIGKILL');
    await eventually('it is gone', () => !existsSync(`/proc/${second}/exe`));
    const seen = await serverOf({ base: own.base });
    expect(seen).toMatchObject({ listening: [{ pid: first }], server: { state: 'unknown', why: 'socket-deleted' } });
  });

  it('is unknown within the deadline when it is stopped, and no client of ours is left', async () => {
    start('main', 'one');
    const pid = own.serverPid('main');
    process.kill(pid, 'SIGSTOP');
    const began = Date.now();
    const seen = await serverOf({ base: own.base, deadlineMs: 300 });
    expect(seen.server).toMatchObject({ state: 'unknown', why: 'timeout' });
    expect(Date.now() - began).toBeLessThan(3_000);
    process.kill(pid, 'SIGCONT');
    expect((await serverOf({ base: own.base })).server).toMatchObject({ state: 'running' });
    await eventually(
      'no client hangs on',
      () => !commandLines().some((line) => line.includes(`-L main source-file`) && line.includes(own.base)),
    );
  });

  it('is not connected to in a directory that others may enter', async () => {
    start('main', 'one');
    for (const mode of [0o755, 0o770, 0o701]) {
      chmodSync(own.directory, mode);
      const { run, ran } = watched();
      expect((await serverOf({ base: own.base, run })).server).toMatchObject({ state: 'unknown', why: 'denied' });
      expect(ran).toEqual([]);
    }
    chmodSync(own.directory, 0o700);
  });

  it('is not connected to through a directory that is a link', async () => {
    mkdirSync(join(own.base, 'elsewhere'), { mode: 0o700 });
    symlinkSync(join(own.base, 'elsewhere'), own.directory);
    expect((await serverOf({ base: own.base })).server).toMatchObject({ state: 'unknown', why: 'not-regular' });
  });

  it('is unknown where another program listens in its place', async () => {
    mkdirSync(own.directory, { mode: 0o700 });
    const server = createServer((socket) => socket.end('hello\n'));
    await new Promise<void>((resolve) => server.listen(join(own.directory, 'main'), resolve));
    try {
      expect((await serverOf({ base: own.base, deadlineMs: 1_000 })).server.state).toBe('unknown');
    } finally {
      server.close();
    }
  });
});

describe('what lies in the place of a socket', () => {
  /** A server whose socket is in a directory of its own. */
  function startAway(): { readonly pid: number; readonly path: string } {
    const away = join(own.base, 'away');
    mkdirSync(away);
    const path = join(away, 'socket');
    const { TMUX: _, ...env } = process.env;
    execFileSync('tmux', ['-S', path, '-f', '/dev/null', 'new-session', '-d', '-s', 'away', SLEEP], { env });
    return { path, pid: Number(execFileSync('tmux', ['-S', path, 'display-message', '-p', '#{pid}'], { env })) };
  }

  it('is asked where it is a link to one, as tmux follows it', async () => {
    const away = startAway();
    try {
      mkdirSync(own.directory, { mode: 0o700 });
      symlinkSync(away.path, join(own.directory, 'main'));
      const seen = await serverOf({ base: own.base });
      expect(seen).toMatchObject({ listening: [{ pid: away.pid }], server: { state: 'running', pid: away.pid } });
    } finally {
      process.kill(away.pid, 'SIGKILL');
    }
  });

  it('is nobody where it is a link to nothing: tmux makes its socket in the place of it', async () => {
    mkdirSync(own.directory, { mode: 0o700 });
    symlinkSync('nothing', join(own.directory, 'main'));
    expect((await serverOf({ base: own.base })).server).toEqual({ state: 'absent' });
    start('main', 'one');
    expect((await serverOf({ base: own.base })).server).toMatchObject({ state: 'running' });
  });

  it.each(['/etc/passwd', 'main', '/dev/null'])('is nobody where it is a link to %s', async (target) => {
    mkdirSync(own.directory, { mode: 0o700 });
    symlinkSync(target, join(own.directory, 'main'));
    const { run, ran } = watched();
    expect((await serverOf({ base: own.base, run })).server).toEqual({ state: 'absent' });
    expect(ran).toEqual([]);
  });

  it.each([
    ['nobody', () => mkdirSync(own.directory, { mode: 0o700 })],
    [
      'a live server',
      () => {
        start('main', 'one');
        unlinkSync(join(own.directory, 'main'));
      },
    ],
  ])('is unknown where it is a directory, which tmux cannot replace, and %s listens', async (_who, before) => {
    before();
    mkdirSync(join(own.directory, 'main'));
    const { server } = await serverOf({ base: own.base });
    expect(server).toMatchObject({ state: 'unknown', why: 'not-regular' });
    expect(server.state === 'unknown' && server.detail).toContain(`${join(own.directory, 'main')} is a directory`);
  });

  it.each([
    ['a FIFO', () => execFileSync('mkfifo', [join(own.directory, 'main')])],
    ['a regular file', () => writeFileSync(join(own.directory, 'main'), '')],
  ])('is nobody where it is %s, and a deleted socket where a server lives: tmux replaces it', async (_what, make) => {
    mkdirSync(own.directory, { mode: 0o700 });
    make();
    expect((await serverOf({ base: own.base })).server).toEqual({ state: 'absent' });
    start('main', 'one');
    const pid = own.serverPid('main');
    unlinkSync(join(own.directory, 'main'));
    make();
    expect((await serverOf({ base: own.base })).server).toMatchObject({ state: 'unknown', why: 'socket-deleted' });
    process.kill(pid, 'SIGUSR1');
    await eventually('the socket is back', () =>
      lstatSync(join(own.directory, 'main'), { throwIfNoEntry: false })?.isSocket(),
    );
    expect((await serverOf({ base: own.base })).server).toMatchObject({ state: 'running', pid });
  });
});

/** /proc without this one file of it; of a process, another file is in its place. */
function procWithout(head: string, file?: string): string {
  const root = join(own.base, 'proc');
  mkdirSync(root);
  for (const name of readdirSync('/proc')) if (name !== head) symlinkSync(`/proc/${name}`, join(root, name));
  if (file === undefined) return root;
  mkdirSync(join(root, head));
  for (const name of readdirSync(`/proc/${head}`)) {
    if (name !== file) symlinkSync(`/proc/${head}/${name}`, join(root, head, name));
  }
  writeFileSync(join(root, head, file), '');
  return root;
}

/** The process that the kernel lists on the path. */
function listenerOn(path: string): number {
  const line = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .find((l) => l.endsWith(` ${path}`));
  const socket = `socket:[${line?.split(/ +/)[6]}]`;
  const holds = (pid: string) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === socket);
    } catch {
      return false;
    }
  };
  return Number(readdirSync('/proc').find((pid) => /^\d+$/.test(pid) && holds(pid)));
}

function commandLines(): readonly string[] {
  return execFileSync('ps', ['-e', '-o', 'args=']).toString().split('\n');
}

describe('the base directory', () => {
  it('is resolved as tmux resolves it, links and all', async () => {
    start('main', 'one');
    symlinkSync(own.base, join(own.base, 'link'));
    expect((await serverOf({ base: join(own.base, 'link') })).server).toMatchObject({ state: 'running' });
  });
});
