/** An apply that did not end: told by the next plan and apply, on standard error, so that a plan depends on no accident. */
import type { PlanMemory } from '../diff/policy.ts';
import { leasePath } from '../reconcile/lease/file.ts';
import { leaseStatus } from '../reconcile/lease/release.ts';
import type { Context } from './context.ts';
import type { Look } from './look.ts';

/** `holding`: this command has the lease, so that no other apply can be under way. */
export function tellInterrupted(
  { memory, here }: Look,
  context: Context,
  { holding }: { readonly holding: boolean },
): void {
  const { interrupted } = memory;
  if (interrupted === null) return;
  const { plan, at } = interrupted;
  const which = `(plan ${plan.slice(0, 12)}, ${at})`;
  if (!holding && isUnderWay(context, here.host)) {
    context.stderr.write(`fleet: an apply is under way ${which}: what is planned here may be done by it already\n`);
    return;
  }
  const next = holding
    ? 'this one looks again and goes on from what is there'
    : 'fleet apply goes on from what is there';
  context.stderr.write(`fleet: the last apply ${which} did not end; it was ${doing(interrupted)}; ${next}\n`);
}

function doing({ doing: addresses }: NonNullable<PlanMemory['interrupted']>): string {
  if (addresses.length === 0) return 'between two changes';
  return `in the middle of ${addresses.map((address) => address.split('/').slice(2).join('/')).join(', ')}`;
}

/** What cannot be told counts as not: then the last apply did not end, as far as is known. */
function isUnderWay(context: Context, host: string): boolean {
  const status = leaseStatus(leasePath(context.user.home, host), context.machine);
  return status.ok && status.value.state === 'held';
}
