import { describe, expect, test } from 'vitest';
import type { Pause } from '../../../src/diff/plan-holds.ts';
import { beginPass, type Effect } from '../../../src/reconcile/control/pass.ts';
import { CONTROL_POLICY } from '../../../src/reconcile/control/policy.ts';
import { EVERYTHING } from '../../../src/reconcile/control/queue.ts';
import { buildStatus } from '../../../src/reconcile/control/status.ts';
import { coderWith, FLEET } from '../../diff/rosters.ts';
import * as w from '../../diff/world.ts';
import { alive, Desk, dead } from './desk.ts';

const PAUSE: Pause = { target: 'coder', reason: 'debugging', until: null, since: '2026-06-01T11:00:00Z', by: 'ada' };
const START = 'restart session/coder session-dead';

function otherProgram(desk: Desk): void {
  const { pid } = w.paneOf(desk.observed, 'coder');
  w.paneOf(desk.observed, 'coder').runs = {
    verdict: 'runtime',
    runtime: 'codex',
    strength: 'strong',
    pid: pid ?? 0,
    evidence: 'package',
  };
}
function otherEnv(desk: Desk): void {
  const file = w.filesOf(desk.observed).env_files['coder'];
  if (file?.state === 'present') file.own['FLEET_AGENT_CLASS'] = 'other';
}
const kinds = (effects: readonly Effect[]): readonly string[] => effects.map((e) => e.effect);

/** Dies after each start; restarted as soon as it may be. The times of its starts in seconds. */
function crashing(desk: Desk, minutes: number): readonly number[] {
  dead(desk);
  const starts: number[] = [];
  for (const end = desk.now + minutes * 60_000; desk.now < end; desk.wait(5_000)) {
    if (desk.pass().includes(START)) starts.push(Math.round(desk.now / 1000));
  }
  return starts;
}

