/** What the controller's world refuses once the controller's own lease is not its own. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { scopeHere } from '../../../src/cli/place.ts';
import { lossOf } from '../../../src/cli/run/one-controller.ts';
import { openWorld } from '../../../src/cli/run/world.ts';
import { EMPTY_MEMORY } from '../../../src/diff/policy.ts';
import { NO_COUNTERS } from '../../../src/reconcile/control/counters.ts';
import { createControl } from '../../../src/reconcile/control/state.ts';
import { leasePath } from '../../../src/reconcile/lease/file.ts';
import { LEASE_MS, type Lease } from '../../../src/reconcile/lease/hold.ts';
import { thisMachine } from '../../../src/reconcile/lease/machine.ts';
import { takeLease } from '../../../src/reconcile/lease/wait.ts';
import { type Failure, failure } from '../../../src/reconcile/outcome.ts';
import { statePaths } from '../../../src/reconcile/state/paths.ts';
import { FLEET } from '../../diff/rosters.ts';
import { dropSession, HOME, healthy, POLICY, planOf, roster } from '../../diff/world.ts';
import { until } from '../../observe/watch/world.ts';
import { type Bench, noPrograms, openBench } from '../harness.ts';

const ROSTER = roster(FLEET);
const FIRST = ROSTER.agents[0]?.name ?? '';
const LOST = failure('lease-lost', 'The lease was taken away', 'by a test');
const UNKNOWN = failure('lease-unknown', 'Whether the lease is still ours cannot be seen', 'EIO');
const MOMENT = { wall: 1_000, monotonic: 1_000, boot_id: 'boot' };

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

const paths = () => statePaths(bench.home, 'w-jarvis', 'mosaic');

/** `answers`: what is said of the lease, call by call, the last for ever. */
function worldWith(answers: (Failure | null)[]) {
  const ran: string[] = [];
  const told: string[] = [];
  const lost = new AbortController();
  const { context } = bench.context({
    run: (program, args, options) => {
      ran.push(program);
      return noPrograms(program, args, options);
    },
  });
  const world = openWorld({
    context,
    here: { host: 'w-jarvis', tenant: 'jarvis' },
    paths: paths(),
    planPolicy: POLICY,
    inForce: () => null,
    scope: scopeHere({ host: 'w-jarvis', tenant: 'jarvis' }, context),
    alone: {
      mayAct: () => {
        const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? null;
        if (answer === LOST) lost.abort();
        return answer;
      },
      lost: lost.signal,
    },
    telemetry: {
      tell: (events) => told.push(...events.map(({ message }) => message)),
      passEnded: () => undefined,
      looked: () => undefined,
      metrics: () => '',
    },
    onStatus: () => undefined,
  });
  return { world, ran, told };
}

/** Makes the plan for an agent that is missing; why each change was not attempted. `meanwhile`: between look and effects. */
async function repair(answers: (Failure | null)[], meanwhile: () => unknown = () => undefined) {
  const { world, ran } = worldWith(answers);
  const observed = healthy(ROSTER);
  dropSession(observed, FIRST);
  const plan = planOf(ROSTER, observed);
  const input = {
    roster: ROSTER,
    memory: EMPTY_MEMORY,
    pauses: [],
    resets: [],
    stopped: null,
    trouble: null,
    home: HOME,
    toolVersion: '0',
    planPolicy: POLICY,
  };
  const looked = { observed, input, began: thisMachine().uptime() };
  await meanwhile();
  const outcomes = await world.apply({ effect: 'apply', pass: 1, plan }, looked, () => undefined);
  expect(outcomes.length).toBeGreaterThan(0);
  return { why: new Set(outcomes.map((o) => (o.outcome === 'skipped' ? o.detail : o.outcome))), ran };
}

