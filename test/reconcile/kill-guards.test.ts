/** Ending a session: what is said to tmux, what its answers mean, and which processes are ended after it. */
import { describe, expect, test } from 'vitest';
import type { SessionIdentity } from '../../src/diff/plan.ts';
import type { RunResult } from '../../src/observe/run.ts';
import type { Observed, PaneRuns } from '../../src/observe/state.ts';
import type { EffectContext } from '../../src/reconcile/context.ts';
import { endSession, REFUSED } from '../../src/reconcile/effects/guarded-kill.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import { FLEET } from '../diff/rosters.ts';
import * as w from '../diff/world.ts';

type World = w.Mutable<Observed>;
const fleet = w.roster(FLEET);
const IDENTITY: SessionIdentity = {
  server: { socket: 'factory', pid: 1000, start: 1_780_300_000 },
  id: '$1',
  created: (w.NOW - 3_600_000) / 1000,
  owner: 'mosaic',
  pane: '%2000',
  pane_pid: 2000,
};
const ORDER = { name: 'coder', identity: IDENTITY, mayInterruptAttached: false };
const said = (code: number | null, stdout = '', stderr = ''): RunResult => ({
  kind: 'exited',
  code,
  signal: null,
  stdout,
  stderr,
});

interface Setting {
  /** What is seen before. */
  readonly before?: (o: World) => void;
  readonly answer?: RunResult;
  /** What is seen after the kill; the session is gone unless told otherwise. */
  readonly after?: (o: World) => void;
  /** By pid: the signal that ends it, or none. Pids that are not here end with the session. */
  readonly stubborn?: Readonly<Record<number, 'SIGTERM' | 'SIGKILL' | 'never'>>;
}

async function end(setting: Setting = {}, order = ORDER) {
  const { answer = said(0), stubborn = {} } = setting;
  const seen = w.healthy(fleet);
  setting.before?.(seen);
  const later = structuredClone(seen);
  (setting.after ?? ((o) => w.dropSession(o, 'coder')))(later);
  const commands: string[] = [];
  const signals: string[] = [];
  const alive = new Map(Object.keys(stubborn).map((pid) => [Number(pid), 8_000_000]));
  let clock = 0;
  const asked: (readonly string[] | null)[] = [];
  const ctx = {
    layout: layoutOf('fleet'),
    ports: {
      run: async (program: string, args: readonly string[]) => {
        commands.push([program, ...args].join(' '));
        return answer;
      },
      observe: async (agents: readonly string[] | null) => {
        asked.push(agents);
        return later as Observed;
      },
      processes: {
        startTime: (pid: number) => alive.get(pid) ?? null,
        signal: (pid: number, name: string, { group }: { readonly group: boolean }) => {
          signals.push(`${clock} ${name} ${group ? 'group ' : ''}${pid}`);
          for (const [own, ends] of Object.entries(stubborn)) if (ends === name) alive.delete(Number(own));
          return true;
        },
      },
      now: () => clock,
      delay: async (ms: number) => {
        clock += ms;
      },
    },
  } as unknown as EffectContext;
  const ended = await endSession(ctx, order, seen as Observed, ['coder']);
  return { ended, commands, signals, asked };
}
const detail = ({ ended }: Awaited<ReturnType<typeof end>>) =>
  ended.ended === 'failed'
    ? [ended.failure.code, ended.failure.summary, ended.failure.detail, ...ended.failure.evidence]
    : ended;

describe('before the kill', () => {
  test('the guard, the kill and the refusal are one command to that server, on that session alone', async () => {
    const { commands, asked } = await end();
    expect(commands).toHaveLength(1);
    expect(commands[0]).toMatch(
      /^tmux -u -N -L factory if-shell -F -t =coder: #\{.*\} kill-session -t '\$1' display-message -p fleet-guard-refused$/,
    );
    expect(commands[0]).toContain('#{==:#{session_attached},0}');
    expect(asked).toEqual([['coder']]);
  });
  test.each<readonly [string, (o: World) => void]>([
    ['gone', (o) => w.dropSession(o, 'coder')],
    ['another one', (o) => Object.assign(w.session(o, 'coder'), { id: '$9' })],
    ['of another time', (o) => Object.assign(w.session(o, 'coder'), { created: 1 })],
    ['not to be seen', (o) => (o.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'x' })],
  ])('%s: refused, and tmux is asked for nothing', async (_, before) => {
    const found = await end({ before, after: () => {} });
    expect([found.ended, found.commands]).toEqual([{ ended: 'refused' }, []]);
  });
  test('processes that cannot be read: left alone', async () => {
    const found = await end({
      before: (o) => {
        o.sources.processes = { status: 'unknown', why: 'io', detail: 'EIO' };
      },
    });
    expect(found.commands).toEqual([]);
    expect(detail(found)).toEqual([
      'unobserved',
      'The session was left alone',
      'its processes could not be read, so what outlives it could not be ended',
    ]);
  });
});

