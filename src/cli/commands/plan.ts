import { formatPlan } from '../../diff/format-text.ts';
import { batchesFrom } from '../batches.ts';
import { has, type RunCommand } from '../command.ts';
import { planExitCode } from '../exit-codes.ts';
import { look } from '../look.ts';
import { planFor, policyOf, unknownTarget } from '../planning.ts';
import { reportFailure } from '../report.ts';

export const planCommand: RunCommand = async (args, context) => {
  // How apply would go about it is no part of the plan: only checked, so that the same words do for both.
  const batches = batchesFrom(args);
  if (!batches.ok) return reportFailure(context, batches.error);
  const seen = await look(args, context);
  if (!seen.ok) return reportFailure(context, seen.error);
  const lost = unknownTarget(seen.value, policyOf(args));
  if (lost !== null) return reportFailure(context, lost);
  const plan = planFor(seen.value, policyOf(args));
  context.stdout.write(has(args, 'json') ? `${JSON.stringify(plan)}\n` : formatPlan(plan, { color: context.color() }));
  return planExitCode(plan, { detailed: has(args, 'detailed-exitcode') });
};
