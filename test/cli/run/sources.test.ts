/** Which agent each event is about: files, a real tmux, processes and a bus of the test's own. Needs git. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSources, type Sources } from '../../../src/cli/run/sources.ts';
import type { Observed } from '../../../src/observe/state.ts';
import type { SourceState } from '../../../src/observe/watch/trigger.ts';
import { EVERYTHING } from '../../../src/reconcile/control/queue.ts';
import { FLEET, NONE } from '../../diff/rosters.ts';
import * as w from '../../diff/world.ts';
import { privateTmux } from '../../observe/private-tmux.ts';
import { AUTHENTICATED, type FakeBus, fakeBus, message, signal, text } from '../../observe/systemd-fake-bus.ts';
import { type HandClock, handClock, until } from '../../observe/watch/world.ts';

const ROSTER = w.roster(NONE);
const tmux = privateTmux();
// A server whose last session has just ended is about to end itself.
beforeAll(() => void tmux.tmux('sources', 'new-session', '-d', '-s', 'keeper', 'sleep', '1000'));
afterAll(() => tmux.end());

let directory = '';
let clock: HandClock = handClock();
let keys: string[] = [];
let rosters = 0;
let states: SourceState[] = [];
let waitedFor: ReadonlySet<string> = new Set();
let sources: Sources;
const children: ChildProcess[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-test-sources-'));
  mkdirSync(at('run'));
  clock = handClock();
  [keys, rosters, states, waitedFor] = [[], 0, [], new Set()];
  open(at('fleet.yaml'));
});
afterEach(() => {
  sources.close();
  // Nothing is left that could wake a controller that has ended.
  expect(clock.pending()).toBe(0);
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => join(directory, name);

function open(roster: string, runtimeDirectory = directory): void {
  sources = openSources(
    {
      rosterFiles: [roster],
      wishFiles: [at('pauses.json'), at('PAUSED')],
      uid: 1000,
      runtimeDirectory,
      onRoster: () => {
        rosters += 1;
      },
      onKey: (key) => keys.push(key),
      isWaitedFor: (agent) => waitedFor.has(agent),
      onState: (state) => states.push(state),
    },
    clock,
  );
}

/** Healthy, with every pid one that lives: this process's. */
function living(): w.Mutable<Observed> {
  const observed = w.healthy(ROSTER);
  const { server } = w.tmuxOf(observed);
  if (server.state !== 'running') throw new Error('no server');
  Object.assign(server, { pid: process.pid });
  for (const session of w.sessionsOf(observed)) {
    for (const pane of session.panes) {
      pane.pid = process.pid;
      if ('pid' in pane.runs) pane.runs.pid = process.pid;
    }
  }
  return observed;
}
/** A terminal of a real tmux, and the process that ends it. */
function terminal(session: string): { tty: string; end: () => void } {
  tmux.tmux('sources', 'new-session', '-d', '-s', session, 'sleep', '1000');
  const shown = tmux.tmux('sources', 'display-message', '-p', '-t', `=${session}:`, '#{pane_tty} #{pane_pid}');
  const [tty = '', pid = ''] = shown.trim().split(' ');
  return { tty, end: () => process.kill(Number(pid), 'SIGKILL') };
}
async function shortLived(): Promise<{ readonly pid: number; readonly end: () => Promise<void> }> {
  const child = spawn('sleep', ['1000']);
  children.push(child);
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async () => {
    child.kill('SIGKILL');
    await gone;
  };
  return { pid: child.pid ?? 0, end };
}
const told = (key: string) => until(`told of ${key}`, () => keys.includes(key));

