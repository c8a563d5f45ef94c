/** Saved plans on disk: written 0600 in one step, never through a link or onto anything but a plan; read whole. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { looksLikePlan, parseSavedPlan, renderSavedPlan, type SavedPlan } from '../diff/saved-plan.ts';
import { err, ok, type Result } from '../spec/result.ts';
import type { Failure } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';

type Place = Pick<Context, 'cwd' | 'files'>;

/** Relative ones to the caller's directory. */
export const absolute = (path: string, { cwd }: Pick<Context, 'cwd'>): string =>
  isAbsolute(path) ? path : join(cwd, path);

/** Null where a plan may be written there: nothing is there, an empty file, or a plan. */
export function planFileRefused(path: string, place: Place): Failure | null {
  const at = absolute(path, place);
  // A misspelt directory is not made.
  if (statSync(dirname(at), { throwIfNoEntry: false })?.isDirectory() !== true) {
    return failed(`the plan is not saved: ${dirname(at)} is no directory`, `mkdir -p ${dirname(at)}`);
  }
  const there = place.files.read(at);
  switch (there.state) {
    case 'absent':
      return null;
    case 'failed':
      return failed(`the plan is not saved: ${there.failure.summary}: ${there.failure.detail}`, 'give another FILE');
    case 'present':
      if (there.content === '' || looksLikePlan(there.content)) return null;
      return failed(`the plan is not saved: ${path} is there and is no fleet plan`, 'give another FILE, or remove it');
  }
}

export function writePlanFile(path: string, plan: SavedPlan, place: Place): Failure | null {
  const refused = planFileRefused(path, place);
  if (refused !== null) return refused;
  const written = place.files.write(absolute(path, place), renderSavedPlan(plan), { always: 0o600 });
  if (written.ok) return null;
  const { summary, detail, remedy } = written.error;
  return failed(`the plan is not saved: ${summary}: ${detail}`, remedy);
}

export function readPlanFile(path: string, place: Place): Result<SavedPlan, Failure> {
  let text: string;
  try {
    text = readFileSync(absolute(path, place), 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return err(failed(`${path} cannot be read: ${why}`, 'make one with: fleet plan -o FILE'));
  }
  const plan = parseSavedPlan(text);
  return plan.ok ? ok(plan.value) : err(failed(`${path} ${plan.error.detail}`, plan.error.remedy));
}

/** Hex SHA-256 of the roster at an absolute path; null where it cannot be read. */
export function rosterNow(path: string, { files }: Place): { readonly path: string; readonly sha256: string } | null {
  try {
    const read = files.read(realpathSync(path));
    return read.state === 'present' ? { path, sha256: read.sha256 } : null;
  } catch {
    return null;
  }
}

function failed(message: string, remedy: string | null): Failure {
  return { code: EXIT.error, message, remedy };
}
