/** Somebody who puts back what fleet repairs: after so many times fleet says so and stops, on that field alone. */

import type { Change } from '../../diff/plan.ts';
import { contestableFields } from '../../diff/repetition.ts';
import { entry } from '../../spec/record.ts';
import { within } from './calm.ts';
import { type Moment, stamp } from './clock.ts';
import { type Counters, keepEntries, type Repairs } from './counters.ts';
import type { ControlPolicy } from './policy.ts';

export const fieldKey = (address: string, path: string): string => `${address} ${path}`;

/** Counted before it is made, as a start is: each of its fields is repaired once more. */
export function countRepair(counters: Counters, change: Change, roster: string, policy: ControlPolicy): Counters {
  const fields = contestableFields(change);
  if (fields.length === 0) return counters;
  const { steady } = counters.clock;
  const repaired = fields.map((path): readonly [string, Repairs] => {
    const key = fieldKey(change.address, path);
    const known = entry(counters.repairs, key);
    const before = known?.roster === roster ? within(known.at, policy.fightWindowMs, steady) : [];
    return [key, { at: [...before, steady], roster, contested: null }];
  });
  return { ...counters, repairs: { ...counters.repairs, ...Object.fromEntries(repaired) } };
}

/** The change was not made after all. */
export function uncountRepair(counters: Counters, change: Change): Counters {
  const repaired = contestableFields(change).flatMap((path) => {
    const key = fieldKey(change.address, path);
    const known = entry(counters.repairs, key);
    return known === undefined ? [] : [[key, { ...known, at: known.at.slice(0, -1) }] as const];
  });
  if (repaired.length === 0) return counters;
  return { ...counters, repairs: { ...counters.repairs, ...Object.fromEntries(repaired) } };
}

/** The change is wanted again although it was made so often: its fields that are contested from now on; else none. */
export function newlyContested(
  counters: Counters,
  change: Change,
  roster: string,
  now: Moment,
  policy: ControlPolicy,
): Readonly<Record<string, Repairs>> {
  const { steady } = counters.clock;
  const found = contestableFields(change).flatMap((path) => {
    const key = fieldKey(change.address, path);
    const known = entry(counters.repairs, key);
    if (known === undefined || known.roster !== roster || known.contested !== null) return [];
    const times = within(known.at, policy.fightWindowMs, steady).length;
    if (times < policy.fightLimit) return [];
    const contested = { address: change.address, path, roster, since: stamp(now), times };
    return [[key, { ...known, contested }] as const];
  });
  return Object.fromEntries(found);
}

/** What is too old to matter, or of another roster. */
export function forgetRepairs(counters: Counters, roster: string, policy: ControlPolicy): Counters {
  const { steady } = counters.clock;
  const repairs = keepEntries(counters.repairs, (_key, r) => {
    if (r.roster !== roster) return false;
    return r.contested !== null || within(r.at, policy.fightWindowMs, steady).length > 0;
  });
  return repairs === counters.repairs ? counters : { ...counters, repairs };
}
