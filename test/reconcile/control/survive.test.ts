/** What the controller counts outlives it and the host: it is read back from the file, by a new process, in another boot. */
import { describe, expect, test } from 'vitest';
import { coderWith, FLEET } from '../../diff/rosters.ts';
import * as w from '../../diff/world.ts';
import { alive, Desk, dead } from './desk.ts';

const START = 'restart session/coder session-dead';

function otherEnv(desk: Desk): void {
  const file = w.filesOf(desk.observed).env_files['coder'];
  if (file?.state === 'present') file.own['FLEET_AGENT_CLASS'] = 'other';
}
function attached(desk: Desk): void {
  const { pid } = w.paneOf(desk.observed, 'coder');
  const runtime = { verdict: 'runtime', runtime: 'codex', strength: 'strong', evidence: 'package' } as const;
  w.paneOf(desk.observed, 'coder').runs = { ...runtime, pid: pid ?? 0 };
  w.session(desk.observed, 'coder').attached = 1;
}
function socketDeleted(desk: Desk): void {
  const server = { state: 'unknown' as const, why: 'socket-deleted' as const, detail: 'no such file' };
  w.tmuxOf(desk.observed).server = server;
}
/** Made and told `count` times, each as soon as it may be. */
function startedAndDead(desk: Desk, count: number): void {
  dead(desk);
  for (let made = 0; made < count; desk.wait(1_000)) if (desk.pass().includes(START)) made += 1;
}

interface Wait {
  readonly what: string;
  readonly begin: (desk: Desk) => void;
  readonly held: string;
  /** Milliseconds from `begin` until it is over. */
  readonly over: number;
  readonly act: string;
}

const WAITS: readonly Wait[] = [
  { what: 'a backoff', begin: (d) => startedAndDead(d, 2), held: 'session/coder backoff', over: 59_000, act: START },
  {
    what: 'the retry of what failed',
    begin: (desk) => {
      otherEnv(desk);
      desk.end(desk.look(), 'failed');
    },
    held: 'env-file/coder retry',
    over: 5_000,
    act: 'update env-file/coder env-file-changed',
  },
  {
    what: 'the wait of what all agents share',
    begin: (desk) => {
      socketDeleted(desk);
      desk.pass();
      desk.wait(5_000);
      desk.pass();
    },
    held: 'tmux-server/factory retry',
    over: 10_000,
    act: 'signal tmux-server/factory socket-deleted',
  },
  {
    what: 'the budget of the minute',
    begin: (desk) => {
      desk.policy = { ...desk.policy, actionsPerMinute: 2 };
      otherEnv(desk);
      dead(desk, 'stub');
      desk.pass();
      alive(desk);
      dead(desk);
    },
    held: 'session/coder budget',
    over: 60_000,
    act: START,
  },
];

const RESTARTS: readonly (readonly [string, (desk: Desk) => void])[] = [
  ['the controller', (desk) => desk.restartController()],
  ['the host', (desk) => desk.rebootHost()],
];

