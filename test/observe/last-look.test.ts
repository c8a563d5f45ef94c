/** Looks that remember the one before, held against looks that do not: of a home and of tmux servers of the test's own. */
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { knownFiles } from '../../src/observe/known-files.ts';
import { type LastLook, lastLook } from '../../src/observe/last-look.ts';
import { createMasking } from '../../src/observe/masking.ts';
import { type ObservePorts, observe } from '../../src/observe/observe.ts';
import { type KnownProcesses, knownProcesses } from '../../src/observe/proc/known.ts';
import type { Observed, TmuxSession } from '../../src/observe/state.ts';
import type { Roster } from '../../src/spec/model.ts';
import { makeAgent, makeRoster } from '../spec/make-agent.ts';
import { type PrivateTmux, privateTmux, uid } from './private-tmux.ts';
import { watched } from './tmux-ports.ts';

const settles = <T>(assertion: () => T): Promise<T> => vi.waitFor(assertion, { timeout: 20_000, interval: 10 });

let own: PrivateTmux;
let home: string;
let last: LastLook;
beforeEach(() => {
  own = privateTmux();
  home = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-last-look-')));
  last = lastLook();
});
afterEach(() => {
  own.end();
  last.close();
  rmSync(home, { recursive: true, force: true });
});

const STUB = {
  name: 'stub',
  own: true,
  command: null,
  match: { exe: ['sleep'], script: [], packages: [] },
  beats: true,
};
const NAMES = ['a', 'b', 'c'];

function roster(): Roster {
  return makeRoster({
    supervisor: 'none',
    tmux: { socketName: 'main', holderSession: '_holder' },
    runtimes: { stub: STUB },
    agents: NAMES.map((name) => makeAgent({ name, runtime: 'stub', socket: 'main', argv: ['sleep', '600'] })),
  });
}

