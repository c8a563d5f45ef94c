import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Limit } from '../../src/diff/policy.ts';
import type { BatchPolicy } from '../../src/reconcile/batches.ts';
import type { ApplyEvent, ApplyResult } from '../../src/reconcile/outcome.ts';
import { NO_SUPERVISOR } from './rosters.ts';
import { World } from './world.ts';

const count = (value: number): Limit => ({ value, unit: 'count' });
const percent = (value: number): Limit => ({ value, unit: 'percent' });
const serial = (...sizes: readonly Limit[]): BatchPolicy => ({ serial: sizes, maxFail: null });

/** Agents `a0`, `a1`, … with what each says besides its name. */
function fleetOf(agents: readonly string[], entry: (name: string, i: number) => string = () => ''): World {
  const lines = agents.map((name, i) => `  - { name: ${name}${entry(name, i)} }\n`).join('');
  return new World(NO_SUPERVISOR.replace(/agents:[\s\S]*/, `agents:\n${lines}`));
}

function missing(world: World, names: readonly string[] = world.roster.agents.map((a) => a.name)): World {
  for (const name of names) world.dropSession(name);
  return world;
}

const names = (n: number): readonly string[] => Array.from({ length: n }, (_, i) => `a${i}`);

/** `begin` and `end` of each agent, in order, as runs of agents that overlap: `[['a0'], ['a1', 'a2']]`. */
function batchesIn(events: readonly ApplyEvent[]): readonly (readonly string[])[] {
  const batches: string[][] = [];
  let current: string[] = [];
  const open = new Set<string>();
  for (const event of events) {
    if (!('agent' in event) || event.agent === null) continue;
    if (event.event === 'started') {
      open.add(event.agent);
      current.push(event.agent);
    }
    if (event.event === 'applied' || event.event === 'failed') open.delete(event.agent);
    if (open.size > 0 || current.length === 0) continue;
    batches.push(current);
    current = [];
  }
  return batches;
}

const notAttempted = (result: ApplyResult): readonly (string | null)[] =>
  result.outcomes.flatMap((o) => (o.outcome === 'skipped' && o.why === 'not-attempted' ? [o.agent] : []));

describe('batches', () => {
  test('sizes one after the other, the last repeats, and the next begins when all before have settled', async () => {
    const { events } = await missing(fleetOf(names(9))).apply({ batches: serial(count(1), count(3)) });
    expect(batchesIn(events)).toEqual([['a0'], ['a1', 'a2', 'a3'], ['a4', 'a5', 'a6'], ['a7', 'a8']]);
  });

  test('a percentage is of the agents to be changed, rounded down, and at least one', async () => {
    const world = missing(fleetOf(names(12)), names(9));
    const { events } = await world.apply({ batches: serial(percent(1), percent(40)) });
    expect(batchesIn(events)).toEqual([['a0'], ['a1', 'a2', 'a3'], ['a4', 'a5', 'a6'], ['a7', 'a8']]);
  });

  test('waves stay ascending: a batch that reaches over two waves changes the second when the first has settled', async () => {
    const world = missing(fleetOf(['late', 'x', 'y', 'z'], (name) => (name === 'late' ? ', wave: 1' : '')));
    const { events } = await world.apply({ batches: serial(count(2)) });
    expect(batchesIn(events)).toEqual([['x', 'y'], ['z'], ['late']]);
  });

  test('stops are batched too, in reverse, and before the rest', async () => {
    const world = fleetOf(['s0', 's1', 'up'], (name) => (name === 'up' ? '' : ', state: stopped, boot: false'));
    for (const name of ['s0', 's1']) world.start(world.agent(name));
    world.dropSession('up');
    const { events } = await world.apply({ batches: serial(count(1)) });
    expect(batchesIn(events)).toEqual([['s0'], ['s1'], ['up']]);
  });

  test('without --serial all go on side by side', async () => {
    const { events } = await missing(fleetOf(names(3))).apply();
    expect(batchesIn(events)).toEqual([['a0', 'a1', 'a2']]);
  });
});

