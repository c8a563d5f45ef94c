/** What holds fleet back, as it lies on disk: the controller's counters and people's pauses. Plan, apply and run take the same. */
import type { PlanHolds } from '../../diff/plan-holds.ts';
import { ok, type Result } from '../../spec/result.ts';
import { NO_COUNTERS } from '../control/counters.ts';
import { holdsOf } from '../control/holds.ts';
import type { Failure } from '../outcome.ts';
import type { FileRead } from '../ports.ts';
import { readCounters } from './counters-file.ts';
import type { StatePaths } from './paths.ts';
import { readWishes } from './wishes.ts';

/** What cannot be read is a failure: a latch that may be there is one. */
export function readHolds(paths: StatePaths, read: (path: string) => FileRead): Result<PlanHolds, Failure> {
  const counters = readCounters(paths.counters, read);
  if (!counters.ok) return counters;
  const wishes = readWishes(paths, read);
  if (!wishes.ok) return wishes;
  return ok(holdsOf(counters.value ?? NO_COUNTERS, wishes.value.pauses.pauses, wishes.value.resets.resets));
}
