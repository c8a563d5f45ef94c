import type { Plan } from '../../diff/plan.ts';
import type { PlanPolicy } from '../../diff/policy.ts';
import type { BatchPolicy } from '../../reconcile/batches.ts';
import type { Lease } from '../../reconcile/lease/hold.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { type ApplyOutput, openApplyOutput } from '../apply-output.ts';
import { type ApplyTotal, applyInPasses } from '../apply-passes.ts';
import { openSavedPlan, type SavedApply, whyStale } from '../apply-saved.ts';
import { batchesFrom } from '../batches.ts';
import { type Arguments, type Failure, has, type RunCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { applyExitCode, EXIT, type ExitCode, interruptExitCode } from '../exit-codes.ts';
import { tellInterrupted } from '../interrupted.ts';
import { lockTimeout, lookAndHold } from '../lease.ts';
import type { Look } from '../look.ts';
import { planFor, policyOf, unknownTarget } from '../planning.ts';

export const applyCommand: RunCommand = async (given, context) => {
  const output = openApplyOutput(given, context);
  try {
    const code = await apply(given, context, output);
    return code.ok ? code.value : output.refused(code.error);
  } catch (bug) {
    output.broken();
    throw bug;
  }
};

async function apply(given: Arguments, context: Context, output: ApplyOutput): Promise<Result<ExitCode, Failure>> {
  const [file] = given.operands;
  if (!has(given, 'yes') && !context.stdin.isTerminal) {
    const message = 'apply asks before it changes anything, and there is no terminal to ask on';
    const same = file === undefined ? 'fleet plan, then: fleet apply -y' : `fleet show FILE, then: fleet apply -y FILE`;
    return err({ code: EXIT.usage, message, remedy: `look at ${same}` });
  }
  const batches = batchesFrom(given);
  if (!batches.ok) return batches;
  const timeoutMs = lockTimeout(given);
  if (!timeoutMs.ok) return timeoutMs;
  const saved = file === undefined ? null : openSavedPlan(file, given, context);
  if (saved?.ok === false) return saved;
  const args = saved?.value.args ?? given;
  const use = { what: 'apply', timeoutMs: timeoutMs.value };
  const made = await lookAndHold(args, context, use, async (seen, lease) => {
    tellInterrupted(seen, context, { holding: true });
    const by = { lease, batches: batches.value, output };
    const work = saved === null ? plannedNow(seen, args) : asSaved(saved.value, seen, context);
    return work.ok ? agreeAndMake(seen, work.value, by, args, context) : work;
  });
  return made.ok ? made.value : made;
}

interface Means {
  readonly lease: Lease;
  readonly batches: BatchPolicy;
  readonly output: ApplyOutput;
}

interface Work {
  readonly plan: Plan;
  readonly policy: PlanPolicy;
  /** Made as it stands, and no more. */
  readonly saved: boolean;
}

function plannedNow(seen: Look, args: Arguments): Result<Work, Failure> {
  const policy = policyOf(args);
  const lost = unknownTarget(seen, policy);
  return lost === null ? ok({ plan: planFor(seen, policy), policy, saved: false }) : err(lost);
}

function asSaved(saved: SavedApply, seen: Look, context: Context): Result<Work, Failure> {
  const stale = whyStale(saved, seen, context);
  return stale === null ? ok({ plan: saved.plan, policy: saved.policy, saved: true }) : err(stale);
}

/** Held while a terminal is asked, too: what is agreed to is then still what is there. */
async function agreeAndMake(
  seen: Look,
  work: Work,
  by: Means,
  args: Arguments,
  context: Context,
): Promise<Result<ExitCode, Failure>> {
  by.output.planned(work.plan);
  if (work.plan.changes.length > 0 && !(await mayApply(args, context))) {
    return err({ code: EXIT.error, message: 'nothing was changed', remedy: null });
  }
  return make(seen, work, by, args, context);
}

async function mayApply(args: Arguments, context: Context): Promise<boolean> {
  if (has(args, 'yes')) return true;
  const answer = await context.stdin.ask('\nMake these changes? Only "yes" is taken for yes: ');
  return answer?.trim() === 'yes';
}

async function make(
  seen: Look,
  { plan, policy, saved }: Work,
  { lease, batches, output }: Means,
  args: Arguments,
  context: Context,
): Promise<Result<ExitCode, Failure>> {
  // Bound before any effect: from here on an interrupt ends the effects under way and begins no other.
  context.finishBeforeInterrupt();
  const total = await applyInPasses({
    look: seen,
    plan,
    policy,
    batches,
    context,
    mayAct: lease.mayAct,
    fence: lease.fence,
    onEvent: output.event,
    onReplan: saved ? null : output.planned,
  });
  if (!total.ok) return total;
  const lost = undone(total.value) > 0 ? lease.mayAct() : null;
  const found = exitCodeOf(total.value, { detailed: has(args, 'detailed-exitcode'), lost: lost !== null });
  const code = interruptExitCode(context.interrupted()) ?? found;
  output.total(total.value, { code, saved, lost });
  return ok(code);
}

const undone = ({ summary }: ApplyTotal): number => summary.skipped['not-attempted'];

function exitCodeOf(
  { summary, plan }: ApplyTotal,
  { detailed, lost }: { readonly detailed: boolean; readonly lost: boolean },
): ExitCode {
  const { skipped } = summary;
  // Somebody else has the lease now, and nothing was done: as if it had never been had.
  if (lost && summary.applied + summary.failed === 0) return EXIT.locked;
  const found = {
    applied: summary.applied,
    failed: summary.failed,
    begun: summary.failed_begun,
    stale: skipped.stale,
    satisfied: skipped['already-satisfied'],
    notAttempted: skipped['dependency-failed'] + skipped['not-attempted'],
    deferred: skipped['deferred-busy'] + skipped['deferred-attached'],
    plan,
  };
  return applyExitCode(found, { detailed });
}
