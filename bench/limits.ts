/** What fleet may cost: each limit of the benches once, as a number, and whether it is held. */
import { formatTable, times } from './table.ts';

interface Limit {
  readonly what: string;
  readonly most: number;
  readonly unit: string;
}

export const LIMITS = {
  plan20: { what: 'plan, 20 agents', most: 2.5, unit: 'x node -e 0' },
  planToLoop20: { what: 'plan, 20 agents', most: 1 / 3, unit: 'x loop' },
  apply20: { what: 'apply with nothing to do, 20 agents', most: 1.1, unit: 'x plan' },
  plan500: { what: 'plan, 500 agents', most: 8, unit: 'x node -e 0' },
  planToLoop500: { what: 'plan, 500 agents', most: 1 / 15, unit: 'x loop' },
  peak500: { what: 'peak memory of plan, 500 agents', most: 110, unit: 'MiB' },
  // Linear, with room for the noise of a difference of medians. With a part that grows by the square, and is half of it at 500, it would be 2.
  each1000: { what: 'plan, each agent from 500 to 1,000', most: 1.15, unit: 'x one from 20 to 500' },
  validate1000: { what: 'validate, 1,000 agents', most: 3, unit: 'x node -e 0' },
  ready50: { what: 'an agent ends to ready, p50', most: 1.5, unit: 'x Restart=always' },
  ready99: { what: 'an agent ends to ready, p99', most: 4, unit: 'x Restart=always' },
  save99: { what: 'roster saved to first effect, p99', most: 6, unit: 'x node -e 0' },
  pass1000: { what: 'a pass over 1,000 agents, CPU', most: 3, unit: 'x node -e 0' },
  idle100: { what: 'idle, 100 agents', most: 0.3, unit: '% of a core' },
  resident100: { what: 'resident, 100 agents', most: 90, unit: 'MiB' },
  heapGrowth: { what: 'heap, from the first day to the last', most: 1, unit: 'MiB more' },
  residentGrowth: { what: 'resident, from the first day to the last', most: 5, unit: 'MiB more' },
} as const satisfies Readonly<Record<string, Limit>>;

export type Measurements = Readonly<Partial<Record<keyof typeof LIMITS, number>>>;

export interface Verdict extends Limit {
  readonly measured: number;
  /** False also of what is no number. */
  readonly held: boolean;
}

/** A verdict for each limit of which there is a measurement, in the order of the table. */
export function judge(measurements: Measurements): readonly Verdict[] {
  return (Object.keys(LIMITS) as (keyof typeof LIMITS)[]).flatMap((name) => {
    const measured = measurements[name];
    const limit = LIMITS[name];
    return measured === undefined ? [] : [{ ...limit, measured, held: measured <= limit.most }];
  });
}

export function formatVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ what, measured, most, unit, held }) => {
    return [what, times(measured), times(most), unit, held ? 'held' : 'missed'];
  });
  return formatTable([['what', 'measured', 'limit', 'unit', ''], ...rows]);
}

const LEAST_ROUNDS = 9;

/** Null where medians of so many rounds may be held against a limit, else what to tell. */
export function tooFewRounds(rounds: number): string | null {
  if (rounds >= LEAST_ROUNDS) return null;
  return `not a measurement: medians of ${rounds} rounds, at least ${LEAST_ROUNDS} are wanted; no limit is judged`;
}