describe('an agent that has ended', () => {
  test('is restarted at once, then with a doubling backoff, then never again', () => {
    const desk = new Desk(FLEET);
    expect(crashing(desk, 60)).toEqual([0, 30, 90, 210, 450]);
    expect(desk.condition('coder', 'Stalled')).toBe('True CrashLoop');
    expect(desk.condition('coder', 'Ready')).toBe('False CrashLoop');
    expect(desk.condition('stub', 'Ready')).toBe('True AsWanted');
  });

  test('waits from when its start was made, however long its pass took; after a reset meanwhile it does not wait', () => {
    const desk = new Desk(FLEET);
    dead(desk);
    const slow = desk.look();
    desk.wait(25_000);
    desk.end(slow);
    desk.wait(29_999);
    expect(desk.look().held).toEqual(['session/coder backoff']);
    desk.wait(1);
    expect(desk.look().acts).toEqual([START]);
    const other = new Desk(FLEET);
    dead(other);
    const first = other.look();
    other.resets = [{ id: 'r1', target: 'coder', by: 'ada', at: '2026-06-01T12:00:00Z' }];
    other.look();
    other.end(first);
    expect(other.look().acts).toEqual([START]);
  });

  test('is told to wait, until when', () => {
    const desk = new Desk(FLEET);
    dead(desk);
    expect(desk.pass()).toEqual([START]);
    desk.wait(10_000);
    expect(desk.look().held).toEqual(['session/coder backoff']);
    const until = [...desk.state.held.values()][0]?.until ?? 0;
    expect(until - desk.state.counters.clock.steady).toBe(20_000);
    expect(desk.condition('coder', 'Reconciling')).toBe('True Backoff');
  });

  test('whose restart fails is counted all the same; one that was not made is not', () => {
    const failing = new Desk(FLEET);
    dead(failing);
    failing.end(failing.look(), 'failed');
    expect(failing.state.counters.agents['coder']?.streak).toBe(1);
    const stale = new Desk(FLEET);
    dead(stale);
    stale.end(stale.look(), 'stale');
    expect(stale.state.counters.agents['coder']?.streak).toBe(0);
    stale.wait(1_000);
    expect(stale.pass()).toEqual([START]);
  });

  test('is counted on disk before it is restarted: a controller that is killed meanwhile remembers', () => {
    const desk = new Desk(FLEET);
    dead(desk);
    const { effects } = desk.look();
    const written = effects.findIndex((e) => e.effect === 'write-counters' && e.durable);
    expect(written).toBeGreaterThanOrEqual(0);
    expect(written).toBeLessThan(effects.findIndex((e) => e.effect === 'apply'));
    desk.restartController();
    desk.wait(1_000);
    expect(desk.look().held).toEqual(['session/coder backoff']);
  });

  test('is forgiven after half an hour of health', () => {
    const desk = new Desk(FLEET);
    dead(desk);
    desk.pass();
    alive(desk);
    for (let minute = 0; minute <= 31; minute++) {
      desk.wait(60_000);
      desk.pass();
    }
    dead(desk);
    expect(desk.pass()).toEqual([START]);
    expect(desk.state.counters.agents['coder']?.streak).toBe(1);
  });

  test('is not forgiven for time in which it was down, paused, unseen or silent', () => {
    const ways: Readonly<Record<string, (desk: Desk) => void>> = {
      down: (desk) => dead(desk),
      paused: (desk) => {
        desk.pauses = [PAUSE];
      },
      unseen: (desk) => {
        desk.observed.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'hangs' };
      },
      silent: (desk) => {
        w.heartbeatsOf(desk.observed, 'stub').beat = { state: 'absent' };
        w.heartbeatsOf(desk.observed, 'coder').beat = w.beat(2000, 600);
      },
    };
    for (const [way, happens] of Object.entries(ways)) {
      const desk = new Desk(FLEET);
      dead(desk);
      desk.pass();
      alive(desk);
      happens(desk);
      for (let minute = 0; minute <= 31; minute++) {
        desk.wait(60_000);
        desk.look();
      }
      expect(desk.state.counters.agents['coder']?.streak, way).toBeGreaterThan(0);
      expect(desk.state.counters.agents['coder']?.healthy_ms, way).toBe(0);
    }
  });

  test('goes on in another spec, and after a reset', () => {
    const desk = new Desk(FLEET);
    crashing(desk, 20);
    expect(desk.pass()).toEqual([]);
    desk.resets = [{ id: 'r1', target: 'coder', by: 'ada', at: '2026-06-01T12:00:00Z' }];
    expect(desk.pass()).toEqual([START]);
    expect(desk.resets).toEqual([]);
    const other = new Desk(FLEET);
    crashing(other, 20);
    other.roster = w.roster(coderWith('args: [--mended]'));
    expect(other.pass()).toContain('update env-file/coder.argv env-file-changed');
  });
});

describe('a unit that failed', () => {
  const START_UNIT = 'start unit/fleet-agent@coder.service unit-failed';
  const failed = (desk: Desk): void => {
    Object.assign(w.unit(desk.observed, 'fleet-agent@coder.service'), { active_state: 'failed', result: 'exit-code' });
  };
  const restarts = (desk: Desk) => desk.state.counters.agents['coder']?.restarts.length;

  test('beside its session, which works, is started and is no restart of the agent, nor ill health', () => {
    const desk = new Desk(FLEET);
    desk.pass();
    desk.wait(60_000);
    failed(desk);
    expect(desk.pass()).toEqual([START_UNIT]);
    expect(restarts(desk)).toBe(0);
    expect(desk.state.counters.agents['coder']?.healthy_ms).toBe(60_000);
  });

  test('and fails to start is tried later and later', () => {
    const desk = new Desk(FLEET);
    failed(desk);
    const tries: number[] = [];
    for (; desk.now < 40_000; desk.wait(1_000)) {
      const pass = desk.look();
      if (pass.plan === null) continue;
      tries.push(desk.now / 1000);
      desk.end(pass, 'failed');
    }
    expect([tries, restarts(desk)]).toEqual([[0, 5, 15, 35], 0]);
  });

  test.each([
    ['is gone', (desk: Desk) => w.dropSession(desk.observed, 'coder')],
    ['is dead', (desk: Desk) => dead(desk)],
  ])('and whose session %s is a restart', (_how, breakIt) => {
    const desk = new Desk(FLEET);
    failed(desk);
    breakIt(desk);
    expect(desk.pass()).toContain(START_UNIT);
    expect(restarts(desk)).toBe(1);
  });
});