describe.each([
  ['lost', LOST],
  ['not to be seen', UNKNOWN],
])('with its lease %s', (_what, not) => {
  const why = new Set([`${not.summary}: ${not.detail}`]);

  test('nothing is begun', async () => {
    expect(await repair([not])).toEqual({ why, ran: [] });
  });

  test('nothing is done, where that is seen just before the effect', async () => {
    // The lease of the effects is taken by flock alone.
    expect(await repair([null, not])).toEqual({ why, ran: ['flock'] });
  });

  test('neither counters nor wishes are written', async () => {
    const { world, ran, told } = worldWith([not]);
    const state = createControl(NO_COUNTERS, MOMENT);
    const counters = { effect: 'write-counters', counters: NO_COUNTERS, durable: true } as const;
    expect(await world.write(counters, state)).toBe(not);
    expect(await world.write({ effect: 'forget-resets', ids: ['x'] }, state)).toBe(not);
    expect([existsSync(paths().counters), existsSync(paths().resets), ran]).toEqual([false, false, []]);
    // What is lost is told by whoever ends because of it.
    expect(told.length > 0).toBe(not === UNKNOWN);
  });
});

describe('what has come since the look', () => {
  /** As `fleet apply` of another process takes the lease of all effects. */
  const applyTakesIt = async (): Promise<Lease> => {
    const machine = { ...thisMachine(), pid: process.ppid };
    const request = {
      path: leasePath(bench.home, 'w-jarvis'),
      who: 'edith',
      what: 'apply',
      host: 'w-jarvis',
      timeoutMs: 0,
    };
    const taken = await takeLease(request, { run: noPrograms, machine, now: Date.now, delay: async () => {} });
    if (!taken.ok) throw new Error(JSON.stringify(taken.error));
    return taken.value.lease;
  };

  test.each([
    ['every fleet', 0],
    ['this host', 1],
    ['this fleet', 2],
  ])('a PAUSED file of %s stops what was decided already: nothing of it is begun', async (_which, number) => {
    const stop = paths().stops[number] ?? '';
    const { why, ran } = await repair([null], () => {
      mkdirSync(dirname(stop), { recursive: true });
      writeFileSync(stop, '');
    });
    expect([why, ran]).toEqual([new Set([`All actions are stopped: ${stop} is there`]), ['flock']]);
  });

  test('another command that acted has changed what was seen: nothing is begun, and it is looked at again', async () => {
    const { why, ran } = await repair([null], async () => (await applyTakesIt()).release());
    expect([...why]).toEqual([expect.stringContaining('Another command acted meanwhile: fleet apply of edith')]);
    expect(ran).toEqual([]);
  });

  test('another command that acted before the look is none of its business', async () => {
    (await applyTakesIt()).release();
    const released = thisMachine().uptime();
    await until('a moment later', () => thisMachine().uptime() > released);
    const { why } = await repair([null]);
    expect([...why].filter((w) => w.includes('acted meanwhile'))).toEqual([]);
  });

  test('another command that is at work goes first: nothing is begun', async () => {
    let other: Lease | null = null;
    const { why, ran } = await repair([null], async () => {
      other = await applyTakesIt();
    });
    expect([...why]).toEqual([expect.stringContaining('The lease is held: fleet apply of edith')]);
    expect(ran).toEqual(['flock']);
    (other as Lease | null)?.release();
  });
});

describe('why a controller ends', () => {
  const held = async (): Promise<{ readonly lease: Lease; readonly sleep: (ms: number) => void }> => {
    let slept = 0;
    const machine = { ...thisMachine(), uptime: () => thisMachine().uptime() + slept };
    const request = { path: paths().controller, who: 'jarvis', what: 'run', host: 'w-jarvis', timeoutMs: 0 };
    const taken = await takeLease(request, { run: noPrograms, machine, now: Date.now, delay: async () => {} });
    if (!taken.ok) throw new Error(JSON.stringify(taken.error));
    return {
      lease: taken.value.lease,
      sleep: (ms) => {
        slept += ms;
      },
    };
  };

  test('a lease that ran out is in the file still, and is not called another one', async () => {
    const { lease, sleep } = await held();
    sleep(LEASE_MS + 1);
    expect([lease.mayAct()?.code, lease.lost.aborted]).toEqual(['lease-lost', true]);
    const { code, message } = lossOf(lease, paths(), { machine: thisMachine() });
    expect([code, message]).toEqual([1, expect.stringContaining('this controller ends: The lease ran out: ')]);
    lease.release();
  });
});
