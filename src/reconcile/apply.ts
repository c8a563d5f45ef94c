/**
 * The executor: makes the changes of one plan and tells what came of each. It has no opinion of its own: what should be
 * done stands in the plan, whether it may still be done in the change's precondition, looked at again just before.
 */
import type { Change } from '../diff/plan.ts';
import { applyChange, notAttempted } from './apply-change.ts';
import { ALL_AT_ONCE, createFailureLimit, cutBatches } from './batches.ts';
import { completeRecords } from './complete-records.ts';
import { type ApplyContext, type ApplyInput, createApplyContext, inventoryOf } from './context.ts';
import { createJournalStore, type Journal } from './journal.ts';
import {
  type ApplyEvent,
  type ApplyResult,
  about,
  type Failure,
  type Outcome,
  outcomeEvent,
  succeeded,
  summarize,
} from './outcome.ts';
import { rememberEnded } from './remember.ts';
import { runGroups, scheduleGroups } from './schedule.ts';
import { createSlots } from './slots.ts';

export type { ApplyInput } from './context.ts';

/** Rejects only for a bug. Killed at any instant it can be run again: a new plan then holds what is left. */
export async function applyPlan(input: ApplyInput): Promise<ApplyResult> {
  const { plan, ports } = input;
  const { files, now } = ports;
  const store = input.journals ?? createJournalStore({ files, path: inventoryOf(input), now });
  const journal = store.open(plan.plan_id, input.fence ?? 0);
  if (!journal.ok) {
    const { summary, detail } = journal.error;
    const outcomes = plan.changes.map((change) => notAttempted(change, `${summary}: ${detail}`));
    return conclude(input, outcomes, [journal.error], false);
  }
  try {
    return await applyWith(input, journal.value);
  } catch (bug) {
    journal.value.abandon();
    throw bug;
  }
}

async function applyWith(input: ApplyInput, journal: Journal): Promise<ApplyResult> {
  const tell = (event: ApplyEvent) => input.onEvent(event);
  const ctx = createApplyContext(input, journal, (change, text) =>
    tell({ event: 'waiting', ...about(change), at: at(input), for: text }),
  );
  const warnings: Failure[] = [];
  const warn = (why: Failure | null) => {
    // One cause (a full disk) meets every line: it is told once.
    if (why !== null && !warnings.some((w) => w.code === why.code)) warnings.push(why);
  };
  const { changes } = input.plan;
  warn(await rememberEnded(ctx));
  const known = { seen: input.observed ?? null, plan: input.plan, memory: journal.memory(), since: at(input) };
  warn(journal.note(completeRecords(ctx, known)));
  const slots = createSlots(input.concurrency ?? 4);
  const policy = input.batches ?? ALL_AT_ONCE;
  const batches = cutBatches(changes, policy.serial);
  const limit = createFailureLimit(policy, batches);
  const started = (change: Change) => tell({ event: 'started', ...about(change), at: at(input) });
  const outcomes = await runGroups(
    scheduleGroups(changes, batches),
    (change) => {
      const last = changes.findLast((c) => c.address === change.address) === change;
      return applyChange(ctx, change, { slots, limit, last, started }, warn);
    },
    (outcome) => {
      limit.count(outcome);
      tell(outcomeEvent(outcome, at(input)));
    },
  );
  warn(finish(ctx));
  const ordered = changes.flatMap((change) => outcomes.get(change) ?? []);
  return conclude(input, ordered, warnings, limit.reached() !== null);
}

/** Who has lost the lease leaves the journal to the next holder, who finds in it what was under way. */
function finish(ctx: ApplyContext): Failure | null {
  const forbidden = ctx.mayAct();
  if (forbidden?.code !== 'lease-lost') return ctx.journal.finish();
  ctx.journal.abandon();
  return forbidden;
}

function conclude(
  input: ApplyInput,
  outcomes: readonly Outcome[],
  warnings: readonly Failure[],
  stopped: boolean,
): ApplyResult {
  const made = new Set(outcomes.filter(succeeded).map((o) => `${o.address} ${o.action}`));
  const replan = input.plan.changes.some((change) => change.replan && made.has(`${change.address} ${change.action}`));
  const summary = summarize(outcomes, { replanNeeded: replan && !stopped, interrupted: input.signal.aborted });
  input.onEvent({ event: 'summary', at: at(input), ...summary });
  return { outcomes, warnings, summary };
}

const at = (input: ApplyInput): string => new Date(input.ports.now()).toISOString();