describe('two looks', () => {
  test('are needed before anything alive is replaced', () => {
    const desk = new Desk(FLEET);
    otherProgram(desk);
    expect(desk.look().held).toEqual(['session/coder second-look']);
    desk.wait(1_999);
    expect(desk.look().acts).toEqual([]);
    desk.wait(1);
    expect(desk.look().acts).toEqual(['restart session/coder runtime-mismatch']);
  });

  test('must find the same: what was right in between, unseen, or another session begins anew', () => {
    const between: Readonly<Record<string, (desk: Desk) => void>> = {
      right: alive,
      unseen: (desk) => {
        desk.observed.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'hangs' };
      },
      another: (desk) => {
        w.session(desk.observed, 'coder').id = '$77';
      },
    };
    for (const [what, happens] of Object.entries(between)) {
      const desk = new Desk(FLEET);
      otherProgram(desk);
      desk.look();
      desk.wait(5_000);
      happens(desk);
      desk.look();
      alive(desk);
      otherProgram(desk);
      expect(desk.look().held, what).toEqual(['session/coder second-look']);
    }
  });

  test('follow each other at once where the roster moved', () => {
    const desk = new Desk(FLEET);
    desk.roster = w.roster(coderWith('state: stopped'));
    const first = desk.look();
    expect(first.held).toContain('session/coder second-look');
    desk.end(first);
    desk.wait(1);
    expect(desk.look().acts).toContain('stop session/coder should-be-stopped');
  });

  test('are an interval apart where only a heartbeat is stale', () => {
    const desk = new Desk(coderWith('heartbeat: { interval: 20s, on_stale: restart }'));
    w.heartbeatsOf(desk.observed, 'coder').beat = w.beat(2000, 600);
    expect(desk.look().held).toEqual(['session/coder second-look']);
    desk.wait(19_000);
    expect(desk.look().acts).toEqual([]);
    desk.wait(1_000);
    const pass = desk.look();
    expect(pass.acts).toEqual(['restart session/coder heartbeat-stale']);
    expect(pass.plan?.changes[0]?.precondition.may_interrupt).toEqual({ attached: false, busy: false });
  });
});

describe('what could not be seen', () => {
  test.each(['tmux', 'units', 'files', 'processes'] as const)('%s: nothing is done about the agents', (source) => {
    const desk = new Desk(FLEET);
    dead(desk);
    otherProgram(desk);
    desk.observed.sources[source] = { status: 'unknown', why: 'timeout', detail: 'hangs' } as never;
    desk.look();
    desk.wait(60_000);
    const acts = desk.look().acts.filter((a) => !a.includes('linger'));
    expect(acts.filter((a) => a.includes('coder'))).toEqual([]);
    if (source === 'tmux') expect(desk.condition('coder', 'Ready')).toBe('Unknown Unobserved');
  });
});

describe('somebody who puts it back', () => {
  test('is met three times, then told and left alone on that field', () => {
    const desk = new Desk(FLEET);
    let repairs = 0;
    for (let round = 0; round < 10; round++) {
      otherEnv(desk);
      repairs += desk.pass().length;
      alive(desk);
      desk.wait(60_000);
      desk.pass();
    }
    expect(repairs).toBe(3);
    otherEnv(desk);
    desk.look();
    expect(desk.condition('coder', 'Stalled')).toBe('True Contested');
    desk.restartController();
    expect(desk.look().acts).toEqual([]);
    desk.resets = [{ id: 'r', target: 'coder', by: 'ada', at: '2026-06-01T12:00:00Z' }];
    expect(desk.look().acts).toEqual(['update env-file/coder env-file-changed']);
  });

  test('is counted before it is met, and not where the repair failed', () => {
    const killed = new Desk(FLEET);
    for (let round = 0; round < 3; round++) {
      alive(killed);
      otherEnv(killed);
      expect(killed.look().acts).toHaveLength(1);
      killed.restartController();
      killed.wait(60_000);
    }
    expect(killed.look().held).toEqual(['env-file/coder contested']);
    const failing = new Desk(FLEET);
    for (let round = 0; round < 5; round++) {
      otherEnv(failing);
      const pass = failing.look();
      expect(pass.acts).toHaveLength(1);
      failing.end(pass, 'failed');
      failing.wait(600_000);
    }
  });

  test('is not suspected where it happens rarely', () => {
    const desk = new Desk(FLEET);
    for (let round = 0; round < 10; round++) {
      otherEnv(desk);
      expect(desk.pass()).toHaveLength(1);
      alive(desk);
      desk.wait(40 * 60_000);
      desk.pass();
    }
  });
});

