/** The file PAUSED: while it is there nothing is done, by the controller or by apply, whatever stands in it. */
import { lstatSync } from 'node:fs';
import { errnoOf } from '../files/failures.ts';
import { type Failure, failure } from '../outcome.ts';

/** Null: go on. What cannot be seen counts as there: a brake that might be pulled is pulled. */
export function stopped(paths: readonly string[]): Failure | null {
  for (const path of paths) {
    const why = lookAt(path);
    if (why !== null) return why;
  }
  return null;
}

function lookAt(path: string): Failure | null {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
    return failure('stopped', 'All actions are stopped', `${path} is there`, `to go on: rm ${path}`);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    const detail = `whether ${path} is there cannot be seen: ${errno}`;
    return failure('stopped', 'All actions are stopped', detail, `see: ls -ld ${path}`);
  }
}
