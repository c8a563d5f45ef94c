import { misfits } from '../../diff/saved-plan-fit.ts';
import { has, type RunCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { readPlanFile, rosterNow } from '../plan-file.ts';
import { reportFailure } from '../report.ts';
import { VERSION } from '../version.ts';
import { formatSavedPlan } from '../views/show-text.ts';

export const show: RunCommand = async (args, context) => {
  const [path = ''] = args.operands;
  const read = readPlanFile(path, context);
  if (!read.ok) return reportFailure(context, read.error);
  const plan = read.value;
  if (has(args, 'json')) {
    context.stdout.write(`${JSON.stringify(plan)}\n`);
    return EXIT.done;
  }
  const roster = rosterNow(plan.roster_file, context);
  const against = misfits(plan, { now: context.now(), toolVersion: VERSION, roster, here: null });
  const about = { path, misfits: against, rosterKnown: roster !== null, color: context.color() };
  context.stdout.write(formatSavedPlan(plan, about));
  return EXIT.done;
};
