/** Where a command's first word is found, as the launcher's shell would look for it. */
import { accessSync, constants, realpathSync } from 'node:fs';
import { errorCode, unknownError } from './read-file.ts';
import type { PathObserved } from './state.ts';
import { isDirectory, isFile, sys } from './system-calls.ts';

/**
 * An absolute `word` is looked at itself, any other in the absolute directories of `path`, in their order. What must be
 * there is a regular file that may be executed; a directory that may not be searched makes a miss unknown.
 */
export function findProgram(word: string, path: readonly string[]): PathObserved {
  if (word.startsWith('/')) return inspectProgram(word);
  let closed: PathObserved | null = null;
  for (const directory of new Set(path)) {
    if (!directory.startsWith('/')) continue;
    const found = inspectProgram(`${directory}/${word}`);
    if (found.state === 'found') return found;
    if (found.state === 'unknown') closed ??= found;
  }
  return closed ?? { state: 'missing', detail: `no ${word} in ${[...new Set(path)].join(':')}` };
}

/** Splits a PATH; empty parts, which mean the current directory, are left out. */
export function splitPath(path: string | undefined): readonly string[] {
  return (path ?? '').split(':').filter((part) => part !== '');
}

function inspectProgram(path: string): PathObserved {
  try {
    const found = sys.stat(path);
    if (found === null) return { state: 'missing', detail: `there is no ${path}` };
    if (!isFile(found)) return { state: 'missing', detail: `${path} is no regular file` };
    if (!mayExecute(path)) return { state: 'missing', detail: `${path} may not be executed: run chmod +x ${path}` };
    return { state: 'found', real: realpathSync.native(path) };
  } catch (error) {
    return unknownPath(path, error);
  }
}

/** A directory to start in: there, a directory, and one that may be entered. */
export function inspectDirectory(path: string): PathObserved {
  try {
    const found = sys.stat(path);
    if (found === null) return { state: 'missing', detail: `there is no ${path}` };
    if (!isDirectory(found)) return { state: 'missing', detail: `${path} is no directory` };
    if (!mayExecute(path)) return { state: 'missing', detail: `${path} may not be entered` };
    return { state: 'found', real: realpathSync.native(path) };
  } catch (error) {
    return unknownPath(path, error);
  }
}

/** A link that leads in a circle leads nowhere; all else that fails could not be looked at. */
function unknownPath(path: string, error: unknown): PathObserved {
  if (errorCode(error) === 'ELOOP') return { state: 'missing', detail: `${path} is a link that leads to itself` };
  const { why, detail } = unknownError(path, error);
  return { state: 'unknown', why, detail };
}

function mayExecute(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