describe("tmux's answer", () => {
  test('gone, nothing said: ended', async () => {
    expect((await end()).ended).toEqual({ ended: 'ended', evidence: [] });
  });
  test('the guard held: refused, nobody is signalled', async () => {
    const found = await end({ answer: said(0, `${REFUSED}\n`), after: () => {}, stubborn: { 2000: 'SIGTERM' } });
    expect([found.ended, found.signals, found.asked]).toEqual([{ ended: 'refused' }, [], []]);
  });
  test.each(['no server running on /tmp/x', 'error connecting to /tmp/x (No such file or directory)'])(
    'the server went away meanwhile (%s): it is looked at',
    async (stderr) => {
      expect((await end({ answer: said(1, '', stderr) })).ended).toEqual({ ended: 'ended', evidence: [] });
    },
  );
  test.each<readonly [string, RunResult, readonly string[]]>([
    [
      'an error',
      said(1, '', 'lost server'),
      ['kill-failed', 'The session could not be ended', 'exit status 1, lost server', 'lost server'],
    ],
    ['a signal', said(null), ['kill-failed', 'The session could not be ended', 'ended by a signal']],
    [
      'no answer',
      { kind: 'failed', why: 'timeout', detail: 'no server running, no answer' },
      [
        'kill-failed',
        'The session could not be ended',
        'no server running, no answer (timeout)',
        'no server running, no answer',
      ],
    ],
  ])('%s: failed, nobody is signalled', async (_, answer, words) => {
    const found = await end({ answer, stubborn: { 2000: 'SIGTERM' } });
    expect(detail(found)).toEqual(words);
    expect([found.signals, found.asked]).toEqual([[], []]);
  });
  test('0 and yet there: failed ("access not allowed" exits 0), nobody is signalled', async () => {
    const found = await end({
      after: () => {},
      answer: said(0, '', 'access not allowed'),
      stubborn: { 2000: 'SIGTERM' },
    });
    expect(detail(found)).toEqual([
      'kill-failed',
      'The session could not be ended',
      'session coder ($1) is there still, though tmux did not refuse',
      'access not allowed',
    ]);
    expect(found.signals).toEqual([]);
  });
  test('0 and not to be seen: failed, nobody is signalled', async () => {
    const after = (o: World) => {
      o.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'no answer' };
    };
    const found = await end({ after, stubborn: { 2000: 'SIGTERM' } });
    expect(detail(found)).toEqual([
      'kill-failed',
      'The session could not be ended',
      'killed, but it could not be looked at afterwards: tmux: no answer (timeout)',
    ]);
    expect(found.signals).toEqual([]);
  });
  test('another one of that name by now: ended', async () => {
    const found = await end({ after: (o) => Object.assign(w.session(o, 'coder'), { id: '$9' }) });
    expect(found.ended).toEqual({ ended: 'ended', evidence: [] });
  });
});

