/** What the benches say of made-up numbers. */
import { describe, expect, test } from 'vitest';
import { formatVerdicts, judge, LIMITS, type Measurements, tooFewRounds } from '../../bench/limits.ts';
import { againstLimits, type PlanCost, summarize } from '../../bench/plan-ratios.ts';

const cost = (changes: Partial<PlanCost>): PlanCost => ({
  node: 20,
  plan: 50,
  apply: 1.1,
  loop: 150,
  validate: 30,
  mib: 50,
  ...changes,
});
/** A fleet of which each agent costs 0.2 ms, as far as `more` does not say otherwise. */
const plans = (more: Readonly<Record<number, Partial<PlanCost>>> = {}) =>
  new Map(
    [20, 100, 500, 1000].map((agents) => {
      const plan = 46 + 0.2 * agents;
      return [agents, cost({ plan, loop: 8 * agents, ...more[agents] })];
    }),
  );
const missed = (measurements: Measurements) =>
  judge(measurements)
    .filter(({ held }) => !held)
    .map(({ what, unit }) => `${what}, ${unit}`);

describe('a limit', () => {
  test.each(Object.entries(LIMITS))(
    '%s is held at its number, missed above it, and where there is no number',
    (name, limit) => {
      expect(judge({ [name]: limit.most })).toEqual([{ ...limit, measured: limit.most, held: true }]);
      for (const measured of [limit.most * 1.01, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(judge({ [name]: measured })).toEqual([{ ...limit, measured, held: false }]);
      }
    },
  );

  test('of which nothing was measured gets no verdict', () => {
    expect(judge({})).toEqual([]);
  });

  test('is printed with what was measured and held or missed, a line each', () => {
    expect(
      formatVerdicts(judge({ plan20: 2.4, planToLoop500: 0.08, peak500: 73 }))
        .split('\n')
        .slice(2),
    ).toEqual([
      'plan, 20 agents                      2.40    2.50  x node -e 0    held',
      'plan, 500 agents                    0.080   0.067       x loop  missed',
      'peak memory of plan, 500 agents     73.00  110.00          MiB    held',
    ]);
  });
});

describe('a bench of plans', () => {
  test('whose fleet costs the same for each agent holds every limit of a plan', () => {
    expect(missed(againstLimits(plans()))).toEqual([]);
    expect(judge(againstLimits(plans()))).toHaveLength(8);
    expect(againstLimits(plans()).each1000).toBeCloseTo(1);
  });

  test.each<readonly [string, number, Partial<PlanCost>, string]>([
    ['a slow plan of few', 20, { plan: 51 }, 'plan, 20 agents, x node -e 0'],
    ['a fast loop of few', 20, { loop: 149 }, 'plan, 20 agents, x loop'],
    ['a slow apply', 20, { apply: 1.11 }, 'apply with nothing to do, 20 agents, x plan'],
    ['a slow plan of many', 500, { plan: 161 }, 'plan, 500 agents, x node -e 0'],
    ['a fast loop of many', 500, { loop: 2000 }, 'plan, 500 agents, x loop'],
    ['much memory', 500, { mib: 111 }, 'peak memory of plan, 500 agents, MiB'],
    [
      'more for each agent from 500 on',
      1000,
      { plan: 262 },
      'plan, each agent from 500 to 1,000, x one from 20 to 500',
    ],
    ['a slow validate', 1000, { validate: 61 }, 'validate, 1,000 agents, x node -e 0'],
  ])('with %s misses that limit', (_what, agents, changes, what) => {
    expect(missed(againstLimits(plans({ [agents]: changes })))).toEqual([what]);
  });

  test('is linear by what node takes in the same rounds: a machine that has become slower misses nothing', () => {
    const slower = cost({ node: 40, plan: 2 * 246, loop: 16_000, validate: 60 });
    expect(missed(againstLimits(plans({ 1000: slower })))).toEqual([]);
  });

  test('a plan with a part that grows by the square is not linear', () => {
    const square = (agents: number) => ({ plan: 46 + 0.1 * agents + 0.0002 * agents ** 2 });
    const costs = plans({ 20: square(20), 500: square(500), 1000: square(1000) });
    expect(missed(againstLimits(costs))).toEqual(['plan, each agent from 500 to 1,000, x one from 20 to 500']);
  });

  test('judges no size that was not measured', () => {
    const measured = (...sizes: readonly number[]) =>
      Object.keys(againstLimits(new Map([...plans()].filter(([agents]) => sizes.includes(agents)))));
    expect(measured(100)).toEqual([]);
    expect(measured(20)).toEqual(['plan20', 'planToLoop20', 'apply20']);
    expect(measured(500, 1000)).toEqual(['plan500', 'planToLoop500', 'peak500', 'validate1000']);
  });

  test('takes medians, of apply that of the ratios of each round', () => {
    const [node, validate, loop] = [
      [20, 21, 90],
      [30, 31, 99],
      [100, 300, 200],
    ];
    const samples = { node, validate, loop, plan: [50, 100, 200], apply: [60, 110, 210], peakKib: 51_200 };
    expect(summarize(samples)).toEqual({ node: 21, plan: 100, apply: 1.1, loop: 200, validate: 31, mib: 50 });
  });
});

test.each([8, 1, 0, Number.NaN])('medians of %s rounds are no measurement', (rounds) => {
  expect(tooFewRounds(rounds)).toMatch(/^not a measurement: .* at least 9 /);
});

test('medians of 9 rounds are one', () => {
  expect(tooFewRounds(9)).toBeNull();
});
