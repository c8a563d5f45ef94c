/**
 * `npm run bench`: `fleet plan --json` on a live host against `node -e 0` and against the loop that people write today;
 * its peak memory; `fleet validate`. Times are medians; what counts is the ratios, which other machines share.
 */
import { readOptions, withBenchHost } from './bench-host.ts';
import { formatVerdicts, judge, tooFewRounds } from './limits.ts';
import { againstLimits, type PlanCost, summarize } from './plan-ratios.ts';
import { formatTable, milliseconds, times } from './table.ts';
import type { PlanTimes } from './time-plans.ts';

const SIZES = [20, 100, 500, 1000];

/** Exit code: 1 where a limit is missed, or nothing could be measured. */
export async function benchPlans(argv: readonly string[]): Promise<number> {
  const { sizes, rounds } = readOptions(argv, SIZES);
  const held = await withBenchHost(async ({ grow, onHost }) => {
    const rows: (readonly string[])[] = [HEADING];
    const costs = new Map<number, PlanCost>();
    for (const agents of sizes) {
      console.error(`bench: ${agents} agents, ${rounds} rounds …`);
      const roster = await grow(agents);
      const cost = summarize(readTimes(await onHost(['plans', roster, String(rounds)])));
      rows.push(rowOf(agents, cost));
      costs.set(agents, cost);
    }
    console.log(`fleet plan on a live host, medians of ${rounds} interleaved rounds, milliseconds\n`);
    console.log(formatTable(rows));
    console.log(`\nloop: per agent one systemctl --user show, one tmux list-panes, one cat of its heartbeat.`);
    const tooFew = tooFewRounds(rounds);
    const verdicts = judge(againstLimits(costs));
    console.log(`\n${tooFew ?? formatVerdicts(verdicts)}`);
    return tooFew === null && verdicts.every(({ held }) => held);
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

/** Printed by this repository's own on-host.ts. */
function readTimes(printed: unknown): PlanTimes {
  return printed as PlanTimes;
}

function rowOf(agents: number, { node, plan, apply, loop, validate, mib }: PlanCost): readonly string[] {
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
