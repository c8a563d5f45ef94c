/**
 * Canary batches: which agent is changed in which batch, and when enough have failed. Pure but for the counter of
 * failures, which lives as long as one apply.
 */
import type { Change } from '../diff/plan.ts';
import type { Limit } from '../diff/policy.ts';
import type { Outcome } from './outcome.ts';

export interface BatchPolicy {
  /** Sizes of the batches, the last one repeats; a percentage is of the agents to be changed. Null: all at once. */
  readonly serial: readonly Limit[] | null;
  /** So many failed agents end it; a percentage is of the batch. Null: with `serial` the first, without it none. */
  readonly maxFail: Limit | null;
  /** Agents that failed in an earlier pass of the same apply. */
  readonly failedBefore?: readonly string[];
}

export const ALL_AT_ONCE: BatchPolicy = { serial: null, maxFail: null };

export interface Batch {
  /** From 1. */
  readonly number: number;
  readonly agents: ReadonlySet<string>;
}

/** A percentage is rounded down, and is at least 1. */
export function countOf(limit: Limit, of: number): number {
  return Math.max(1, limit.unit === 'percent' ? Math.floor((of * limit.value) / 100) : limit.value);
}

/**
 * The agents whose session or unit is changed (stage 5), cut into batches in the order of `changes`: stops by wave
 * descending, then the rest by wave ascending. One batch may reach over several waves, which stay one after the other.
 */
export function cutBatches(changes: readonly Change[], serial: readonly Limit[] | null): readonly Batch[] {
  const agents = [...new Set(changes.flatMap((c) => (c.stage === 5 && c.agent !== null ? [c.agent] : [])))];
  if (serial === null) return agents.length === 0 ? [] : [{ number: 1, agents: new Set(agents) }];
  const batches: Batch[] = [];
  for (let from = 0; from < agents.length; ) {
    const size = serial[Math.min(batches.length, serial.length - 1)];
    const to = from + (size === undefined ? agents.length : countOf(size, agents.length));
    batches.push({ number: batches.length + 1, agents: new Set(agents.slice(from, to)) });
    from = to;
  }
  return batches;
}

export interface FailureLimit {
  /** Told each outcome. */
  readonly count: (outcome: Outcome) => void;
  /** Why nothing more may begin, or null. Once it is reached it stays so. */
  readonly reached: () => string | null;
}

/** An agent counts once, however many of its changes failed, in whatever stage. */
export function createFailureLimit(policy: BatchPolicy, batches: readonly Batch[]): FailureLimit {
  const failed = new Set(policy.failedBefore);
  let why = reachedBy(policy, batches, failed, null);
  return {
    count: (outcome) => {
      if (outcome.outcome !== 'failed' || outcome.agent === null) return;
      failed.add(outcome.agent);
      why ??= reachedBy(policy, batches, failed, outcome.agent);
    },
    reached: () => why,
  };
}

function reachedBy(
  { serial, maxFail }: BatchPolicy,
  batches: readonly Batch[],
  failed: ReadonlySet<string>,
  last: string | null,
): string | null {
  const limit: Limit | null = maxFail ?? (serial === null ? null : { value: 1, unit: 'count' });
  if (limit === null) return null;
  // What fails before its session's turn (its env file) fails in the batch that the agent belongs to.
  const batch = batches.find((b) => b.agents.has(last ?? '')) ?? batches[0];
  const percent = limit.unit === 'percent';
  const counted = [...failed].filter((name) => !percent || batch?.agents.has(name) === true);
  if (counted.length < countOf(limit, batch?.agents.size ?? 0)) return null;
  const where = serial === null || batch === undefined ? '' : ` in batch ${batch.number} of ${batches.length}`;
  const given = maxFail === null ? '--serial stops at the first failure' : `--max-fail ${textOf(maxFail)} is reached`;
  const [first] = counted;
  return `${given}: ${counted.join(', ')} failed${where}; mend that (fleet explain ${first}), then run fleet apply again: it goes on with what is left`;
}

const textOf = ({ value, unit }: Limit): string => `${value}${unit === 'percent' ? '%' : ''}`;
