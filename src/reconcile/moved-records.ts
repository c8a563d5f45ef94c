/** Of what a saved plan touches: which of fleet's own records are no longer those that it was made with. */
import type { Change } from '../diff/plan.ts';
import type { PlanMemory } from '../diff/policy.ts';
import { recordsOf, type SavedPlan, type TouchedRecord } from '../diff/saved-plan.ts';
import type { Observed } from '../observe/state.ts';
import { parseAddress } from '../spec/address.ts';
import { layoutOf } from '../spec/layout.ts';
import type { Roster } from '../spec/model.ts';
import { type CheckContext, evaluatePrecondition } from './precondition.ts';

export interface Now {
  /** With the agents of this host and tenant alone. */
  readonly roster: Roster;
  readonly home: string;
  readonly observed: Observed;
  readonly memory: PlanMemory;
}

/**
 * One line each. What this very plan wrote is its own, so that it can be made twice; a record that is gone is its own
 * where all is gone that it was to take away.
 */
export function movedRecords(plan: SavedPlan, now: Now): readonly string[] {
  return recordsOf(plan.changes, now.memory).flatMap((record) => {
    const before = Object.hasOwn(plan.inventory, record.key) ? (plan.inventory[record.key] ?? null) : null;
    if (record.sha256 === before || record.plan === plan.plan_id) return [];
    if (record.sha256 === null && record.changes.every((change) => isGone(change, now))) return [];
    return [`${describe(record)} since it was planned`];
  });
}

function describe({ key, plan, sha256 }: TouchedRecord): string {
  const what = `the inventory's record of ${key}`;
  if (sha256 === null) return `${what} was removed`;
  return `${what} was written ${plan === null ? 'by no plan (adopt, forget)' : `by plan ${plan.slice(0, 12)}`}`;
}

function isGone(change: Change, now: Now): boolean {
  if (change.action === 'destroy') return fileGone(change, now.observed);
  return evaluatePrecondition(checkContext(now), change, now.observed).check === 'already-satisfied';
}

/** Of an env file it is our keys that go; the operator's lines stay. */
function fileGone(change: Change, { sources }: Observed): boolean {
  const name = parseAddress(change.address)?.name;
  if (sources.files.status === 'unknown' || name === undefined) return false;
  const { env_files, argv_files, unit_files } = sources.files.value;
  if (change.kind === 'unit-file') return unit_files[name]?.state === 'absent';
  if (name.endsWith('.argv')) return isAbsent(argv_files[name.slice(0, -'.argv'.length)]);
  const env = env_files[name];
  return isAbsent(env) || (env?.state === 'present' && Object.keys(env.own).length === 0);
}

/** Files of agents that are not on the roster are listed where they are there. */
const isAbsent = (file: { readonly state: string } | undefined): boolean =>
  file === undefined || file.state === 'absent';

function checkContext({ roster, home }: Now): CheckContext {
  const launcher = roster.layout === 'fleet' || roster.supervisor === 'none';
  return { roster, launcher, user: { home }, agents: roster.agents, layout: layoutOf(roster.layout) };
}
