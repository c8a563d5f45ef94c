/** The whole observation, of a home and of tmux servers of the test's own. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lastLook } from '../../src/observe/last-look.ts';
import { type ObservePorts, type ObserveRequest, observe } from '../../src/observe/observe.ts';
import type { RunProgram } from '../../src/observe/run.ts';
import type { Observed, ProcessObserved, Source, TmuxSession } from '../../src/observe/state.ts';
import { sys } from '../../src/observe/system-calls.ts';
import type { AgentSpec, Roster } from '../../src/spec/model.ts';
import { BUILT_IN_RUNTIMES } from '../../src/spec/runtimes.ts';
import { makeAgent, makeRoster } from '../spec/make-agent.ts';
import { eventually, type PrivateTmux, privateTmux, uid } from './private-tmux.ts';
import { watched } from './tmux-ports.ts';

let own: PrivateTmux;
let home: string;
beforeEach(() => {
  own = privateTmux();
  home = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-home-')));
});
afterEach(() => {
  own.end();
  rmSync(home, { recursive: true, force: true });
});

function write(path: string, content: string): string {
  const full = join(home, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content, { mode: 0o755 });
  return full;
}

const STUB = {
  name: 'stub',
  own: true,
  command: null,
  match: { exe: ['sleep'], script: [], packages: [] },
  beats: true,
};

function roster(agents: readonly Partial<AgentSpec>[], changes: Partial<Roster> = {}): Roster {
  return makeRoster({
    supervisor: 'none',
    tmux: { socketName: 'main', holderSession: '_holder' },
    runtimes: { ...BUILT_IN_RUNTIMES, stub: STUB },
    agents: agents.map((agent) => makeAgent({ runtime: 'stub', socket: 'main', argv: ['sleep', '600'], ...agent })),
    ...changes,
  });
}

const ports = (changes: Partial<ObservePorts> = {}): ObservePorts => ({
  run: watched().run,
  now: Date.now,
  uid,
  user: { name: 'jarvis', uid, home },
  env: { PATH: process.env['PATH'], TMUX_TMPDIR: own.base },
  lingerDirectory: join(home, 'linger'),
  runtimeDirectory: join(home, 'no-runtime-directory'),
  ...changes,
});

const look = (of: Roster, changes: Partial<ObservePorts> = {}, request: Partial<ObserveRequest> = {}) =>
  observe({ roster: of, host: 'h', tenant: 't', deadlineMs: 5_000, ...request }, ports(changes));

function known<T>(source: Source<T>): T {
  if (source.status === 'unknown') throw new Error(`${source.why}: ${source.detail}`);
  return source.value;
}

function session(observed: Observed, name: string): TmuxSession {
  for (const { server } of known(observed.sources.tmux).servers) {
    const found = server.state === 'running' ? server.sessions.find((s) => s.name === name) : undefined;
    if (found !== undefined) return found;
  }
  throw new Error(`no session ${name} in ${JSON.stringify(observed.sources.tmux)}`);
}

function processIn(observed: Observed, name: string): ProcessObserved {
  const pid = String(session(observed, name).panes[0]?.pid);
  const found = known(observed.sources.processes).processes[pid];
  if (found === undefined) throw new Error(`no process ${pid}`);
  return found;
}

describe('an observation', () => {
  it('of a machine with nothing on it is known, and leaves nothing', async () => {
    const observed = await look(roster([{ name: 'coder' }]));
    expect(observed).toMatchObject({ format_version: '1.0', kind: 'fleet.observed', host: 'h', tenant: 't' });
    expect(observed.boot_id).toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
    expect(known(observed.sources.tmux).servers).toMatchObject([{ socket: 'main', server: { state: 'absent' } }]);
    expect(known(observed.sources.processes).processes).toEqual({});
    expect(known(observed.sources.linger)).toEqual({ user: 'jarvis', enabled: false });
    expect(known(observed.sources.heartbeats).agents['coder']).toMatchObject({ beat: { state: 'absent' } });
    expect(known(observed.sources.files)).toMatchObject({
      user: { home },
      env_files: { coder: { state: 'absent' } },
      commands: { coder: { state: 'found' } },
    });
    expect(execFileSync('find', [home, own.base, '-mindepth', '1'], { encoding: 'utf8' })).toBe('');
  });

  it('asks no systemd where there is no supervisor, and tells why it cannot where there is one', async () => {
    expect((await look(roster([]))).sources.units).toMatchObject({ status: 'unknown', why: 'not-observed' });
    const supervised = await look(roster([], { supervisor: 'systemd' }));
    expect(supervised.sources.units).toMatchObject({ status: 'unknown', why: 'no-runtime-directory' });
  });

  it('is one of everything but tmux where that is not installed', async () => {
    const { run, ran } = watched();
    const observed = await look(roster([{ name: 'coder' }]), { run, env: { PATH: '/nowhere', TMUX_TMPDIR: own.base } });
    expect(observed.sources.tmux).toMatchObject({ status: 'unknown', why: 'not-installed' });
    expect(observed.sources.processes).toMatchObject({ status: 'unknown', why: 'not-installed' });
    expect(observed.sources.files.status).toBe('known');
    expect(ran).toEqual([]);
  });

  it('survives a port that breaks: the source is unknown', async () => {
    own.tmux('main', 'new-session', '-d', '-s', 'x', 'sleep 600');
    const observed = await look(roster([]), { run: () => Promise.reject(new Error('broken')) });
    expect(observed.sources.tmux).toMatchObject({ status: 'unknown', why: 'io' });
    expect(observed.sources.files.status).toBe('known');
  });

  it.each([
    ['EIO', 'io'],
    ['EACCES', 'denied'],
  ])(
    'from look to look, too: whose a process is cannot be read (%s), and no server counts as none',
    async (code, why) => {
      own.tmux('main', 'new-session', '-d', '-s', 'coder', 'exec sleep 600');
      const server = own.tmux('main', 'display-message', '-p', '#{pid}').trim();
      const last = lastLook();
      try {
        const first = await look(roster([{ name: 'coder' }]), { lastLook: last });
        expect(session(first, 'coder').panes).toHaveLength(1);
        const { stat } = sys;
        const spy = vi.spyOn(sys, 'stat').mockImplementation((path) => {
          if (path === `/proc/${server}`) throw Object.assign(new Error(code), { code });
          return stat(path);
        });
        const then = await look(roster([{ name: 'coder' }]), { lastLook: last }).finally(() => spy.mockRestore());
        for (const source of [then.sources.tmux, then.sources.processes]) {
          expect(source).toEqual({ status: 'unknown', why, detail: `cannot read /proc/${server}: ${code}` });
        }
        expect(session(await look(roster([{ name: 'coder' }]), { lastLook: last }), 'coder').panes).toHaveLength(1);
      } finally {
        last.close();
      }
    },
  );

  it('finds agents on other sockets of the user, with their names in the live environment', async () => {
    const agent = ['-e', 'FLEET_AGENT_NAME=coder', '-e', 'FLEET_AGENT_CLASS=worker', 'exec sleep 600'];
    own.tmux('old', 'new-session', '-d', '-s', 'coder', ...agent);
    const observed = await look(roster([{ name: 'coder' }]));
    expect(known(observed.sources.tmux).servers.map((s) => [s.socket, s.server.state])).toEqual([
      ['main', 'absent'],
      ['old', 'running'],
    ]);
    expect(known(processIn(observed, 'coder').env).values).toEqual({
      FLEET_AGENT_NAME: 'coder',
      FLEET_AGENT_CLASS: 'worker',
    });
  });

  it('is the same whoever calls it from wherever', async () => {
    own.tmux('main', 'new-session', '-d', '-s', 'coder', 'exec sleep 600');
    process.env['TMUX'] = '/nowhere,1,0';
    try {
      expect(session(await look(roster([{ name: 'coder' }])), 'coder').panes).toHaveLength(1);
    } finally {
      delete process.env['TMUX'];
    }
  });
});

describe('the environment of an agent', () => {
  it('is told by names, and by values only where they are wanted and no secrets', async () => {
    const same = write('secrets/same', 'hunter2\n');
    const other = write('secrets/other', 'hunter3\n');
    const env: AgentSpec['env'] = {
      FOO: { kind: 'plain', value: 'bar' },
      SAME: { kind: 'secret', fromFile: same },
      OTHER: { kind: 'secret', fromFile: other },
      LOST: { kind: 'secret', fromFile: '/nowhere/secret' },
      UNSET: { kind: 'secret', fromFile: same },
      // Even a name whose value is told everywhere else.
      FLEET_AGENT_MODEL: { kind: 'secret', fromFile: same },
    };
    const values = [
      'FOO=live',
      'SAME=hunter2',
      'OTHER=hunter2',
      'LOST=hunter2',
      'PRIVATE=hunter2',
      'FLEET_AGENT_NAME=coder',
    ];
    const model = ['-e', 'FLEET_AGENT_MODEL=hunter2'];
    const set = values.flatMap((value) => ['-e', value]);
    own.tmux('main', 'new-session', '-d', '-s', 'coder', ...set, ...model, 'exec sleep 600');
    own.tmux('main', 'new-session', '-d', '-s', 'foreign', ...set, 'exec sleep 600');
    const observed = await look(roster([{ name: 'coder', env }]));
    const seen = known(processIn(observed, 'coder').env);
    expect(seen.keys).toEqual(expect.arrayContaining(['FOO', 'PRIVATE', 'SAME', 'TMUX_PANE']));
    expect(seen.values).toEqual({ FOO: 'live', FLEET_AGENT_NAME: 'coder' });
    expect(seen.secrets).toEqual({
      SAME: { matches: true },
      OTHER: { matches: false },
      LOST: { matches: 'unknown' },
      UNSET: { matches: false },
      FLEET_AGENT_MODEL: { matches: true },
    });
    expect(known(processIn(observed, 'foreign').env)).toMatchObject({
      values: { FLEET_AGENT_NAME: 'coder' },
      secrets: {},
    });
    expect(JSON.stringify(observed)).not.toMatch(/hunter/);
    expect(known(observed.sources.files).secret_files).toEqual({
      [same]: { state: 'found', real: same },
      [other]: { state: 'found', real: other },
      '/nowhere/secret': { state: 'missing', detail: 'there is no /nowhere/secret' },
    });
  });

  it('tells of each secret’s file whether the launcher can read it', async () => {
    const link = join(home, 'secrets/link');
    mkdirSync(join(home, 'secrets'), { recursive: true });
    symlinkSync(write('secrets/real', 'hunter2\n'), link);
    const big = write('secrets/big', 'x'.repeat(70_000));
    const from = (fromFile: string) => ({ kind: 'secret', fromFile }) as const;
    const env = { LINK: from(link), BIG: from(big), ODD: from(join(home, 'secrets')), OUT: from(`${big}/below`) };
    const { secret_files } = known((await look(roster([{ name: 'coder', env }]))).sources.files);
    expect(secret_files).toMatchObject({
      [link]: { state: 'found' },
      [big]: { state: 'found' },
      [join(home, 'secrets')]: { state: 'missing', detail: expect.stringContaining('not a regular file') },
      [`${big}/below`]: { state: expect.stringMatching('missing|unknown') },
    });
  });

  it('is looked at in the process that runs, not in all that it started', async () => {
    const script = write('agent', '#!/bin/sh\nsleep 601 &\nexec sleep 600\n');
    own.tmux('main', 'new-session', '-d', '-s', 'coder', '-c', home, script);
    const observed = await eventually('the child runs', () => {
      const pid = own.tmux('main', 'list-panes', '-t', '=coder:', '-F', '#{pane_pid}').trim();
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'sleep';
    }).then(() => look(roster([{ name: 'coder' }])));
    const processes = Object.values(known(observed.sources.processes).processes);
    expect(processes).toHaveLength(2);
    const pid = session(observed, 'coder').panes[0]?.pid;
    for (const process of processes) {
      expect(process.cwd).toMatchObject(process.pid === pid ? { value: home } : { why: 'not-observed' });
      expect(process.env.status).toBe(process.pid === pid ? 'known' : 'unknown');
      expect(Math.abs(process.started_ms - Date.now())).toBeLessThan(10_000);
    }
  });
});

describe('what changes while it is looked at', () => {
  it('is looked at again once, when a young process is not what the roster wants', async () => {
    own.tmux(
      'main',
      'new-session',
      '-d',
      '-s',
      'late',
      `exec sh -c 'while [ ! -e ${home}/go ]; do :; done; exec sleep 600'`,
    );
    own.tmux('main', 'new-session', '-d', '-s', 'wrong', 'exec sleep 600');
    const delays: number[] = [];
    const delay = async (ms: number) => {
      delays.push(ms);
      write('go', '');
      await eventually('it has become what it should be', () =>
        own
          .tmux('main', 'list-panes', '-a', '-F', '#{pane_current_command}')
          .split('\n')
          .every((c) => c === 'sleep' || c === ''),
      );
    };
    const { run, ran } = watched();
    const observed = await look(roster([{ name: 'late' }, { name: 'wrong', runtime: 'pi' }]), { delay, run });
    expect(delays).toEqual([1_000]);
    expect(ran).toHaveLength(2);
    expect(session(observed, 'late').panes[0]?.runs).toMatchObject({ verdict: 'runtime', runtime: 'stub' });
    expect(session(observed, 'wrong').panes[0]?.runs).toMatchObject({ verdict: 'runtime', runtime: 'stub' });
    expect(Object.keys(known(observed.sources.processes).processes)).toHaveLength(2);
  });

  it('is looked at once when all is well, or is old enough', async () => {
    own.tmux('main', 'new-session', '-d', '-s', 'coder', 'exec sleep 600');
    const shown = () => own.tmux('main', 'display-message', '-p', '-t', '=coder:', '#{pane_current_command}').trim();
    await vi.waitFor(() => expect(shown()).toBe('sleep'), { timeout: 10_000 });
    const delay = () => Promise.reject(new Error('waited'));
    const right = await look(roster([{ name: 'coder' }]), { delay });
    expect(session(right, 'coder').panes[0]?.runs.verdict).toBe('runtime');
    const old = await look(roster([{ name: 'coder', runtime: 'pi' }]), { delay, now: skewed() });
    expect(session(old, 'coder').panes[0]?.runs).toMatchObject({ runtime: 'stub' });
  });
});

/** The clock when the process table is read, and a minute later ever after. */
function skewed(): () => number {
  let calls = 0;
  return () => Date.now() + (calls++ < 2 ? 0 : 60_000);
}