describe('hands off', () => {
  test('what is paused is left alone, and its health is not told', () => {
    const desk = new Desk(FLEET);
    desk.pauses = [PAUSE];
    dead(desk);
    expect(desk.pass()).toEqual([]);
    expect(desk.condition('coder', 'Paused')).toBe('True Paused');
    expect(desk.condition('coder', 'Ready')).toBe('False SessionDead');
    expect(desk.state.fleet.find((c) => c.type === 'Paused')?.message).toBe('coder');
    desk.pauses = [];
    expect(desk.pass()).toEqual([START]);
    expect(desk.events.map((e) => e.what)).toEqual(expect.arrayContaining(['paused', 'resumed', 'repaired']));
  });

  test('a PAUSED file stops every action at once', () => {
    const desk = new Desk(FLEET);
    desk.stopped = 'the PAUSED file is there';
    dead(desk);
    otherEnv(desk);
    expect(desk.look().held).toEqual(['env-file/coder stopped', 'session/coder stopped']);
    expect(desk.condition('stub', 'Paused')).toBe('True AllStopped');
    desk.stopped = null;
    expect(desk.pass()).toHaveLength(2);
  });
});

describe('what waits for idleness', () => {
  test('shows since when, and is done at the first idle look', () => {
    const desk = new Desk(FLEET);
    otherProgram(desk);
    w.session(desk.observed, 'coder').attached = 1;
    desk.look();
    const since = [...desk.state.held.values()][0]?.since;
    desk.wait(600_000);
    expect(desk.look().held).toEqual(['session/coder attached']);
    expect([...desk.state.held.values()][0]?.since).toBe(since);
    w.session(desk.observed, 'coder').attached = 0;
    expect(desk.look().acts).toEqual(['restart session/coder runtime-mismatch']);
  });

  test.each([
    [
      'attached',
      (desk: Desk, yes: boolean) => Object.assign(w.session(desk.observed, 'coder'), { attached: yes ? 1 : 0 }),
    ],
    [
      'busy',
      (desk: Desk, yes: boolean) =>
        Object.assign(w.heartbeatsOf(desk.observed, 'coder'), { beat: w.beat(2000, 5, yes ? 'busy' : 'ok') }),
    ],
  ])('is looked at again by itself every 15 s, and left alone while it is %s', (why, set) => {
    const desk = new Desk(FLEET);
    otherProgram(desk);
    set(desk, true);
    desk.look();
    for (let n = 0; n < 3; n++) {
      desk.wait(14_999);
      expect(() => desk.look(null)).toThrow('nothing to look at');
      desk.wait(1);
      const again = desk.look(null);
      expect([again.acts, again.held]).toEqual([[], [`session/coder ${why}`]]);
    }
    set(desk, false);
    desk.wait(15_000);
    expect(desk.look(null).acts).toEqual(['restart session/coder runtime-mismatch']);
    desk.end(desk.look());
    expect(desk.state.counters.waits).toEqual({});
  });
});

describe('a look at everything', () => {
  test('comes by itself every 60 s, give or take a tenth by chance', () => {
    for (const [chance, least] of [
      [0, 54_000],
      [0.5, 60_000],
      [0.999_999, 65_999],
    ] as const) {
      const desk = new Desk(FLEET);
      const begun = beginPass(desk.state, desk.moment, CONTROL_POLICY, () => chance);
      const due = (begun.state.queue.due.get(EVERYTHING) ?? 0) - desk.state.counters.clock.steady;
      expect([begun.look?.agents, Math.floor(due)]).toEqual([null, least]);
    }
  });

  test('finds what no event told', () => {
    const desk = new Desk(FLEET);
    desk.pass();
    dead(desk);
    desk.wait(59_999);
    expect(() => desk.look(null)).toThrow('nothing to look at');
    desk.wait(1);
    expect(desk.look(null).acts).toEqual([START]);
  });
});

