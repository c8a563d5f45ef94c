/** The loop around the pure core: what it does side by side, what it waits for, and when it shows that it lives. */
import { afterEach, expect, test } from 'vitest';
import { type Controller, type ControllerPorts, createController } from '../../../src/cli/run/controller.ts';
import { EMPTY_MEMORY } from '../../../src/diff/policy.ts';
import type { Observed } from '../../../src/observe/state.ts';
import { NO_COUNTERS } from '../../../src/reconcile/control/counters.ts';
import type { Effect } from '../../../src/reconcile/control/pass.ts';
import { CONTROL_POLICY } from '../../../src/reconcile/control/policy.ts';
import { EVERYTHING } from '../../../src/reconcile/control/queue.ts';
import { about, failure, type Outcome } from '../../../src/reconcile/outcome.ts';
import { FLEET } from '../../diff/rosters.ts';
import { dropSession, HOME, healthy, POLICY, roster } from '../../diff/world.ts';
import { until } from '../../observe/watch/world.ts';

const ROSTER = roster(FLEET);
const [FIRST, SECOND] = ROSTER.agents.map((agent) => agent.name);

interface World {
  observed: Observed;
  now: number;
  readonly looks: (readonly string[] | null)[];
  readonly effects: Effect['effect'][];
  /** Effects under way, each with how to end it. */
  readonly acting: {
    readonly agents: readonly (string | null)[];
    readonly end: (made: boolean) => void;
    readonly progress: () => void;
  }[];
  alive: number;
  ready: number;
}

let abort = new AbortController();
afterEach(() => abort.abort());

function start(
  observed: Observed,
  more: Partial<ControllerPorts> = {},
): { world: World; controller: Controller; ended: Promise<void> } {
  abort = new AbortController();
  const world: World = { observed, now: 1_000, looks: [], effects: [], acting: [], alive: 0, ready: 0 };
  const controller = createController(NO_COUNTERS, {
    policy: CONTROL_POLICY,
    random: () => 0.5,
    moment: () => ({ wall: world.now, monotonic: world.now, boot_id: 'boot' }),
    tickMs: 5,
    signal: abort.signal,
    refreshRoster: async () => ({ changed: false }),
    look: async (agents) => {
      world.looks.push(agents);
      const memory = EMPTY_MEMORY;
      const input = {
        roster: ROSTER,
        memory,
        pauses: [],
        resets: [],
        stopped: null,
        trouble: null,
        home: HOME,
        toolVersion: '0',
        planPolicy: POLICY,
      };
      return { observed: world.observed, began: world.now, input };
    },
    apply: ({ plan }, _looked, progress) =>
      new Promise((resolve) => {
        const made = plan.changes.map((change): Outcome => ({ outcome: 'applied', ...about(change), evidence: [] }));
        const left = plan.changes.map(
          (change): Outcome => ({ outcome: 'skipped', ...about(change), why: 'not-attempted', detail: '' }),
        );
        world.acting.push({
          agents: plan.changes.map((change) => change.agent),
          end: (all) => resolve(all ? made : left),
          progress,
        });
      }),
    write: async ({ effect }) => {
      world.effects.push(effect);
      return null;
    },
    passEnded: () => undefined,
    alive: () => {
      world.alive += 1;
    },
    ready: async () => {
      world.ready += 1;
    },
    ...more,
  });
  return { world, controller, ended: controller.run() };
}

function without(...names: readonly (string | undefined)[]): Observed {
  const observed = healthy(ROSTER);
  for (const name of names) dropSession(observed, name ?? '');
  return observed;
}

test('it begins with a look at everything, and is ready when that is decided on', async () => {
  const { world } = start(healthy(ROSTER));
  await until('ready', () => world.ready === 1);
  expect(world.looks).toEqual([null]);
  expect(world.acting).toEqual([]);
});

test('the counters are written before anything is started that they count', async () => {
  const { world } = start(without(FIRST));
  await until('acting', () => world.acting[0]);
  expect(world.effects[0]).toBe('write-counters');
});