describe('processes that outlive it', () => {
  test('are given three seconds, then TERM to their group', async () => {
    const found = await end({ stubborn: { 2000: 'SIGTERM' } });
    expect(found.signals).toEqual(['3000 SIGTERM group 2000']);
    expect(found.ended).toEqual({
      ended: 'ended',
      evidence: ['pi (pid 2000) outlived the session and was ended by SIGTERM'],
    });
  });
  test('then, three seconds later, KILL', async () => {
    const found = await end({ stubborn: { 2000: 'SIGKILL' } });
    expect(found.signals).toEqual(['3000 SIGTERM group 2000', '6000 SIGKILL group 2000']);
    expect(found.ended).toEqual({
      ended: 'ended',
      evidence: ['pi (pid 2000) outlived the session and was ended by SIGKILL'],
    });
  });
  test('and are told when even that was in vain', async () => {
    const found = await end({ stubborn: { 2000: 'never' } });
    expect(detail(found)).toEqual([
      'process-survives',
      'A process outlives its session',
      'pi (pid 2000) outlived its session and KILL',
    ]);
  });
  test.each([
    [1, '3000 SIGTERM 2000'],
    [0, '3000 SIGTERM 2000'],
    [1000, '3000 SIGTERM 2000'],
    [2, '3000 SIGTERM group 2'],
  ])("of the group %i (init's, the server's, another): %s", async (pgrp, signal) => {
    const before = (o: World) => Object.assign(w.processOf(o, 2000), { pgrp });
    expect((await end({ before, stubborn: { 2000: 'SIGTERM' } })).signals).toEqual([signal]);
  });
  test('a pid that was given to another process by now is left alone', async () => {
    const before = (o: World) => Object.assign(w.processOf(o, 2000), { start_time: 1 });
    expect((await end({ before, stubborn: { 2000: 'never' } })).signals).toEqual([]);
  });

  const also = (o: World) => {
    if (o.sources.processes.status !== 'known') throw new Error('unknown');
    o.sources.processes.value.processes['2500'] = { ...w.processOf(o, 2000), pid: 2500, pgrp: 2500, comm: 'tool' };
  };
  test.each<readonly [PaneRuns]>([
    [{ verdict: 'runtime', runtime: 'pi', strength: 'strong', pid: 2500, evidence: 'x' }],
    [{ verdict: 'other', pid: 2500, program: 'tool' }],
    [{ verdict: 'shell', pid: 2500, program: 'tool' }],
  ])('what was found to run in the pane counts, beside the pane’s own process: $verdict', async (runs) => {
    const before = (o: World) => {
      also(o);
      w.paneOf(o, 'coder').runs = runs as w.Mutable<PaneRuns>;
    };
    const found = await end({ before, stubborn: { 2000: 'SIGTERM', 2500: 'SIGTERM' } });
    expect(found.signals).toEqual(['3000 SIGTERM group 2000', '3000 SIGTERM group 2500']);
    expect(found.ended).toMatchObject({
      evidence: ['pi (pid 2000), tool (pid 2500) outlived the session and was ended by SIGTERM'],
    });
    expect((await end({ before, stubborn: { 2500: 'SIGTERM' } })).signals).toEqual(['3000 SIGTERM group 2500']);
  });
  test.each<readonly [string, (o: World) => void]>([
    [
      'a stopped runtime: only the pane’s own process',
      (o) => (w.paneOf(o, 'coder').runs = { verdict: 'suspended', pid: 2500, runtime: null }),
    ],
    ['nothing that runs', (o) => (w.paneOf(o, 'coder').runs = { verdict: 'gone' })],
  ])('%s', async (_, runs) => {
    const before = (o: World) => {
      also(o);
      runs(o);
    };
    expect((await end({ before, stubborn: { 2500: 'never' } })).signals).toEqual([]);
  });
  test('all of those that survive are told', async () => {
    const before = (o: World) => {
      also(o);
      w.paneOf(o, 'coder').runs = { verdict: 'other', pid: 2500, program: 'tool' };
    };
    expect(detail(await end({ before, stubborn: { 2000: 'never', 2500: 'never' } }))).toContain(
      'pi (pid 2000), tool (pid 2500) outlived its session and KILL',
    );
  });
  test('the process of a dead pane is not signalled: its pid may be anybody’s', async () => {
    const before = (o: World) => {
      Object.assign(w.paneOf(o, 'coder'), { dead: true, runs: { verdict: 'dead', status: 0, signal: null } });
    };
    expect((await end({ before, stubborn: { 2000: 'never' } })).signals).toEqual([]);
  });
  test('a pane without a process, and a process that was not looked at, are none', async () => {
    const none = (o: World) => Object.assign(w.paneOf(o, 'coder'), { pid: null, runs: { verdict: 'gone' } });
    expect((await end({ before: none, stubborn: { 2000: 'never' } })).signals).toEqual([]);
    const unseen = (o: World) => {
      if (o.sources.processes.status === 'known') o.sources.processes.value.processes = {};
    };
    expect((await end({ before: unseen, stubborn: { 2000: 'never' } })).signals).toEqual([]);
  });
});