describe('the end of a terminal is about', () => {
  test.each([
    ['its agent', 'coder', 'coder'],
    ['everything, where it is the holder’s', '_holder', EVERYTHING],
  ])('%s', async (what, session, key) => {
    const observed = living();
    const pane = terminal(`t-${what.length}`);
    w.paneOf(observed, session === '_holder' ? ROSTER.tmux.holderSession : session).tty = pane.tty;
    sources.follow(ROSTER, observed, null);
    pane.end();
    await told(key);
    expect(new Set(keys)).toEqual(new Set([key]));
  });

  test('nobody, where it is a stranger’s', async () => {
    sources.follow(ROSTER, living(), null);
    const [stranger, own] = [terminal('stranger'), terminal('own')];
    const observed = living();
    w.paneOf(observed, 'stub').tty = own.tty;
    sources.follow(ROSTER, observed, null);
    stranger.end();
    own.end();
    await told('stub');
    expect(new Set(keys)).toEqual(new Set(['stub']));
  });

  test('its agent also after a look that could not see tmux, and after one at another agent', async () => {
    const observed = living();
    const pane = terminal('seen');
    w.paneOf(observed, 'coder').tty = pane.tty;
    sources.follow(ROSTER, observed, null);
    const blind = living();
    blind.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'hangs' };
    sources.follow(ROSTER, blind, null);
    sources.follow(ROSTER, living(), new Set(['stub']));
    pane.end();
    await told('coder');
  });
});

describe('the end of a process is about', () => {
  test('its agent, also where only what runs in the pane’s shell has ended, a second later at most', async () => {
    const [coder, stub] = [await shortLived(), await shortLived()];
    const observed = living();
    w.paneOf(observed, 'coder').pid = coder.pid;
    const { runs } = w.paneOf(observed, 'stub');
    if ('pid' in runs) runs.pid = stub.pid;
    sources.follow(ROSTER, observed, null);
    await coder.end();
    clock.advance(1_000);
    expect(keys).toEqual(['coder']);
    await stub.end();
    clock.advance(1_000);
    expect(keys).toEqual(['coder', 'stub']);
  });

  test('everything, where it is the tmux server’s', async () => {
    const gone = await shortLived();
    const observed = living();
    Object.assign(w.tmuxOf(observed).server, { pid: gone.pid });
    sources.follow(ROSTER, observed, null);
    await gone.end();
    clock.advance(1_000);
    expect(keys).toEqual([EVERYTHING]);
  });

  test('nobody any more, where its session is gone: told once, and not each second for as long as it is down', async () => {
    const gone = await shortLived();
    const observed = living();
    w.paneOf(observed, 'stub').pid = gone.pid;
    sources.follow(ROSTER, observed, null);
    const without = living();
    const { server } = w.tmuxOf(without);
    if (server.state === 'running') {
      Object.assign(server, { sessions: server.sessions.filter(({ name }) => name !== 'stub') });
    }
    await gone.end();
    // A look at others says nothing of it.
    sources.follow(ROSTER, without, new Set(['coder']));
    clock.advance(1_000);
    expect(keys).toEqual(['stub']);
    for (const scope of [new Set(['stub']), null]) {
      sources.follow(ROSTER, without, scope);
      clock.advance(1_000);
    }
    expect(keys).toEqual(['stub']);
  });

  test('nobody any more, where the agent has left the roster', async () => {
    const gone = await shortLived();
    const observed = living();
    w.paneOf(observed, 'stub').pid = gone.pid;
    sources.follow(ROSTER, observed, null);
    const without = { ...ROSTER, agents: ROSTER.agents.filter(({ name }) => name !== 'stub') };
    sources.follow(without, observed, null);
    await gone.end();
    clock.advance(1_000);
    expect(keys).toEqual([]);
  });
});

describe('a heartbeat', () => {
  const beats = (agents: readonly string[]): void => {
    for (const agent of agents) {
      writeFileSync(at(`run/.${agent}`), 'ts=1\n');
      renameSync(at(`run/.${agent}`), at(`run/${agent}.hb`));
    }
  };
  beforeEach(() => {
    const observed = living();
    const { heartbeats } = observed.sources;
    if (heartbeats.status !== 'known') throw new Error('no heartbeats');
    for (const agent of Object.values(heartbeats.value.agents)) agent.directory = at('run');
    sources.follow(ROSTER, observed, null);
  });

  test('makes a look at the agent that is waited for, and at no other', async () => {
    sources.attend(true);
    waitedFor = new Set(['coder']);
    beats(['stub', 'coder']);
    await told('coder');
    expect(new Set(keys)).toEqual(new Set(['coder']));
  });

  test('is not even watched where nobody is waited for', async () => {
    sources.attend(true);
    sources.attend(false);
    waitedFor = new Set(['coder']);
    beats(['coder']);
    writeFileSync(at('PAUSED'), '');
    await told(EVERYTHING);
    expect(keys).not.toContain('coder');
  });
});