describe('failures', () => {
  const failing = (bad: readonly string[], agents = names(6)): World => {
    const world = missing(fleetOf(agents));
    for (const name of bad) world.fates.set(name, 'dies');
    return world;
  };

  test('the first failure ends it, and the rest says why and how to go on', async () => {
    const result = await failing(['a1']).apply({ batches: serial(count(1), count(2)) });
    expect(notAttempted(result)).toEqual(['a3', 'a4', 'a5']);
    const last = result.outcomes.at(-1);
    expect(last?.outcome === 'skipped' && last.detail).toBe(
      '--serial stops at the first failure: a1 failed in batch 2 of 4; mend that (fleet explain a1), then run fleet apply again: it goes on with what is left',
    );
  });

  test.each([
    [count(0), ['a1', 'a2', 'a3', 'a4', 'a5']],
    [count(2), ['a3', 'a4', 'a5']],
    [count(7), []],
  ] as const)('--max-fail %j counts failed agents over the whole apply', async (maxFail, rest) => {
    const result = await failing(['a0', 'a2']).apply({ batches: { serial: [count(1)], maxFail } });
    expect(notAttempted(result)).toEqual(rest);
  });

  test('a percentage is of the batch: one of two is half of it, one of one is all of it', async () => {
    const half: BatchPolicy = { serial: [count(3), count(1)], maxFail: percent(50) };
    const world = failing(['a0', 'a3']);
    const result = await world.apply({ batches: half });
    // One of three is less than half, rounded down to one: it stops there.
    expect(notAttempted(result)).toEqual(['a3', 'a4', 'a5']);
    const two = await failing(['a0', 'a4']).apply({
      batches: { serial: [count(4), count(1)], maxFail: percent(50) },
    });
    expect(notAttempted(two)).toEqual(['a5']);
  });

  test('--max-fail alone stops an apply too, and alone none does', async () => {
    const bad = fleetOf(['first', 'second', 'apart'], (name) => (name === 'apart' ? ', wave: 1' : ''));
    missing(bad);
    bad.fates.set('first', 'dies');
    expect(notAttempted(await bad.apply({ batches: { serial: null, maxFail: count(1) } }))).toEqual(['apart']);
    const again = fleetOf(['first', 'apart'], (name) => (name === 'apart' ? ', wave: 1' : ''));
    missing(again);
    again.fates.set('first', 'dies');
    expect(notAttempted(await again.apply())).toEqual([]);
  });

  test('failures of an earlier pass count on', async () => {
    const world = missing(fleetOf(names(2)));
    const batches: BatchPolicy = { serial: null, maxFail: count(1), failedBefore: ['elsewhere'] };
    expect(notAttempted(await world.apply({ batches }))).toEqual(['a0', 'a1']);
  });

  test('apply again goes on with what is left', async () => {
    const world = failing(['a0']);
    await world.apply({ batches: serial(count(1), percent(100)) });
    expect(['a1', 'a5'].some((name) => world.has(name))).toBe(false);
    world.fates.clear();
    await world.apply({ batches: serial(count(1), percent(100)) });
    expect(world.drift()).toEqual([]);
  });

  test('who only waits (deferred) is no failure', async () => {
    const world = fleetOf(names(3));
    for (const name of names(3)) world.runs(name, { verdict: 'shell', pid: 1, program: 'sh' });
    const plan = world.plan();
    world.session('a0').attached = 1;
    const result = await world.apply({ plan, batches: serial(count(1)) });
    expect(result.outcomes.map((o) => o.outcome)).toEqual(['skipped', 'applied', 'applied']);
  });
});

test('whatever the sizes: every agent once, waves ascend, nobody begins before what it depends on is up', async () => {
  const size = fc.oneof(fc.integer({ min: 1, max: 5 }).map(count), fc.integer({ min: 1, max: 100 }).map(percent));
  const agent = fc.record({ wave: fc.integer({ min: 0, max: 2 }), on: fc.integer({ min: 0, max: 6 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(size, { minLength: 1, maxLength: 3 }),
      fc.array(agent, { minLength: 1, maxLength: 7 }),
      async (sizes, agents) => {
        const world = fleetOf(names(agents.length), (_, i) => {
          const on = agents[i]?.on ?? 0;
          const wave = agents[i]?.wave ?? 0;
          const below = on < i && (agents[on]?.wave ?? 0) <= wave ? `, depends_on: [a${on}]` : '';
          return `, wave: ${wave}${below}`;
        });
        const { events, outcomes } = await missing(world).apply({ batches: { serial: sizes, maxFail: null } });
        expect(outcomes.map((o) => o.outcome)).toEqual(agents.map(() => 'applied'));
        const up = new Set<string | null>();
        let wave = 0;
        for (const e of events) {
          if (e.event === 'applied') up.add(e.agent);
          if (e.event !== 'started' || e.agent === null) continue;
          const { dependsOn, wave: own } = world.agent(e.agent);
          expect(dependsOn.every((name) => up.has(name))).toBe(true);
          expect(own).toBeGreaterThanOrEqual(wave);
          wave = own;
        }
      },
    ),
    { numRuns: 60 },
  );
});
