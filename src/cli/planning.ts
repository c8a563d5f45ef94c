/** From a look to a plan, for every command that shows or makes one. */
import { buildPlan } from '../diff/build-plan.ts';
import type { Plan } from '../diff/plan.ts';
import type { Limit, PlanPolicy } from '../diff/policy.ts';
import { matchesTarget } from '../diff/target.ts';
import { nearest } from '../spec/suggest.ts';
import { type Arguments, type Failure, has, value, values } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { parseLimit } from './limit.ts';
import type { Look } from './look.ts';
import type { RosterCommit } from './roster-commit.ts';
import { VERSION } from './version.ts';
import { addressesIn, explainable } from './views/explain-records.ts';

export function policyOf(args: Arguments): PlanPolicy {
  return {
    evenIfAttached: has(args, 'even-if-attached'),
    evenIfBusy: has(args, 'even-if-busy'),
    prune: has(args, 'prune'),
    allowEmpty: has(args, 'allow-empty'),
    hosts: values(args, 'host'),
    tenants: values(args, 'tenant'),
    targets: values(args, 'target'),
    excludes: values(args, 'exclude'),
    maxDestroy: limitOf(args, 'max-destroy'),
    maxDisrupt: limitOf(args, 'max-disrupt'),
  };
}

/** What is no limit was refused where the arguments were parsed. */
function limitOf(args: Arguments, flag: 'max-destroy' | 'max-disrupt'): Limit | null {
  const given = value(args, flag);
  return given === null ? null : parseLimit(given);
}

export function planFor(
  { roster, observed, memory, mask }: Look,
  policy: PlanPolicy,
  rosterCommit?: RosterCommit,
): Plan {
  const input = { roster, observed, memory, policy, mask, toolVersion: VERSION };
  return buildPlan(rosterCommit === undefined ? input : { ...input, rosterCommit });
}

/** A target or exclusion that means nothing here: without this refusal a misspelt one would read as "No changes". */
export function unknownTarget(look: Look, policy: PlanPolicy): Failure | null {
  const asked = [...policy.targets, ...policy.excludes];
  if (asked.length === 0) return null;
  const everything = planFor(look, { ...policy, targets: [], excludes: [] });
  const known = addressesIn(look.local, look.observed, everything);
  const lost = asked.find((target) => !known.some((k) => matchesTarget(target, k.address, k.agent)));
  if (lost === undefined) return null;
  const near = nearest(lost, explainable(look.local, look.observed, everything));
  const remedy = near === null ? 'an agent, KIND/NAME or HOST/TENANT/KIND/NAME' : `did you mean ${near}?`;
  return { code: EXIT.usage, message: `nothing here is called '${lost}'`, remedy };
}