function write(path: string, content: string): string {
  const full = join(home, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
  return full;
}

/** Without what is another in each look anyway. */
function comparable(observed: Observed): unknown {
  const { processes } = observed.sources;
  if (processes.status === 'unknown') throw new Error(processes.detail);
  const timeless = Object.entries(processes.value.processes).map(([pid, { started_ms, ...rest }]) => {
    expect(Math.abs(started_ms - processes.value.booted_at_ms - rest.start_time * 10)).toBeLessThanOrEqual(1);
    return [pid, rest];
  });
  const sources = { ...observed.sources, processes: Object.fromEntries(timeless) };
  return JSON.parse(JSON.stringify({ ...observed, observed_at: '', sources }));
}

function lookers() {
  const wanted = roster();
  const processes = knownProcesses();
  // As if all of them had been there for long: those that have just begun are not known.
  const known: KnownProcesses = { over: (details, table, now) => processes.over(details, table, now + 60_000) };
  const shared = {
    masking: createMasking(),
    known,
    knownFiles: knownFiles(() => Date.now() + 60_000),
  };
  const look = (more: Partial<ObservePorts>) =>
    observe(
      { roster: wanted, host: 'h', tenant: 't', deadlineMs: 5_000 },
      {
        run: watched().run,
        now: Date.now,
        uid,
        user: { name: 'jarvis', uid, home },
        env: { PATH: process.env['PATH'], TMUX_TMPDIR: own.base },
        lingerDirectory: join(home, 'linger'),
        runtimeDirectory: join(home, 'no-runtime-directory'),
        ...more,
      },
    );
  return { kept: () => look({ ...shared, lastLook: last }), fresh: () => look({}) };
}

const sessionsOf = ({ sources: { tmux } }: Observed): ReadonlyMap<string, TmuxSession> => {
  const [server] = tmux.status === 'known' ? tmux.value.servers : [];
  const sessions = server?.server.state === 'running' ? server.server.sessions : [];
  return new Map(sessions.map((session) => [session.name, session]));
};

const start = (name: string): string => own.tmux('main', 'new-session', '-d', '-s', name, '-c', home, 'exec sleep 600');

const paneOf = (name: string): number =>
  Number(own.tmux('main', 'display-message', '-p', '-t', `=${name}:`, '#{pane_pid}'));

it('tells the same as one that remembers nothing, whatever happened in between', { timeout: 60_000 }, async () => {
  const { kept, fresh } = lookers();
  for (const name of NAMES) {
    start(name);
    write(`.config/fleet/agents/${name}.env`, `MOSAIC_AGENT_NAME=${name}\n`);
    write(`.local/state/fleet/run/${name}.hb`, `ts=${Date.now() / 1000}\n`);
  }
  const env = join(home, '.config/fleet/agents/b.env');
  const happenings: readonly (() => unknown)[] = [
    () => null,
    () => null,
    () => own.tmux('main', 'rename-session', '-t', '=b', 'renamed'),
    () => own.tmux('main', 'select-pane', '-t', '=a:', '-T', 'another title'),
    () => own.tmux('main', 'split-window', '-d', '-t', '=a:', '-c', '/', 'exec sleep 600'),
    () => own.tmux('main', 'set-option', '-t', '=a:', '@fleet_mark', 'x'),
    () => own.tmux('main', 'respawn-pane', '-k', '-t', '=c:', '-c', '/', 'exec cat'),
    () => process.kill(paneOf('c'), 'SIGSTOP'),
    () => process.kill(paneOf('c'), 'SIGCONT'),
    () => own.tmux('main', 'respawn-pane', '-k', '-t', '=c:', '-c', '/', 'exec sh'),
    () => null,
    () => own.tmux('main', 'send-keys', '-t', '=c:', 'cd /tmp', 'Enter'),
    () => own.tmux('main', 'kill-session', '-t', '=c'),
    () => start('c'),
    () => writeFileSync(env, 'MOSAIC_AGENT_NAME=other\n'),
    () => renameSync(env, `${env}.kept`),
    () => write('.config/fleet/agents/stranger.env', 'A=1\n'),
    () => unlinkSync(`${env}.kept`),
    () => write('.local/state/fleet/run/a.hb', 'ts=nonsense\n'),
    () => own.tmux('main', 'kill-server'),
    () => start('a'),
  ];
  for (const happen of happenings) {
    happen();
    await settles(async () => expect(comparable(await kept())).toEqual(comparable(await fresh())));
  }
});

it('is made of the very objects of before where nothing happened, and of others where something did', async () => {
  const { kept } = lookers();
  for (const name of NAMES) start(name);
  await kept();
  // What a shell becomes by exec is settled by now, or soon.
  await settles(async () => {
    const [one, two] = [sessionsOf(await kept()), sessionsOf(await kept())];
    expect(NAMES.map((name) => two.get(name) === one.get(name))).toEqual([true, true, true]);
  });
  const before = sessionsOf(await kept());
  own.tmux('main', 'resize-window', '-t', '=b:', '-x', '100', '-y', '30');
  const after = sessionsOf(await kept());
  expect(after.get('a')).toBe(before.get('a'));
  expect(after.get('b')).not.toBe(before.get('b'));
  expect(after.get('b')?.panes[0]?.width).toBe(100);
});

it('holds nothing of what is no more', async () => {
  const { kept } = lookers();
  const server = () => last.server(`${own.directory}/main`);
  const sizes = () => [server().sessions, server().panes, last.processes].map((part) => part.size());
  for (const name of NAMES) start(name);
  await kept();
  await kept();
  const few = sizes();
  for (let other = 0; other < 20; other += 1) start(`other-${other}`);
  await kept();
  expect(server().sessions.size()).toBe(23);
  for (let other = 0; other < 20; other += 1) own.tmux('main', 'kill-session', '-t', `=other-${other}`);
  await settles(async () => {
    await kept();
    expect(sizes()).toEqual(few);
    expect(server().rows.rows.length).toBe(3);
  });
});