describe('the budget', () => {
  test('of effects within a minute is not passed, and what is left over is done after it', () => {
    const desk = new Desk(FLEET);
    desk.policy = { ...desk.policy, actionsPerMinute: 2 };
    otherEnv(desk);
    dead(desk);
    dead(desk, 'stub');
    const first = desk.look();
    expect(first.acts).toHaveLength(2);
    expect(first.held).toEqual(['session/stub budget']);
    desk.end(first);
    alive(desk);
    dead(desk, 'stub');
    desk.wait(59_000);
    expect(desk.look('stub').acts).toEqual([]);
    desk.wait(1_001);
    expect(desk.look('stub').acts).toEqual(['restart session/stub session-dead']);
  });

  test.each([
    [2, 60],
    [70, 70],
  ])('of %i agents is %i effects, of all agents together', (agents, most) => {
    const names = Array.from({ length: agents }, (_none, i) => `agent-${i}`);
    const yaml = `version: 1\nfleet: mosaic\ntmux: { socket_name: factory }\nagents:\n${names.map((name) => `  - { name: ${name}, runtime: pi, working_directory: ~/src }\n`).join('')}`;
    const desk = new Desk(yaml);
    const { counters } = desk.state;
    const actions = Array.from({ length: most - agents + 1 }, () => counters.clock.steady);
    desk.state = { ...desk.state, counters: { ...counters, actions } };
    for (const name of names) dead(desk, name);
    const first = desk.look();
    expect(first.acts).toHaveLength(agents - 1);
    expect(first.held).toEqual([expect.stringMatching(/^session\/agent-\d+ budget$/)]);
    const [held] = [...desk.state.held.values()];
    expect(held?.detail).toBe(`${most} effects were made within the last minute`);
    desk.end(first);
    desk.observed = w.healthy(desk.roster);
    dead(desk, held?.agent ?? '');
    desk.now = 60_000;
    expect(desk.look().acts).toEqual([`restart session/${held?.agent} session-dead`]);
  });
});

describe('what fails', () => {
  test('is tried again later and later, and never hinders another agent', () => {
    const desk = new Desk(FLEET);
    otherEnv(desk);
    const tries: number[] = [];
    for (; desk.now < 100_000; desk.wait(1_000)) {
      const pass = desk.look();
      if (pass.plan === null) continue;
      tries.push(desk.now / 1000);
      desk.end(pass, 'failed');
    }
    expect(tries).toEqual([0, 5, 15, 35, 75]);
    expect(desk.condition('coder', 'Stalled')).toBe('True RepairFails');
    dead(desk, 'stub');
    expect(desk.look().acts).toEqual(['restart session/stub session-dead']);
  });

  test('holds what depends on it', () => {
    const desk = new Desk(FLEET);
    otherEnv(desk);
    desk.end(desk.look(), 'failed');
    dead(desk);
    expect(desk.look().held).toEqual(['env-file/coder retry', 'session/coder dependency']);
  });
});

