/** Where the state of a roster's fleet lies on this host, for commands that ask neither the host nor the controller. */
import { isAbsolute, join } from 'node:path';
import { lastGoodPath, readLastGood } from '../reconcile/roster/last-good.ts';
import { type StatePaths, statePaths } from '../reconcile/state/paths.ts';
import type { Roster } from '../spec/model.ts';
import { err, ok, type Result } from '../spec/result.ts';
import type { Failure } from './command.ts';
import type { Context } from './context.ts';
import { hereIn, type Place } from './place.ts';
import { findRoster, readRoster } from './roster-file.ts';

export interface StatePlace {
  readonly roster: Roster;
  readonly here: Place;
  readonly paths: StatePaths;
}

/** By the roster, or where that is invalid or gone by the last good one: just then people ask how things stand. */
export function stateOf(given: string | null, context: Context): Result<StatePlace, Failure> {
  const roster = readRoster(given, context);
  if (roster.ok) return ok(placeOf(roster.value, context));
  const found = findRoster(given, context);
  if (!found.ok) {
    const gone = 'of one that is gone, -f with its former path does: its last good copy is kept';
    return err({ ...found.error, remedy: `${found.error.remedy}; ${gone}` });
  }
  const path = isAbsolute(found.value) ? found.value : join(context.cwd, found.value);
  const kept = readLastGood(context.files, lastGoodPath(context.user.home, path, null));
  return kept.ok && kept.value !== null ? ok(placeOf(kept.value.version.roster, context)) : roster;
}

function placeOf(roster: Roster, context: Context): StatePlace {
  const here = hereIn(roster, context);
  return { roster, here, paths: statePaths(context.user.home, here.host, roster.fleet) };
}
