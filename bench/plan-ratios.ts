/** What the rounds of `npm run bench` come to: medians, and the ratios that are held against the limits. */
import type { Measurements } from './limits.ts';
import { median } from './table.ts';
import type { PlanTimes } from './time-plans.ts';

/** Medians, in milliseconds where nothing else is said. */
export interface PlanCost {
  readonly node: number;
  readonly plan: number;
  /** Median of what apply took of the plan of the same round. */
  readonly apply: number;
  readonly loop: number;
  readonly validate: number;
  readonly mib: number;
}

export function summarize(samples: PlanTimes): PlanCost {
  return {
    node: median(samples.node),
    plan: median(samples.plan),
    apply: median(samples.apply.map((took, round) => took / (samples.plan[round] ?? Number.NaN))),
    loop: median(samples.loop),
    validate: median(samples.validate),
    mib: samples.peakKib / 1024,
  };
}

/** By number of agents; nothing is told of a size that was not measured. */
export function againstLimits(costs: ReadonlyMap<number, PlanCost>): Measurements {
  const of20 = costs.get(20);
  const of500 = costs.get(500);
  const of1000 = costs.get(1000);
  return {
    ...(of20 && { plan20: toNode(of20), planToLoop20: of20.plan / of20.loop, apply20: of20.apply }),
    ...(of500 && { plan500: toNode(of500), planToLoop500: of500.plan / of500.loop, peak500: of500.mib }),
    ...(of20 && of500 && of1000 && { each1000: each(500, of500, 1000, of1000) / each(20, of20, 500, of500) }),
    ...(of1000 && { validate1000: of1000.validate / of1000.node }),
  };
}

const toNode = ({ plan, node }: PlanCost): number => plan / node;

/** What each agent adds to a plan, as node of the same rounds has it: sizes are measured one after the other. */
function each(fewer: number, less: PlanCost, more: number, most: PlanCost): number {
  return (toNode(most) - toNode(less)) / (more - fewer);
}