describe('a tmux server that is brought back each time', () => {
  const SIGNAL = 'signal tmux-server/factory socket-deleted';
  const RESTART = 'restart tmux-server/factory server-missing';
  const socketDeleted = (desk: Desk): void => {
    const server = { state: 'unknown' as const, why: 'socket-deleted' as const, detail: 'no such file' };
    w.tmuxOf(desk.observed).server = server;
  };
  const gone = (desk: Desk): void => {
    Object.assign(w.tmuxOf(desk.observed), { listening: [], server: { state: 'absent' } });
  };
  /** At which seconds it was made, in a world that is broken that way at each look. */
  const madeAt = (desk: Desk, act: string, minutes: number): readonly number[] => {
    const made: number[] = [];
    for (const end = desk.now + minutes * 60_000; desk.now < end; desk.wait(1_000)) {
      if (desk.pass().includes(act)) made.push(desk.now / 1000);
    }
    return made;
  };

  test('waits a minute at most, and half an hour without need forgives it', () => {
    const desk = new Desk(FLEET);
    socketDeleted(desk);
    expect(madeAt(desk, SIGNAL, 5)).toEqual([0, 5, 15, 35, 75, 135, 195, 255]);
    alive(desk);
    desk.pass();
    desk.wait(1_800_000);
    socketDeleted(desk);
    expect(madeAt(desk, SIGNAL, 0.2)).toEqual([2100, 2105]);
  });

  test('is told to have been repaired, not to have been tried in vain', () => {
    const desk = new Desk(FLEET);
    socketDeleted(desk);
    desk.pass();
    desk.wait(1_000);
    desk.pass();
    expect(desk.events.at(-1)).toMatchObject({
      what: 'held',
      message: 'retry: repaired once lately, and wanted again',
    });
    desk.wait(4_000);
    desk.pass();
    desk.wait(1_000);
    desk.pass();
    expect(desk.events.at(-1)?.message).toBe('retry: repaired 2 times lately, and wanted again');
  });

  test('with a socket that was deleted again and again is started at once when it is gone', () => {
    const desk = new Desk(FLEET);
    socketDeleted(desk);
    madeAt(desk, SIGNAL, 1);
    gone(desk);
    expect(desk.pass()).toContain(RESTART);
    desk.wait(1_000);
    const again = desk.look();
    expect(again.acts).toEqual([]);
    expect(again.held).toContain('tmux-server/factory retry');
  });

  test('waits longer where it failed, and begins anew when it was made', () => {
    const desk = new Desk(FLEET);
    gone(desk);
    for (const after of [0, 5_000, 10_000]) {
      desk.wait(after);
      const pass = desk.look();
      expect(pass.acts).toContain(RESTART);
      desk.end(pass, 'failed');
    }
    desk.wait(1_000);
    desk.pass();
    expect(desk.events.map((e) => e.message)).toContain('retry: tried 3 times in vain');
    desk.wait(19_000);
    expect(desk.pass()).toContain(RESTART);
    desk.wait(5_000);
    expect(desk.pass()).toContain(RESTART);
  });

  test('is brought back at once after a reset of it', () => {
    const desk = new Desk(FLEET);
    socketDeleted(desk);
    desk.pass();
    expect(desk.pass()).toEqual([]);
    desk.resets = [{ id: 'r', target: 'tmux-server/factory', at: '2026-06-01T12:00:00Z', by: 'ada' }];
    expect(desk.pass()).toEqual([SIGNAL]);
  });
});

describe('passes at the same time', () => {
  test('never make two changes to one agent, and never wait for another', () => {
    const desk = new Desk(FLEET);
    dead(desk);
    const first = desk.look();
    expect(first.acts).toEqual([START]);
    dead(desk, 'stub');
    const second = desk.look();
    expect(second.acts).toEqual(['restart session/stub session-dead']);
    expect(second.held).toContain('session/coder in-progress');
    expect(desk.condition('coder', 'Reconciling')).toBe('True Repairing');
    alive(desk);
    dead(desk, 'stub');
    desk.look();
    // It is right already, and not yet known to stay so.
    expect(desk.condition('coder', 'Reconciling')).toBe('True Repairing');
    desk.end(second);
    desk.end(first);
    expect(desk.state.working.size).toBe(0);
    expect(desk.state.queue.running.size).toBe(0);
    // Both are looked at again, to see what became of them.
    expect([...desk.state.queue.dirty.keys()].sort()).toEqual(['coder', 'stub']);
  });

  test('an agent’s own pass leaves what is told of the others', () => {
    const desk = new Desk(FLEET);
    desk.pass();
    dead(desk);
    dead(desk, 'stub');
    expect(desk.look('coder').acts).toEqual([START]);
    expect(desk.condition('stub', 'Ready')).toBe('True AsWanted');
  });

  test('a key of no agent is nothing to look at', () => {
    const desk = new Desk(FLEET);
    desk.pass();
    dead(desk);
    expect(desk.look('nobody').acts).toEqual([]);
    expect(desk.state.working.size).toBe(0);
  });
});