describe('screens', () => {
  const TRUST = [
    'Quick safety check: Is this a project you created or one you trust?',
    '',
    '❯ 1. Yes, I trust this folder',
    '  2. No, exit',
    '',
    'Enter to confirm · Esc to cancel',
  ];

  it('of agents whose runtime has prompts are read in one more call', async () => {
    write('lib/claude/package.json', '{"name": "@anthropic-ai/claude-code"}');
    const script = write(
      'lib/claude/cli.js',
      `process.stdout.write(${JSON.stringify(TRUST.join('\r\n'))}); setInterval(() => {}, 1000);`,
    );
    for (const name of ['one', 'two', 'foreign']) {
      own.tmux('main', 'new-session', '-d', '-s', name, '-x', '100', '-y', '30', process.execPath, script);
    }
    own.tmux('main', 'new-session', '-d', '-s', 'stub', 'exec sleep 600');
    await eventually('the prompts are shown', () =>
      ['one', 'two'].every((name) => own.tmux('main', 'capture-pane', '-p', '-t', `=${name}:`).includes('Enter')),
    );
    const { run, ran } = watched();
    const claude = { runtime: 'claude', argv: [process.execPath, script] };
    const agents = [{ name: 'one', ...claude }, { name: 'two', ...claude }, { name: 'stub' }];
    const observed = await look(roster(agents), { run });
    expect(ran).toHaveLength(2);
    for (const name of ['one', 'two']) {
      expect(session(observed, name).panes[0]).toMatchObject({
        runs: { verdict: 'runtime', runtime: 'claude' },
        prompt: { id: 'claude-trust' },
      });
    }
    expect(session(observed, 'stub').panes[0]?.prompt).toBeNull();
    expect(session(observed, 'foreign').panes[0]?.prompt).toBeNull();

    const hangs: RunProgram = (program, args, options) =>
      options.input?.includes('capture-pane') === true
        ? Promise.resolve({ kind: 'failed', why: 'timeout', detail: 'late' })
        : run(program, args, options);
    const half = await look(roster(agents), { run: hangs });
    expect(
      known(half.sources.tmux).servers,
      'a screen that cannot be read is no screen without a prompt',
    ).toMatchObject([{ socket: 'main', server: { state: 'unknown', why: 'timeout' } }]);
  });
});

describe('a narrowed observation', () => {
  it('says of the others that they were not looked at', async () => {
    write('.config/fleet/agents/other.env', 'X=1\n');
    for (const name of ['coder', 'other']) own.tmux('main', 'new-session', '-d', '-s', name, 'exec sleep 600');
    const observed = await look(roster([{ name: 'coder' }, { name: 'other' }]), {}, { agents: ['coder'] });
    const files = known(observed.sources.files);
    expect(files.env_files).toMatchObject({ coder: { state: 'absent' }, other: { why: 'not-observed' } });
    expect(files.argv_files).toMatchObject({ coder: { state: 'absent' }, other: { why: 'not-observed' } });
    expect(known(observed.sources.heartbeats).agents).toMatchObject({
      coder: { beat: { state: 'absent' } },
      other: { beat: { state: 'unreadable', why: 'not-observed' } },
    });
    expect(processIn(observed, 'coder').env.status).toBe('known');
    expect(session(observed, 'coder').panes[0]?.runs).toMatchObject({ verdict: 'runtime' });
    expect(session(observed, 'other').panes[0]?.runs).toMatchObject({ verdict: 'unknown', why: 'not-observed' });
    expect(Object.keys(known(observed.sources.processes).processes)).toHaveLength(1);
  });
});
