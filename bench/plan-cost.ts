/**
 * `npm run bench`: `fleet plan --json` on a live host against `node -e 0` and against the loop that people write today;
 * its peak memory; `fleet validate`. Times are medians; what counts is the ratios, which other machines share.
 */
import { readOptions, withBenchHost } from './bench-host.ts';
import { formatTable, median, milliseconds, times } from './table.ts';
import type { PlanTimes } from './time-plans.ts';

const SIZES = [20, 100, 500, 1000];

/** What must be reached, by number of agents: at most so many times `node -e 0`, so much of the loop, so many MiB; apply of plan. */
const LIMITS: Readonly<
  Record<
    number,
    {
      readonly node?: number;
      readonly loop?: number;
      readonly apply?: number;
      readonly mib?: number;
      readonly validate?: number;
    }
  >
> = {
  20: { node: 2.5, loop: 1 / 3, apply: 1.1 },
  500: { node: 8, loop: 1 / 15, mib: 110 },
  1000: { validate: 3 },
};

/** Exit code: 1 where a limit is not held, or nothing could be measured. */
export async function benchPlans(argv: readonly string[]): Promise<number> {
  const { sizes, rounds } = readOptions(argv, SIZES);
  const held = await withBenchHost(async ({ grow, onHost }) => {
    const rows: (readonly string[])[] = [HEADING];
    const misses: string[] = [];
    for (const agents of sizes) {
      console.error(`bench: ${agents} agents, ${rounds} rounds …`);
      const roster = await grow(agents);
      const measured = summarize(readTimes(await onHost(['plans', roster, String(rounds)])));
      rows.push(rowOf(agents, measured));
      misses.push(...missesOf(agents, measured));
    }
    console.log(`fleet plan on a live host, medians of ${rounds} interleaved rounds, milliseconds\n`);
    console.log(formatTable(rows));
    console.log(`\nloop: per agent one systemctl --user show, one tmux list-panes, one cat of its heartbeat.`);
    for (const miss of misses) console.log(`not held: ${miss}`);
    return misses.length === 0;
  });
  return held === true ? 0 : 1;
}

const HEADING = [
  'agents',
  'node -e 0',
  'plan',
  'x node',
  'loop',
  'plan / loop',
  'apply / plan',
  'peak MiB',
  'validate',
  'x node',
];

interface Measured {
  readonly node: number;
  readonly plan: number;
  /** Median of what apply took of the plan of the same round. */
  readonly apply: number;
  readonly loop: number;
  readonly validate: number;
  readonly mib: number;
}

/** Printed by this repository's own on-host.ts. */
function readTimes(printed: unknown): PlanTimes {
  return printed as PlanTimes;
}

function summarize(samples: PlanTimes): Measured {
  return {
    node: median(samples.node),
    plan: median(samples.plan),
    apply: median(samples.apply.map((took, round) => took / (samples.plan[round] ?? Number.NaN))),
    loop: median(samples.loop),
    validate: median(samples.validate),
    mib: samples.peakKib / 1024,
  };
}

function rowOf(agents: number, { node, plan, apply, loop, validate, mib }: Measured): readonly string[] {
  return [
    String(agents),
    milliseconds(node),
    milliseconds(plan),
    times(plan / node),
    milliseconds(loop),
    times(plan / loop),
    times(apply),
    mib.toFixed(0),
    milliseconds(validate),
    times(validate / node),
  ];
}

function missesOf(agents: number, { node, plan, apply, loop, validate, mib }: Measured): readonly string[] {
  const limit = LIMITS[agents] ?? {};
  const rows = [
    ['plan is', plan / node, limit.node, 'times node -e 0'],
    ['plan is', plan / loop, limit.loop, 'of the loop'],
    ['apply is', apply, limit.apply, 'times plan'],
    ['plan takes', mib, limit.mib, 'MiB'],
    ['validate is', validate / node, limit.validate, 'times node -e 0'],
  ] as const;
  return rows.flatMap(([what, seen, most, unit]) =>
    most === undefined || seen <= most
      ? []
      : [`${agents} agents: ${what} ${times(seen)} ${unit}, at most ${times(most)} wanted`],
  );
}
