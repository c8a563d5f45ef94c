import { formatPlan } from '../../diff/format-text.ts';
import type { Plan } from '../../diff/plan.ts';
import { savePlan } from '../../diff/saved-plan.ts';
import { stopped } from '../../reconcile/state/stop-file.ts';
import { formatShellWords } from '../../spec/quoting.ts';
import { stopsOf } from '../apply-passes.ts';
import { batchesFrom } from '../batches.ts';
import { type Arguments, type Failure, has, type RunCommand, value } from '../command.ts';
import type { Context } from '../context.ts';
import { planExitCode } from '../exit-codes.ts';
import { tellInterrupted } from '../interrupted.ts';
import { type Look, look } from '../look.ts';
import { absolute, planFileRefused, writePlanFile } from '../plan-file.ts';
import { planFor, policyOf, unknownTarget } from '../planning.ts';
import { reportFailure } from '../report.ts';
import { commitOf, rosterFacts } from '../roster-commit.ts';
import { findRoster } from '../roster-file.ts';

export const planCommand: RunCommand = async (args, context) => {
  // How apply would go about it is no part of the plan: only checked, so that the same words do for both.
  const batches = batchesFrom(args);
  if (!batches.ok) return reportFailure(context, batches.error);
  const out = value(args, 'out');
  const refused = out === null ? null : planFileRefused(out, context);
  if (refused !== null) return reportFailure(context, refused);
  // Only documents name the commit. Asked beside the look, which takes longer.
  const path = has(args, 'json') || out !== null ? findRoster(value(args, 'file'), context) : null;
  const asked = path?.ok ? rosterFacts(absolute(path.value, context), context) : null;
  const seen = await look(args, context);
  if (!seen.ok) return reportFailure(context, seen.error);
  const lost = unknownTarget(seen.value, policyOf(args));
  if (lost !== null) return reportFailure(context, lost);
  tellInterrupted(seen.value, context, { holding: false });
  tellStopped(seen.value, args, context);
  const commit = asked === null ? undefined : commitOf(await asked, seen.value.roster.sha256);
  const plan = planFor(seen.value, policyOf(args), commit);
  context.stdout.write(has(args, 'json') ? `${JSON.stringify(plan)}\n` : formatPlan(plan, { color: context.color() }));
  const unsaved = out === null ? null : save(out, plan, seen.value, args, context);
  if (unsaved !== null) return reportFailure(context, unsaved);
  return planExitCode(plan, { detailed: has(args, 'detailed-exitcode') });
};

/** A PAUSED file changes no plan, and nothing of it is made while it is there. Of a saved observation nothing is known. */
function tellStopped(seen: Look, args: Arguments, { stderr, user }: Context): void {
  const brake = value(args, 'observed') === null ? stopped(stopsOf(seen, { user })) : null;
  if (brake === null) return;
  stderr.write(`fleet: ${brake.summary}: ${brake.detail}${brake.remedy === null ? '' : `; ${brake.remedy}`}\n`);
}

function save(out: string, plan: Plan, seen: Look, args: Arguments, context: Context): Failure | null {
  const rosterFile = absolute(seen.roster.path, context);
  const saved = savePlan({ plan, policy: policyOf(args), memory: seen.memory, rosterFile });
  const failure = writePlanFile(out, saved, context);
  if (failure !== null) return failure;
  context.stderr.write(
    `fleet: the plan is saved, good until ${saved.expires}: fleet apply ${formatShellWords([out])}\n`,
  );
  return null;
}
