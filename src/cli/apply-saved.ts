/** `fleet apply FILE`: which saved plan, whether it still fits, and what it says about itself. Nothing is planned anew. */
import type { PlanPolicy } from '../diff/policy.ts';
import { policyOfSaved, type SavedPlan } from '../diff/saved-plan.ts';
import { again, type FitInput, type Misfit, misfits } from '../diff/saved-plan-fit.ts';
import { heldSince } from '../diff/saved-plan-held.ts';
import { movedRecords } from '../reconcile/moved-records.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { type Arguments, type Failure, has, value } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import type { FlagName } from './flags.ts';
import type { Look } from './look.ts';
import { absolute, readPlanFile, rosterNow } from './plan-file.ts';
import { VERSION } from './version.ts';

/** What they would say stands in the plan. */
const IN_THE_PLAN: readonly FlagName[] = [
  'host',
  'tenant',
  'target',
  'exclude',
  'prune',
  'allow-empty',
  'max-destroy',
  'max-disrupt',
  'even-if-attached',
  'even-if-busy',
];

export interface SavedApply {
  /** As given. */
  readonly path: string;
  readonly plan: SavedPlan;
  readonly policy: PlanPolicy;
  /** The caller's, with the roster that the plan names. */
  readonly args: Arguments;
}

/** All that can be told before the host is looked at. */
export function openSavedPlan(path: string, args: Arguments, context: Context): Result<SavedApply, Failure> {
  const flag = IN_THE_PLAN.find((name) => has(args, name));
  if (flag !== undefined) {
    const message = `--${flag} and a saved plan contradict each other: what to do stands in ${path}`;
    const remedy = `leave it out, or save another plan: fleet plan --${flag} … -o FILE`;
    return err({ code: EXIT.usage, message, remedy });
  }
  const read = readPlanFile(path, context);
  if (!read.ok) return read;
  const plan = read.value;
  const roster = value(args, 'file') ?? plan.roster_file;
  const misfit = firstMisfit(plan, context, { roster: rosterNow(absolute(roster, context), context), here: null });
  if (misfit !== null) return err(refusal(path, misfit));
  const withRoster = { ...args, values: { ...args.values, file: [roster] } };
  return ok({ path, plan, policy: policyOfSaved(plan), args: withRoster });
}

/** Null where it may be made: the roster that was looked with, this place, what fleet remembers, and who holds it back are as they were. */
export function whyStale({ path, plan }: SavedApply, seen: Look, context: Context): Failure | null {
  const { roster, here } = seen;
  const misfit = firstMisfit(plan, context, { roster, here });
  if (misfit !== null) return refusal(path, misfit);
  const [moved] = movedRecords(plan, {
    roster: seen.local,
    home: context.user.home,
    observed: seen.observed,
    memory: seen.memory,
  });
  if (moved !== undefined) return refusal(path, { stale: true, detail: moved, remedy: again(plan) });
  const held = heldSince(plan, seen.memory.holds, seen.local.agents, context.user.home);
  return held === null ? null : refusal(path, { stale: true, ...held });
}

function firstMisfit(plan: SavedPlan, { now }: Context, where: Pick<FitInput, 'roster' | 'here'>): Misfit | null {
  return misfits(plan, { now: now(), toolVersion: VERSION, ...where })[0] ?? null;
}

function refusal(path: string, { stale: code, detail, remedy }: Misfit): Failure {
  return {
    code: code ? EXIT.stale : EXIT.error,
    message: `the plan ${path} does not fit, so nothing was changed: ${detail}`,
    remedy,
  };
}
