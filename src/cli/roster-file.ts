/** Which roster, and loading it. A missing roster is an error like an invalid one (exit 78), never "no agents". */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Diagnostic, formatDiagnostic } from '../spec/diagnostics.ts';
import { loadRoster } from '../spec/load.ts';
import type { Roster } from '../spec/model.ts';
import { err, ok, type Result } from '../spec/result.ts';
import type { Failure } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

type Place = Pick<Context, 'cwd' | 'env' | 'user'>;

/** `given` is what -f or an operand says. The path is as a person would write it: relative ones to `cwd`. */
export function findRoster(given: string | null, place: Place): Result<string, Failure> {
  if (given !== null) return ok(given);
  const named = place.env['FLEET_FILE'];
  const local = join(place.cwd, 'fleet.yaml');
  if (existsSync(local)) return ok('fleet.yaml');
  // Named and missing is said by loading it: falling through to another roster would act on the wrong one.
  if (named !== undefined && named !== '') return ok(named);
  const own = join(place.user.home, '.config/fleet/fleet.yaml');
  if (existsSync(own)) return ok(own);
  return err({
    code: EXIT.invalidRoster,
    message: `no roster: neither ./fleet.yaml nor ${own} exists, and FLEET_FILE is not set`,
    remedy: 'name one with -f FILE, or copy the sample fleet.yaml that comes with fleet and edit it',
  });
}

/** Positions in diagnostics show the path as given. */
export function readRoster(given: string | null, place: Place): Result<Roster, RosterFailure> {
  const path = findRoster(given, place);
  if (!path.ok) return err({ ...path.error, diagnostics: [], path: null });
  const roster = loadRoster(path.value);
  if (roster.ok) return roster;
  return err({ ...invalid(roster.error), diagnostics: roster.error, path: path.value });
}

export interface RosterFailure extends Failure {
  readonly diagnostics: readonly Diagnostic[];
  readonly path: string | null;
}

function invalid(diagnostics: readonly Diagnostic[]): Failure {
  const count = diagnostics.length === 1 ? 'a problem' : `${diagnostics.length} problems`;
  const lines = diagnostics.map((d) => `\n${formatDiagnostic(d)}`);
  return {
    code: EXIT.invalidRoster,
    message: `the roster has ${count}, so nothing was done${lines.join('')}`,
    remedy: null,
  };
}