describe.each(RESTARTS)('over a restart of %s', (_which, restart) => {
  test.each(WAITS)('$what goes on, and ends when it would have', ({ begin, held, over, act }) => {
    const desk = new Desk(FLEET);
    begin(desk);
    const began = desk.now;
    restart(desk);
    const first = desk.look();
    expect([first.acts, first.held]).toEqual([[], [held]]);
    desk.now = began + over - 1;
    restart(desk);
    expect(desk.look().acts).toEqual([]);
    desk.now = began + over;
    expect(desk.look().acts).toEqual([act]);
  });

  test('starts that are used up stay so, and a start before counts with one after', () => {
    const desk = new Desk(coderWith('restart: { backoff: 1s, max_backoff: 1s, limit: 3, window: 2h }'));
    startedAndDead(desk, 2);
    restart(desk);
    desk.wait(5_000);
    expect(desk.pass()).toEqual([START]);
    desk.wait(5_000);
    expect(desk.pass()).toEqual([]);
    restart(desk);
    desk.wait(60_000);
    expect(desk.pass()).toEqual([]);
    expect(desk.condition('coder', 'Stalled')).toBe('True CrashLoop');
  });

  test('repairs of a field that is put back count with those before', () => {
    const desk = new Desk(FLEET);
    let repairs = 0;
    for (let round = 0; round < 6; round++) {
      alive(desk);
      otherEnv(desk);
      repairs += desk.pass().length;
      restart(desk);
      desk.wait(60_000);
    }
    otherEnv(desk);
    desk.look();
    expect([repairs, desk.condition('coder', 'Stalled')]).toEqual([3, 'True Contested']);
  });

  test('health that was seen before counts with that after, and forgives', () => {
    const desk = new Desk(FLEET);
    dead(desk);
    desk.pass();
    alive(desk);
    for (let minute = 0; minute < 37; minute++) {
      if (minute === 20) restart(desk);
      desk.wait(60_000);
      desk.pass();
    }
    expect(desk.state.counters.agents['coder']).toMatchObject({ streak: 0, not_before: 0 });
  });

  test('what waits for idleness has waited as long', () => {
    const desk = new Desk(FLEET);
    attached(desk);
    desk.look();
    const since = [...desk.state.held.values()][0]?.since;
    desk.wait(45_000);
    restart(desk);
    expect(desk.look().held).toEqual(['session/coder attached']);
    expect([since, [...desk.state.held.values()][0]?.since]).toEqual([since, since]);
  });

  test('what waited before, and no more when it was looked at last, waits from its new beginning', () => {
    const desk = new Desk(FLEET);
    attached(desk);
    desk.look();
    desk.wait(10_000);
    alive(desk);
    desk.look();
    restart(desk);
    desk.wait(61_000);
    attached(desk);
    desk.look();
    expect([...desk.state.held.values()][0]?.since).toBe('2026-06-01T12:01:11.000Z');
  });
});

describe('the time of the last change', () => {
  const since = (desk: Desk, agent: string) =>
    desk.state.agents[agent]?.find((c) => c.type === 'Ready')?.last_transition;
  const [BEGUN, ENDED, LATER] = ['12:00', '12:01', '12:02'].map((at) => `2026-06-01T${at}:00.000Z`);
  const endedAtOne = (): Desk => {
    const desk = new Desk(FLEET);
    desk.pass();
    desk.wait(60_000);
    dead(desk);
    desk.pass();
    desk.wait(60_000);
    return desk;
  };

  test('is kept over a restart of the controller, and told anew only after a look', () => {
    const desk = endedAtOne();
    desk.restartController();
    expect([desk.state.agents, desk.state.fleet]).toEqual([{}, []]);
    desk.look();
    expect([since(desk, 'stub'), since(desk, 'coder')]).toEqual([BEGUN, ENDED]);
    expect(desk.state.fleet.find((c) => c.type === 'Ready')?.last_transition).toBe(ENDED);
    alive(desk);
    desk.look();
    expect(since(desk, 'coder')).toBe(LATER);
  });

  test('is that of the first look after a reboot', () => {
    const desk = endedAtOne();
    desk.rebootHost();
    desk.look();
    expect([since(desk, 'stub'), since(desk, 'coder')]).toEqual([LATER, LATER]);
  });

  test('of an agent that left the roster and came back is that of its return', () => {
    const desk = endedAtOne();
    desk.restartController();
    desk.look();
    const { roster } = desk;
    desk.roster = { ...roster, agents: roster.agents.filter(({ name }) => name !== 'coder') };
    desk.look();
    desk.wait(60_000);
    desk.roster = roster;
    desk.look();
    expect([since(desk, 'stub'), since(desk, 'coder')]).toEqual([BEGUN, '2026-06-01T12:03:00.000Z']);
  });
});
