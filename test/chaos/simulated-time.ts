/**
 * Years of simulated life in a minute: the pure core of the controller against a model of a host, with faults of every
 * kind (test/reconcile/control/simulate.ts). In epochs of some fifty hours, each from its own seed, so that a failing one
 * is repeated alone: `FLEET_CHAOS_SEED=N FLEET_CHAOS_EPOCH=E npx vitest run --project chaos test/chaos/simulated-time-1.test.ts`.
 * Two halves, because they are run at the same time.
 */
import { afterAll, expect, test } from 'vitest';
import { Epoch, type EpochResult, FAULTS } from '../reconcile/control/simulate.ts';
import { chooseSeed, randomFrom, report, rounds } from './suite.ts';

const FAULT_HOURS = 33;
/** What the controller must have come to do in them, besides repairing. */
const HOLDS = [
  'backoff',
  'crash-loop',
  'contested',
  'second-look',
  'stopped',
  'dependency',
  'retry',
  'attached',
  'busy',
];

const FILE = 'test/chaos/simulated-time-1.test.ts';

/** An exception is a bug, and must name its epoch as a violation does. */
function live(epoch: Epoch, again: string): EpochResult {
  try {
    return epoch.run(FAULT_HOURS);
  } catch (error) {
    throw new Error(`an epoch broke off (${again})`, { cause: error });
  }
}

export function simulateHalf(half: 1 | 2): void {
  const hours = rounds(10_000, 100_000) / 2;
  const seed = chooseSeed();
  const only = process.env['FLEET_CHAOS_EPOCH'];
  const counts = new Map<string, number>();
  const began = Date.now();
  let violations = 0;
  let epochs = 0;
  let simulated = 0;

  afterAll(() => {
    const seconds = (Date.now() - began) / 1000;
    const all = {
      hours: Math.floor(simulated),
      ...Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
    report({ suite: `simulated time ${half}`, rounds: epochs, violations, seed, seconds, counts: all });
  });

  const run = (number: number): readonly string[] => {
    const again = `again: FLEET_CHAOS_SEED=${seed} FLEET_CHAOS_EPOCH=${number} npx vitest run --project chaos ${FILE}`;
    epochs += 1;
    const result = live(new Epoch(randomFrom(seed + number * 7919)), again);
    simulated += result.hours;
    violations += result.violations.length;
    for (const [what, times] of result.counts) counts.set(what, (counts.get(what) ?? 0) + times);
    counts.set('passes', (counts.get('passes') ?? 0) + result.passes);
    const needed = `passes needed: ${result.passesToMatch}`;
    counts.set(needed, (counts.get(needed) ?? 0) + 1);
    counts.set('slowest match, ms', Math.max(counts.get('slowest match, ms') ?? 0, Math.round(result.msToMatch)));
    counts.set('effects', (counts.get('effects') ?? 0) + result.effects);
    return result.violations.slice(0, 5).map((v) => `${v} (${again})`);
  };

  if (only !== undefined) {
    test(`epoch ${only} of seed ${seed} again`, () => expect(run(Number(only))).toEqual([]));
    return;
  }
  test('whatever happens, the world matches soon after it ends, and is then left alone', () => {
    const found: string[] = [];
    for (let number = half; simulated < hours && found.length < 20; number += 2) found.push(...run(number));
    expect(found).toEqual([]);
  });
  test.each(FAULTS)('it did happen: %s', (fault) => expect(counts.get(fault) ?? 0).toBeGreaterThan(0));
  test.each(HOLDS)('the controller did hold back: %s', (why) => {
    expect(counts.get(`held: ${why}`) ?? 0).toBeGreaterThan(0);
  });
}
