/** From a look to a plan, for every command that shows or makes one. */
import { buildPlan } from '../diff/build-plan.ts';
import type { Plan } from '../diff/plan.ts';
import type { PlanPolicy } from '../diff/policy.ts';
import { type Arguments, has, values } from './command.ts';
import type { Look } from './look.ts';
import { VERSION } from './version.ts';

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
  };
}

export function planFor({ roster, observed, memory }: Look, policy: PlanPolicy): Plan {
  return buildPlan({ roster, observed, memory, policy, toolVersion: VERSION });
}