test.each(['pauses.json', 'PAUSED'])('a wish (%s) is about everything', async (name) => {
  writeFileSync(at(name), '{}');
  await told(EVERYTHING);
  expect(rosters).toBe(0);
});

describe('a change of the roster is told, and no agent’s', () => {
  const saved = async (wanted: string, save: () => void): Promise<void> => {
    const before = rosters;
    save();
    await until('told', () => rosters > before && readFileSync(at('fleet.yaml'), 'utf8') === wanted);
    expect(keys).toEqual([]);
  };

  test('saved as editors do: renamed over it, with a backup, in place', async () => {
    await saved('1', () => {
      writeFileSync(at('.fleet.yaml.swp'), '1');
      renameSync(at('.fleet.yaml.swp'), at('fleet.yaml'));
    });
    await saved('2', () => {
      renameSync(at('fleet.yaml'), at('fleet.yaml~'));
      writeFileSync(at('fleet.yaml'), '2');
    });
    await saved('3', () => execFileSync('sed', ['-i', 's/2/3/', at('fleet.yaml')]));
    await saved('4', () => writeFileSync(at('fleet.yaml'), '4'));
  });

  test('by a swapped link, and then in what that leads to', async () => {
    for (const name of ['a', 'b']) mkdirSync(at(name));
    for (const name of ['a', 'b']) writeFileSync(at(`${name}/fleet.yaml`), name);
    const swap = (to: string) => {
      symlinkSync(to, at('new'));
      renameSync(at('new'), at('fleet.yaml'));
    };
    await saved('a', () => swap('a/fleet.yaml'));
    await saved('b', () => swap('b/fleet.yaml'));
    await saved('b2', () => writeFileSync(at('b/fleet.yaml'), 'b2'));
  });

  test('by git: another branch, a merge, a reset, a stash', async () => {
    const git = (...args: readonly string[]): void => {
      const options = { cwd: directory, stdio: 'ignore' } as const;
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], options);
    };
    git('init', '-q', '-b', 'main');
    const commit = (content: string): void => {
      writeFileSync(at('fleet.yaml'), content);
      git('add', 'fleet.yaml');
      git('commit', '-qm', content);
    };
    commit('main');
    git('checkout', '-qb', 'next');
    commit('next');
    await saved('main', () => git('checkout', '-q', 'main'));
    await saved('next', () => git('merge', '-q', 'next'));
    await saved('main', () => git('reset', '-q', '--hard', 'HEAD~1'));
    await saved('edited', () => writeFileSync(at('fleet.yaml'), 'edited'));
    await saved('main', () => git('stash', '-q'));
  });
});

describe('a unit', () => {
  const UNITS = w.roster(FLEET);
  let bus: FakeBus;
  let socket: Socket | null = null;
  beforeEach(async () => {
    bus = await fakeBus((connected) => {
      socket = connected;
      const answers = [2, 3, 4].map((serial) => message(2, serial, '', Buffer.alloc(0)));
      connected.write(Buffer.concat([AUTHENTICATED, message(2, 1, 's', text(':1.5')), ...answers]));
    });
    sources.close();
    open(at('fleet.yaml'), bus.runtimeDirectory);
  });
  afterEach(() => bus.close());

  test('is watched for systemd’s fleets alone; its job is about its agent, the holder’s about everything', async () => {
    sources.follow(ROSTER, living(), null);
    expect(states.some(({ source }) => source === 'units')).toBe(false);
    sources.follow(UNITS, living(), null);
    await until('live', () => states.some(({ source, live }) => source === 'units' && live));
    const job = (unit: string): Buffer =>
      signal('/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager', 'JobRemoved', 'uoss', (body) => {
        body.uint32(7);
        for (const value of ['/org/freedesktop/systemd1/job/7', unit, 'done']) body.string(value);
      });
    // What happened before it was subscribed to was not told.
    expect(keys.splice(0)).toEqual([EVERYTHING]);
    socket?.write(Buffer.concat([job('other@coder.service'), job('fleet-agent@coder.service')]));
    await told('coder');
    expect(keys.splice(0)).toEqual(['coder']);
    socket?.write(job('fleet-tmux.service'));
    await told(EVERYTHING);
    expect(keys).toEqual([EVERYTHING]);
  });
});
