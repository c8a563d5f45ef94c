import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/diff/plan.ts';
import type { Limit, PlanPolicy } from '../../src/diff/policy.ts';
import type { Observed } from '../../src/observe/state.ts';
import { coderWith, FLEET } from './rosters.ts';
import * as w from './world.ts';
import './findings-read.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const five = w.roster(
  `version: 1\nfleet: mosaic\ntmux: { socket_name: factory }\nagents:\n${NAMES.map((n) => `  - { name: ${n}, runtime: pi }\n`).join('')}`,
);
const count = (value: number): Limit => ({ value, unit: 'count' });
const percent = (value: number): Limit => ({ value, unit: 'percent' });

function shellsIn(observed: w.Mutable<Observed>, ...names: readonly string[]): void {
  for (const name of names) w.paneOf(observed, name).runs = { verdict: 'shell', pid: 2000, program: 'bash' };
}

function planned(policy: Partial<PlanPolicy>, ...shells: readonly string[]): Plan {
  const observed = w.healthy(five);
  shellsIn(observed, ...shells);
  return w.planOf(five, observed, { policy });
}

const blocked = (plan: Plan): readonly string[] => w.lines(plan).filter((l) => l.startsWith('blocked'));
const restarted = (plan: Plan): number => plan.changes.filter((c) => c.action === 'restart').length;

describe('--max-disrupt', () => {
  test('reached and not exceeded: all goes on', () => {
    expect(restarted(planned({ maxDisrupt: count(2) }, 'a', 'b'))).toBe(2);
  });

  test('exceeded: none of them is interrupted, not merely those above it', () => {
    const plan = planned({ maxDisrupt: count(1) }, 'a', 'b');
    expect(w.lines(plan)).toEqual([
      'blocked(max-disrupt) session/a shell-left',
      'blocked(max-disrupt) session/b shell-left',
    ]);
    expect(plan.blocked[0]?.evidence).toContain('2 agents would be interrupted, --max-disrupt is 1');
    expect(plan.blocked[0]?.remedy).toBe('look at the plan again, then: fleet apply --max-disrupt 2');
  });

  test('what interrupts nobody goes on', () => {
    const observed = w.healthy(five);
    shellsIn(observed, 'a');
    w.dropSession(observed, 'b');
    w.unit(observed, 'fleet-agent@a.service').unit_file_state = 'disabled';
    Object.assign(w.paneOf(observed, 'c'), { dead: true, runs: { verdict: 'dead', status: 1, signal: null } });
    expect(w.lines(w.planOf(five, observed, { policy: { maxDisrupt: count(0) } }))).toEqual([
      'enable unit/fleet-agent@a.service boot-disabled',
      'start session/b session-missing',
      'restart session/c session-dead',
      'blocked(max-disrupt) session/a shell-left',
    ]);
  });

  test.each([
    [0, 1, 0],
    [1, 1, 1],
    [39, 2, 0],
    [40, 2, 2],
    [59, 2, 2],
    [59, 3, 0],
    [100, 5, 5],
  ])('%s %% of 5 agents, %s to be interrupted: %s are', (value, wrong, made) => {
    expect(restarted(planned({ maxDisrupt: percent(value) }, ...NAMES.slice(0, wrong)))).toBe(made);
  });

  test('says what a percentage came to', () => {
    const plan = planned({ maxDisrupt: percent(20) }, 'a', 'b');
    expect(plan.blocked[0]?.evidence.at(-1)).toBe(
      '2 agents would be interrupted, --max-disrupt is 1 (20% of 5 in scope)',
    );
  });

  test('counts what is left by --target and --exclude, and the percentage is of those', () => {
    const targets = ['a', 'session/b'];
    expect(blocked(planned({ maxDisrupt: percent(50), targets }, 'a', 'b', 'c'))).toHaveLength(2);
    expect(restarted(planned({ maxDisrupt: count(2), targets }, 'a', 'b', 'c'))).toBe(2);
    expect(restarted(planned({ maxDisrupt: count(2), excludes: ['c'] }, 'a', 'b', 'c'))).toBe(2);
  });

  test('a deferred change is not counted: it is not going to be made', () => {
    const observed = w.healthy(five);
    shellsIn(observed, 'a', 'b');
    w.session(observed, 'b').attached = 1;
    const plan = w.planOf(five, observed, { policy: { maxDisrupt: count(1) } });
    expect(w.lines(plan)).toEqual(['restart session/a shell-left', 'deferred(attached) restart session/b shell-left']);
  });

  test('what depends on a blocked agent goes on, since that lives as it did', () => {
    const r = w.roster(coderWith('depends_on: [stub]'));
    const observed = w.healthy(r);
    w.dropSession(observed, 'coder');
    w.paneOf(observed, 'stub').runs = { verdict: 'shell', pid: 2001, program: 'bash' };
    const plan = w.planOf(r, observed, { policy: { maxDisrupt: count(0) } });
    expect(w.lines(plan)).toEqual([
      'start session/coder session-missing',
      'blocked(max-disrupt) session/stub shell-left',
    ]);
    expect(plan.changes[0]?.depends_on).toEqual([]);
  });
});

describe('--max-destroy', () => {
  const stopped = w.roster(coderWith('state: stopped'));
  const tombstone = (): w.Mutable<Observed> => w.healthy(w.roster(FLEET));

  test('counts sessions that end for good, and not those that are replaced', () => {
    const observed = tombstone();
    w.paneOf(observed, 'stub').runs = { verdict: 'shell', pid: 2001, program: 'bash' };
    const policy = { maxDestroy: count(0) };
    expect(w.lines(w.planOf(stopped, observed, { policy }))).toEqual([
      'disable unit/fleet-agent@coder.service boot-enabled',
      'restart session/stub shell-left',
      'blocked(max-destroy) session/coder should-be-stopped',
    ]);
  });

  test('both exceeded: the command has both numbers, and what the command line said already', () => {
    const observed = tombstone();
    w.paneOf(observed, 'stub').runs = { verdict: 'shell', pid: 2001, program: 'bash' };
    const policy = { maxDestroy: count(0), maxDisrupt: percent(0), evenIfBusy: true, prune: true };
    const plan = w.planOf({ ...stopped, path: "it's mine.yaml" }, observed, { policy });
    expect(blocked(plan)).toHaveLength(2);
    expect(plan.blocked[0]?.remedy).toBe(
      "look at the plan again, then: fleet apply -f 'it'\\''s mine.yaml' --prune --even-if-busy --max-destroy 1 --max-disrupt 2",
    );
  });
});
