import { formatPlan } from '../../diff/format-text.ts';
import type { Plan } from '../../diff/plan.ts';
import type { BatchPolicy } from '../../reconcile/batches.ts';
import { type ApplyTotal, applyInPasses } from '../apply-passes.ts';
import { batchesFrom } from '../batches.ts';
import { type Arguments, has, type RunCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { applyExitCode, EXIT, type ExitCode } from '../exit-codes.ts';
import { type Look, look } from '../look.ts';
import { planFor, policyOf, unknownTarget } from '../planning.ts';
import { openProgress } from '../progress.ts';
import { reportFailure } from '../report.ts';
import { planEvent, summaryEvent } from '../views/apply-json.ts';
import { formatTotal, formatWarning } from '../views/apply-text.ts';
import { paintWith } from '../views/text.ts';

export const applyCommand: RunCommand = async (args, context) => {
  if (!has(args, 'yes') && !context.stdin.isTerminal) {
    const message = 'apply asks before it changes anything, and there is no terminal to ask on';
    return reportFailure(context, { code: EXIT.usage, message, remedy: 'look at fleet plan, then: fleet apply -y' });
  }
  const batches = batchesFrom(args);
  if (!batches.ok) return reportFailure(context, batches.error);
  const seen = await look(args, context);
  if (!seen.ok) return reportFailure(context, seen.error);
  const lost = unknownTarget(seen.value, policyOf(args));
  if (lost !== null) return reportFailure(context, lost);
  const plan = planFor(seen.value, policyOf(args));
  showPlan(plan, args, context);
  if (plan.changes.length > 0 && !(await mayApply(args, context))) return EXIT.error;
  return make(seen.value, plan, batches.value, args, context);
};

function showPlan(plan: Plan, args: Arguments, context: Context): void {
  context.stdout.write(
    has(args, 'json') ? `${JSON.stringify(planEvent(plan))}\n` : formatPlan(plan, { color: context.color() }),
  );
}

async function mayApply(args: Arguments, context: Context): Promise<boolean> {
  if (has(args, 'yes')) return true;
  const answer = await context.stdin.ask('\nMake these changes? Only "yes" is taken for yes: ');
  if (answer?.trim() === 'yes') return true;
  context.stderr.write('fleet: nothing was changed\n');
  return false;
}

async function make(
  seen: Look,
  plan: Plan,
  batches: BatchPolicy,
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
    policy: policyOf(args),
    batches,
    context,
    onEvent: (event) => (progress === null ? line(event) : progress.show(event)),
    onReplan: (next) => showPlan(next, args, context),
  });
  progress?.end();
  if (!total.ok) return reportFailure(context, total.error);
  const code = exitCodeOf(total.value, detailed);
  if (json) {
    line(summaryEvent(total.value, { at: new Date(context.now()).toISOString(), exitCode: code }));
    return code;
  }
  showWarnings(total.value, context);
  if (plan.changes.length > 0) context.stdout.write(`\n${formatTotal(total.value)}`);
  return code;
}

/** Also where there was nothing to change: what was found meanwhile is written down by every apply. */
function showWarnings({ warnings }: ApplyTotal, context: Context): void {
  const paint = paintWith(context.color() && context.stderr.isTerminal);
  for (const failure of warnings) context.stderr.write(formatWarning(failure, paint));
}

function exitCodeOf({ summary, plan }: ApplyTotal, detailed: boolean): ExitCode {
  const { skipped } = summary;
  const found = {
    applied: summary.applied,
    failed: summary.failed,
    stale: skipped.stale,
    notAttempted: skipped['dependency-failed'] + skipped['not-attempted'],
    deferred: skipped['deferred-busy'] + skipped['deferred-attached'],
    plan,
  };
  return applyExitCode(found, { detailed });
}
