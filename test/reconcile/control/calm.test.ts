import { describe, expect, test } from 'vitest';
import { backoff, countStart, mayStart, noteHealth } from '../../../src/reconcile/control/calm.ts';
import { LONGEST_BOOT_MS, STEADY_START, tick } from '../../../src/reconcile/control/clock.ts';
import { type AgentCounters, newAgentCounters } from '../../../src/reconcile/control/counters.ts';
import { CONTROL_POLICY } from '../../../src/reconcile/control/policy.ts';

const RESTART = { backoff: 30_000, maxBackoff: 600_000, limit: 5, window: 900_000 };
const PATIENT = { ...RESTART, limit: 1000 };
const fresh = newAgentCounters('spec');
const start = (agent: AgentCounters, at: number, random = 0) =>
  countStart(agent, RESTART, at, CONTROL_POLICY, () => random);

/** Starts it as soon as it may each time; the times. */
function startsOf(restart: typeof RESTART, random: number, most: number): readonly number[] {
  let agent = fresh;
  let now = 0;
  const times: number[] = [];
  while (times.length < most) {
    const verdict = mayStart(agent, restart, now);
    if (verdict.may === 'not') break;
    if (verdict.may === 'later') now = verdict.at;
    else {
      times.push(now);
      agent = countStart(agent, restart, now, CONTROL_POLICY, () => random);
    }
  }
  return times;
}

describe('backoff', () => {
  test('the first start after health is immediate, then 30 s, doubling to 10 min', () => {
    const times = startsOf(PATIENT, 0, 9);
    expect(times.slice(1).map((t, i) => (t - (times[i] ?? 0)) / 1000)).toEqual([30, 60, 120, 240, 480, 600, 600, 600]);
  });

  test('chance only lengthens it, by a tenth at most', () => {
    const gaps = (random: number) => {
      const times = startsOf(PATIENT, random, 9);
      return times.slice(1).map((t, i) => t - (times[i] ?? 0));
    };
    for (const [i, gap] of gaps(0.999_999).entries()) {
      const least = gaps(0)[i] ?? 0;
      expect(gap).toBeGreaterThan(least);
      expect(gap).toBeLessThanOrEqual(least * 1.1 + 1);
    }
  });

  test('does not overflow, however often', () => {
    expect(backoff(30_000, 600_000, 10_000)).toBe(600_000);
  });
});

describe('the limit', () => {
  test('an agent that ends at once is started five times within 15 minutes and then no more', () => {
    const times = startsOf(RESTART, 0, 100);
    expect(times).toHaveLength(5);
    expect((times[4] ?? 0) - (times[0] ?? 0)).toBeLessThan(RESTART.window);
  });

  test('counts those within the window alone', () => {
    const used = { ...fresh, restarts: [0, 1, 2, 3, 4] };
    expect(mayStart(used, RESTART, 899_999)).toEqual({ may: 'not', restarts: 5 });
    expect(mayStart(used, RESTART, 900_000)).toEqual({ may: 'now' });
  });
});

describe('health', () => {
  const look = (agent: AgentCounters, healthy: boolean, at: number) => noteHealth(agent, healthy, at, CONTROL_POLICY);
  const healthyFrom = (agent: AgentCounters, from: number, minutes: number): AgentCounters => {
    let seen = agent;
    for (let m = 0; m <= minutes; m++) seen = look(seen, true, from + m * 60_000);
    return seen;
  };

  test('of 30 minutes forgives, of 29 does not', () => {
    const down = start(start(fresh, 0), 30_000);
    expect(healthyFrom(down, 40_000, 29).streak).toBe(2);
    const well = healthyFrom(down, 40_000, 30);
    expect(well).toMatchObject({ streak: 0, not_before: 0 });
    expect(mayStart(well, RESTART, 40_000 + 30 * 60_000)).toEqual({ may: 'now' });
  });

  test('counts only where it was seen: one look after hours proves little', () => {
    const down = start(start(fresh, 0), 30_000);
    const gap = look(look(down, true, 40_000), true, 40_000 + 5 * 3_600_000);
    expect(gap.streak).toBe(2);
    expect(gap.healthy_ms).toBeLessThanOrEqual(2 * CONTROL_POLICY.resyncMs);
  });

  test('begins anew after each look that did not see it', () => {
    const down = start(start(fresh, 0), 30_000);
    const broken = look(healthyFrom(down, 40_000, 29), false, 40_000 + 30 * 60_000);
    expect(healthyFrom(broken, 40_000 + 31 * 60_000, 29).streak).toBe(2);
  });
});

describe('the steady clock', () => {
  const at = (wall: number, monotonic: number, boot_id: string | null = 'a') => ({ wall, monotonic, boot_id });
  const begun = tick(STEADY_START, at(1_000_000, 0));

  test('goes with the monotonic clock, whatever the wall clock does', () => {
    const back = tick(begun, at(-5_000_000_000, 60_000));
    expect(back.steady - begun.steady).toBe(60_000);
    expect(tick(back, at(5_000_000_000, 61_000)).steady - begun.steady).toBe(61_000);
  });

  test('adds up small steps', () => {
    let clock = begun;
    for (let i = 1; i <= 1000; i++) clock = tick(clock, at(1_000_000, i * 0.3));
    expect(clock.steady - begun.steady).toBeCloseTo(300);
  });

  test.each([
    ['a minute', 60_000, 60_000],
    ['a year', 365 * 86_400_000, LONGEST_BOOT_MS],
    ['a step back', -86_400_000, 0],
  ])('from one boot to the next: %s on the wall clock', (_what, wall, steady) => {
    const next = tick(begun, at(1_000_000 + wall, 5, 'b'));
    expect(next.steady - begun.steady).toBe(steady);
  });

  test('takes a monotonic clock that went back, or an unknown boot, for another boot', () => {
    const later = tick(begun, at(1_000_000, 50_000));
    expect(tick(later, at(1_030_000, 10)).steady - later.steady).toBe(30_000);
    const unknown = tick(STEADY_START, at(0, 0, null));
    expect(tick(unknown, at(10_000_000, 100, null)).steady - unknown.steady).toBe(LONGEST_BOOT_MS);
  });
});