test('nothing is started while what counts it cannot be written, and then it is', async () => {
  let full = true;
  const tried: string[] = [];
  const { world } = start(without(FIRST), {
    write: async (effect) => {
      if (effect.effect !== 'write-counters') return null;
      tried.push(effect.effect);
      return full ? failure('disk-full', 'No space left', 'counters.json: ENOSPC') : null;
    },
  });
  await until('tried', () => tried.length > 1);
  expect(world.acting).toEqual([]);
  full = false;
  await until('acting', () => {
    world.now += 1_000;
    return world.acting[0];
  });
});

test('an agent is repaired while another is still being waited for', async () => {
  const { world, controller } = start(without(FIRST));
  await until('the first', () => world.acting[0]);
  world.observed = without(FIRST, SECOND);
  controller.mark(SECOND ?? '');
  await until('the second', () => world.acting[1]);
  expect(world.acting[1]?.agents.every((agent) => agent === SECOND)).toBe(true);
  for (const { end } of world.acting) end(true);
});

test('what happens to an agent that is being repaired is looked at once more, after that', async () => {
  const { world, controller } = start(without(FIRST));
  await until('the repair', () => world.acting[0]);
  const before = world.looks.length;
  for (let i = 0; i < 20; i += 1) controller.mark(FIRST ?? '');
  await until('a turn', () => world.alive > 3);
  expect(world.looks.length).toBe(before);
  world.observed = healthy(ROSTER);
  world.acting[0]?.end(true);
  await until('one more look', () => world.looks.length > before);
  await until('a turn', () => world.alive > 20);
  expect(world.looks.length).toBe(before + 1);
});

test('the signal ends it when the effects under way have ended, and nothing new begins', async () => {
  const { world, controller, ended } = start(without(FIRST));
  await until('acting', () => world.acting[0]);
  abort.abort();
  controller.mark(SECOND ?? '');
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe(false);
  world.acting[0]?.end(true);
  await ended;
  expect(world.acting).toHaveLength(1);
});

test('it shows that it lives while it waits, and not where an effect hangs without a sign', async () => {
  const { world } = start(without(FIRST));
  const acting = await until('acting', () => world.acting[0]);
  const alive = world.alive;
  await until('alive', () => world.alive > alive + 2);
  world.now += 240_001;
  const hung = world.alive;
  acting.progress();
  await until('alive again', () => world.alive > hung + 2);
  world.now += 240_001;
  const silent = world.alive;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(world.alive).toBeLessThanOrEqual(silent + 1);
  acting.end(true);
});

test('a roster that changed brings about a look at everything', async () => {
  let changed = false;
  const { world, controller } = start(healthy(ROSTER), { refreshRoster: async () => ({ changed }) });
  await until('ready', () => world.ready === 1);
  changed = true;
  controller.rosterChanged();
  await until('a second look', () => world.looks.length === 2);
  expect(world.looks[1]).toBe(null);
});

test('a look that was not possible is made again', async () => {
  const looks: number[] = [];
  const { world } = start(healthy(ROSTER), {
    look: async () => {
      looks.push(1);
      return null;
    },
  });
  await until('a look', () => looks.length === 1);
  world.now += 5_001;
  await until('another', () => looks.length === 2);
});

test('while no look is possible nobody is said to be ready', async () => {
  let sees = true;
  const rest = { resets: [], pauses: [], stopped: null, trouble: null, home: HOME, toolVersion: '0' };
  const input = { ...rest, roster: ROSTER, memory: EMPTY_MEMORY, planPolicy: POLICY };
  const observed = healthy(ROSTER);
  const { world, controller } = start(observed, {
    look: async () => (sees ? { observed, began: 0, input } : null),
  });
  const ready = () => controller.state().fleet.find((c) => c.type === 'Ready')?.status;
  await until('a look that sees', () => ready() !== undefined);
  expect(ready()).not.toBe('Unknown');
  sees = false;
  world.now += 1_000;
  controller.mark(EVERYTHING);
  await until('one that does not', () => ready() === 'Unknown');
  sees = true;
  world.now += 10_000;
  controller.mark(EVERYTHING);
  await until('one that does again', () => ready() !== 'Unknown');
});
