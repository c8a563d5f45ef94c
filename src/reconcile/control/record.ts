/** What came of the changes, into the counters. */

import type { Change } from '../../diff/plan.ts';
import { contestableFields, isBringUp } from '../../diff/repetition.ts';
import { entry } from '../../spec/record.ts';
import type { Outcome } from '../outcome.ts';
import { backoff } from './calm.ts';
import { type Moment, tick } from './clock.ts';
import { type AgentCounters, type Counters, type Retry, sharedKey } from './counters.ts';
import { uncountRepair } from './fights.ts';
import type { ControlPolicy, Random } from './policy.ts';

export interface RecordInput {
  readonly acted: readonly Change[];
  readonly outcomes: readonly Outcome[];
  readonly uncounted: Readonly<Record<string, AgentCounters>>;
  readonly now: Moment;
  readonly policy: ControlPolicy;
  readonly random: Random;
}

/** A world that moved under the plan is looked at again soon, but not in a circle. */
const STALE_MS = 500;
const MAX_STALE_MS = 60_000;

export function record(counters: Counters, input: RecordInput): Counters {
  const ticked = { ...counters, clock: tick(counters.clock, input.now) };
  const kept = waitFromNow(uncount(ticked, input), input);
  return input.acted.reduce((left, change) => {
    const outcome = outcomeOf(input.outcomes, change);
    return outcome === undefined ? left : recordOne(left, change, outcome, input);
  }, kept);
}

/** Starts that were not made: nobody was restarted. Failed ones were. */
function uncount(counters: Counters, { acted, outcomes, uncounted }: RecordInput): Counters {
  const made = (agent: string): boolean => {
    const starts = acted.filter((c) => c.agent === agent && isBringUp(c));
    // Of a change without an outcome it is not known whether it was made.
    return starts.map((c) => outcomeOf(outcomes, c)).some((o) => o === undefined || o.outcome !== 'skipped');
  };
  const back = Object.entries(uncounted).filter(([agent]) => !made(agent));
  return back.length === 0 ? counters : { ...counters, agents: { ...counters.agents, ...Object.fromEntries(back) } };
}

/** What was decided may be made much later, behind others of its pass: the backoff lies between what was made, not decided. */
function waitFromNow(counters: Counters, { uncounted }: RecordInput): Counters {
  const { steady } = counters.clock;
  const later = Object.entries(uncounted).flatMap(([name, before]) => {
    const known = entry(counters.agents, name);
    const decided = known?.restarts.at(-1);
    // Another spec, a reset: it began anew meanwhile.
    if (known === undefined || decided === undefined || known.spec !== before.spec) return [];
    if (known.streak !== before.streak + 1) return [];
    return [[name, { ...known, not_before: known.not_before + steady - decided }] as const];
  });
  return later.length === 0 ? counters : { ...counters, agents: { ...counters.agents, ...Object.fromEntries(later) } };
}

function outcomeOf(outcomes: readonly Outcome[], { address, action }: Change): Outcome | undefined {
  return outcomes.find((o) => o.address === address && o.action === action);
}

function recordOne(counters: Counters, change: Change, outcome: Outcome, input: RecordInput): Counters {
  switch (outcome.outcome) {
    case 'applied': {
      const left = withoutRetry(counters, change.address);
      return endsByItself(change) ? sharedStart(left, change, input) : left;
    }
    case 'failed': {
      const left = uncountRepair(counters, change);
      return isBringUp(change) ? left : retryLater(left, change, input);
    }
    case 'skipped': {
      const left = uncountRepair(counters, change);
      return outcome.why === 'stale' ? retryStale(left, change) : left;
    }
  }
}

/** A server, a holder, a reload: no agent's restart policy counts it, and it may be wanted again at once. */
function endsByItself(change: Change): boolean {
  return change.agent === null && contestableFields(change).length === 0;
}

function sharedStart(counters: Counters, change: Change, { policy, random }: RecordInput): Counters {
  const wait = (streak: number): number =>
    backoff(policy.retryMs, policy.maxSharedMs, streak) * (1 + policy.jitter * random());
  const keep_until = counters.clock.steady + policy.forgiveMs;
  return withRetry(counters, sharedKey(change), wait, { agent: null, keep_until });
}

function retryLater(counters: Counters, { address, agent }: Change, { policy, random }: RecordInput): Counters {
  const wait = (streak: number): number =>
    backoff(policy.retryMs, policy.maxRetryMs, streak) * (1 + policy.jitter * random());
  return withRetry(counters, address, wait, { agent, keep_until: null });
}

function retryStale(counters: Counters, { address, agent }: Change): Counters {
  return withRetry(counters, address, (streak) => backoff(STALE_MS, MAX_STALE_MS, streak), { agent, keep_until: null });
}

function withRetry(
  counters: Counters,
  key: string,
  wait: (streak: number) => number,
  about: Pick<Retry, 'agent' | 'keep_until'>,
): Counters {
  const streak = entry(counters.retries, key)?.streak ?? 0;
  const retry: Retry = { ...about, streak: streak + 1, not_before: counters.clock.steady + Math.ceil(wait(streak)) };
  return { ...counters, retries: { ...counters.retries, [key]: retry } };
}

function withoutRetry(counters: Counters, address: string): Counters {
  if (entry(counters.retries, address) === undefined) return counters;
  const { [address]: _gone, ...retries } = counters.retries;
  return { ...counters, retries };
}