test('where all is well nothing is done, said or written, but the status and its beat', () => {
  const desk = new Desk(FLEET);
  desk.pass();
  const told = desk.events.length;
  for (let n = 0; n < 3; n++) {
    desk.wait(60_000);
    expect(kinds(desk.look().effects)).toEqual(['write-status']);
  }
  expect(desk.events.length).toBe(told);
});

test('what is held is told once, not with every look', () => {
  const desk = new Desk(FLEET);
  dead(desk);
  desk.pass();
  for (let n = 0; n < 5; n++) {
    desk.wait(1_000);
    desk.look();
  }
  expect(desk.events.filter((e) => e.what === 'held')).toHaveLength(1);
});

describe('a condition', () => {
  const ready = (desk: Desk) => desk.state.agents['coder']?.find((c) => c.type === 'Ready');
  const fleetReady = (desk: Desk) => desk.state.fleet.find((c) => c.type === 'Ready');

  test('keeps the time of its last change, whatever else of it changes, and has a new one when it turns', () => {
    const desk = new Desk(FLEET);
    desk.pass();
    const begun = ready(desk)?.last_transition;
    desk.wait(60_000);
    desk.pass();
    expect(ready(desk)).toMatchObject({ status: 'True', last_transition: begun });
    dead(desk);
    desk.wait(60_000);
    desk.look();
    const turned = '2026-06-01T12:02:00.000Z';
    expect([ready(desk)?.last_transition, fleetReady(desk)?.last_transition]).toEqual([turned, turned]);
    w.dropSession(desk.observed, 'coder');
    desk.wait(60_000);
    desk.look();
    expect(ready(desk)).toMatchObject({ status: 'False', reason: 'SessionMissing', last_transition: turned });
  });

  test('names the spec, and of the fleet the roster, that it was told of', () => {
    const desk = new Desk(FLEET);
    desk.pass();
    const [spec, sha256] = [ready(desk)?.observed_generation, desk.roster.sha256];
    expect(spec).toBe(desk.state.counters.agents['coder']?.spec);
    desk.roster = w.roster(coderWith('args: [--other]'));
    desk.look();
    expect(ready(desk)?.observed_generation).not.toBe(spec);
    expect(sha256).not.toBe(desk.roster.sha256);
    expect(fleetReady(desk)?.observed_generation).toBe(desk.roster.sha256);
  });

  test('of the fleet goes by its core agents: one that comes and goes makes it no less ready', () => {
    const desk = new Desk(coderWith('lifecycle: ephemeral'));
    dead(desk);
    desk.look();
    expect(desk.condition('coder', 'Ready')).toMatch(/^False/);
    expect(fleetReady(desk)).toMatchObject({ status: 'True', reason: 'AllReady' });
    dead(desk, 'stub');
    desk.look();
    expect(fleetReady(desk)).toMatchObject({ status: 'False', reason: 'AgentsNotReady', message: 'stub' });
  });
});

test('the status document says all of it as data', () => {
  const desk = new Desk(FLEET);
  dead(desk);
  desk.pass();
  desk.wait(10_000);
  desk.look();
  const status = buildStatus(desk.state, {
    fleet: 'mosaic',
    host: 'w-jarvis',
    tenant: 'jarvis',
    controller: { pid: 7, tool_version: '0.0.0', started_at: '2026-06-01T12:00:00.000Z', beat_within: 180_000 },
    inForce: { roster: desk.roster, commit: null, since: '2026-06-01T12:00:00.000Z', refused: null },
    roster: desk.roster,
    now: desk.moment,
  });
  expect(JSON.parse(JSON.stringify(status))).toEqual(status);
  expect(status.agents['coder']?.restarts).toEqual({ recent: 1, limit: 5 });
  expect(status.agents['coder']?.waiting).toMatchObject([{ why: 'backoff', at_most: 20_000 }]);
  const ready = status.conditions.find((c) => c.type === 'Ready');
  expect(ready).toMatchObject({ status: 'False', message: 'coder', observed_generation: desk.roster.sha256 });
  expect(ready?.last_transition).toBe('2026-06-01T12:00:00.000Z');
  expect(desk.state.queue.due.has(EVERYTHING)).toBe(true);
});