describe('panes that another session shows too', () => {
  const BESIDE = { server: { ...IDENTITY.server }, name: 'mywork', id: '$77' };
  /** A pane of a session of its own, linked into coder's; 77 in its process group. */
  const linked = (o: World, id = '%77') => {
    const pane = { ...w.paneOf(o, 'coder'), id, pid: 77, runs: { verdict: 'other', pid: 78, program: 'vi' } as const };
    if (o.sources.processes.status !== 'known') throw new Error('unknown');
    for (const pid of [77, 78])
      o.sources.processes.value.processes[pid] = { ...w.processOf(o, 2000), pid, pgrp: 77, comm: 'vi' };
    w.session(o, 'coder').panes.push(pane);
    w.sessionsOf(o).push({ ...w.session(o, 'coder'), ...BESIDE, mark: null, panes: [pane] });
  };
  const all = { 2000: 'SIGTERM', 77: 'never', 78: 'never' } as const;
  const ALONE = [['3000 SIGTERM group 2000'], { ended: 'ended', evidence: [expect.stringContaining('pi (pid 2000)')] }];

  test('are only unlinked: none of their processes is signalled', async () => {
    const found = await end({ before: linked, stubborn: all });
    expect([found.signals, found.ended]).toEqual(ALONE);
  });
  test('are left alone also where that session is gone with them by the time of the next look', async () => {
    const after = (o: World) => {
      for (const name of ['coder', 'mywork']) w.dropSession(o, name);
    };
    const found = await end({ before: linked, after, stubborn: all });
    expect([found.signals, found.ended]).toEqual(ALONE);
  });
  test('are left alone also where it shows them only since the last look', async () => {
    const before = (o: World) => {
      linked(o);
      w.dropSession(o, 'mywork');
    };
    const after = (o: World) => {
      w.sessionsOf(o).push({ ...w.session(o, 'coder'), ...BESIDE, mark: null });
      w.dropSession(o, 'coder');
    };
    const found = await end({ before, after, stubborn: all });
    expect([found.signals, found.ended]).toEqual(ALONE);
    expect((await end({ before, stubborn: { 77: 'SIGTERM' } })).signals).toEqual(['3000 SIGTERM group 77']);
  });
  test('another server, by then, shows none of them', async () => {
    const before = (o: World) => {
      linked(o);
      w.dropSession(o, 'mywork');
    };
    const after = (o: World) => {
      Object.assign(w.session(o, 'coder'), { id: '$9' });
      Object.assign(w.tmuxOf(o).server, { start: 1_780_300_001 });
    };
    expect((await end({ before, after, stubborn: { 77: 'SIGTERM' } })).signals).toEqual(['3000 SIGTERM group 77']);
  });

  const shared = (o: World) => {
    w.sessionsOf(o).push({ ...w.session(o, 'coder'), ...BESIDE, mark: null });
  };
  const unmarked = (o: World) => {
    shared(o);
    Object.assign(w.session(o, 'coder').mark ?? {}, { pane: null });
  };
  test("the agent's own ends all the same: tmux has only unlinked it", async () => {
    const found = await end({ before: shared, stubborn: { 2000: 'SIGTERM' } });
    expect(found.signals).toEqual(['3000 SIGTERM group 2000']);
    const named = await end({ before: unmarked, stubborn: { 2000: 'SIGTERM' } });
    expect(named.signals).toEqual(['3000 SIGTERM group 2000']);
  });
  test.each<readonly [string, (o: World) => void]>([
    ['was started as nobody', (o) => Reflect.deleteProperty(w.valuesOf(o, 2000), 'FLEET_AGENT_NAME')],
    ['was started as another agent', (o) => Object.assign(w.valuesOf(o, 2000), { FLEET_AGENT_NAME: 'other' })],
    ['has its name from the server', (o) => Object.assign(w.tmuxOf(o).server, { inherited_name: 'coder' })],
  ])('the one taken for the agent’s is not marked, and %s: tmux is asked for nothing', async (_, doubt) => {
    const before = (o: World) => {
      unmarked(o);
      doubt(o);
    };
    const found = await end({ before, after: () => {} });
    expect(found.commands).toEqual([]);
    expect(detail(found)).toEqual([
      'unobserved',
      'The session was left alone',
      "its pane %2000 is shown by mywork too, and cannot be told to be the agent's: take it out of one of them",
    ]);
    const dead = (o: World) => {
      before(o);
      Object.assign(w.paneOf(o, 'coder'), { dead: true, runs: { verdict: 'dead', status: 0, signal: null } });
    };
    expect((await end({ before: dead, stubborn: { 2000: 'never' } })).signals).toEqual([]);
  });
});
