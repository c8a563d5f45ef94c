import { formatPlan } from '../../diff/format-text.ts';
import type { Plan } from '../../diff/plan.ts';
import type { PlanPolicy } from '../../diff/policy.ts';
import type { BatchPolicy } from '../../reconcile/batches.ts';
import type { Lease } from '../../reconcile/lease/hold.ts';
import type { Failure as Cause } from '../../reconcile/outcome.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { type ApplyTotal, applyInPasses } from '../apply-passes.ts';
import { openSavedPlan, type SavedApply, whyStale } from '../apply-saved.ts';
import { batchesFrom } from '../batches.ts';
import { type Arguments, type Failure, has, type RunCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { applyExitCode, EXIT, type ExitCode } from '../exit-codes.ts';
import { lockTimeout, lookAndHold } from '../lease.ts';
import type { Look } from '../look.ts';
import { planFor, policyOf, unknownTarget } from '../planning.ts';
import { openProgress } from '../progress.ts';
import { reportFailure } from '../report.ts';
import { planEvent, refusalEvent, summaryEvent } from '../views/apply-json.ts';
import { formatTotal, formatWarning } from '../views/apply-text.ts';
import { paintWith } from '../views/text.ts';

export const applyCommand: RunCommand = async (given, context) => {
  if (!has(given, 'yes') && !context.stdin.isTerminal) {
    const message = 'apply asks before it changes anything, and there is no terminal to ask on';
    const [file] = given.operands;
    const same = file === undefined ? 'fleet plan, then: fleet apply -y' : `fleet show FILE, then: fleet apply -y FILE`;
    return refuse({ code: EXIT.usage, message, remedy: `look at ${same}` }, given, context);
  }
  const batches = batchesFrom(given);
  if (!batches.ok) return refuse(batches.error, given, context);
  const timeoutMs = lockTimeout(given);
  if (!timeoutMs.ok) return refuse(timeoutMs.error, given, context);
  const [file] = given.operands;
  const saved = file === undefined ? null : openSavedPlan(file, given, context);
  if (saved?.ok === false) return refuse(saved.error, given, context);
  const args = saved?.value.args ?? given;
  const use = { what: 'apply', timeoutMs: timeoutMs.value };
  const code = await lookAndHold(args, context, use, (seen, lease) => {
    const by = { lease, batches: batches.value };
    const work = saved === null ? plannedNow(seen, args) : asSaved(saved.value, seen, context);
    return work.ok
      ? agreeAndMake(seen, work.value, by, args, context)
      : Promise.resolve(refuse(work.error, args, context));
  });
  return code.ok ? code.value : refuse(code.error, args, context);
};

interface Means {
  readonly lease: Lease;
  readonly batches: BatchPolicy;
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
async function agreeAndMake(seen: Look, work: Work, by: Means, args: Arguments, context: Context): Promise<ExitCode> {
  showPlan(work.plan, args, context);
  if (work.plan.changes.length > 0 && !(await mayApply(args, context))) {
    return refuse({ code: EXIT.error, message: 'nothing was changed', remedy: null }, args, context);
  }
  return make(seen, work, by, args, context);
}

/** Nothing, or nothing more, was done. With --json the last line says so, whatever happened. */
function refuse(failure: Failure, args: Arguments, context: Context): ExitCode {
  if (has(args, 'json')) {
    const at = new Date(context.now()).toISOString();
    context.stdout.write(`${JSON.stringify(refusalEvent(failure, at))}\n`);
  }
  return reportFailure(context, failure);
}

function showPlan(plan: Plan, args: Arguments, context: Context): void {
  context.stdout.write(
    has(args, 'json') ? `${JSON.stringify(planEvent(plan))}\n` : formatPlan(plan, { color: context.color() }),
  );
}

async function mayApply(args: Arguments, context: Context): Promise<boolean> {
  if (has(args, 'yes')) return true;
  const answer = await context.stdin.ask('\nMake these changes? Only "yes" is taken for yes: ');
  return answer?.trim() === 'yes';
}

async function make(
  seen: Look,
  { plan, policy, saved }: Work,
  by: Means,
  args: Arguments,
  context: Context,
): Promise<ExitCode> {
  const json = has(args, 'json');
  const detailed = has(args, 'detailed-exitcode');
  // Bound before any effect: from here on an interrupt ends the effects under way and begins no other.
  context.finishBeforeInterrupt();
  const progress = json ? null : openProgress(context.stderr, plan.changes.length, context.color());
  const line = (event: object) => context.stdout.write(`${JSON.stringify(event)}\n`);
  const total = await applyInPasses({
    look: seen,
    plan,
    policy,
    batches: by.batches,
    context,
    mayAct: by.lease.mayAct,
    fence: by.lease.fence,
    onEvent: (event) => (progress === null ? line(event) : progress.show(event)),
    onReplan: saved ? null : (next) => showPlan(next, args, context),
  });
  progress?.end();
  if (!total.ok) return refuse(total.error, args, context);
  const lost = undone(total.value) > 0 ? by.lease.mayAct() : null;
  if (lost !== null) context.stderr.write(formatWarning(lost, paintWith(context.color() && context.stderr.isTerminal)));
  const code = exitCodeOf(total.value, { detailed, lost: lost !== null });
  if (json) {
    line(summaryEvent(total.value, { at: new Date(context.now()).toISOString(), exitCode: code }));
    return code;
  }
  showWarnings(total.value, lost, context);
  if (plan.changes.length > 0) context.stdout.write(`\n${formatTotal(total.value, saved)}`);
  return code;
}

/** Also where there was nothing to change: what was found meanwhile is written down by every apply. */
function showWarnings({ warnings }: ApplyTotal, told: Cause | null, context: Context): void {
  const paint = paintWith(context.color() && context.stderr.isTerminal);
  for (const failure of warnings) if (failure.code !== told?.code) context.stderr.write(formatWarning(failure, paint));
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
    stale: skipped.stale,
    satisfied: skipped['already-satisfied'],
    notAttempted: skipped['dependency-failed'] + skipped['not-attempted'],
    deferred: skipped['deferred-busy'] + skipped['deferred-attached'],
    plan,
  };
  return applyExitCode(found, { detailed });
}
