/** A process in a mount namespace of its own may have another file, or none, by the path that we know. */
import { lstatSync } from 'node:fs';

/**
 * Whether the process has a socket by this path that is not what we have there. False where its files cannot be looked at.
 */
export function seesAnotherSocket(pid: number, path: string, procRoot: string): boolean {
  try {
    const theirs = lstatSync(`${procRoot}/${pid}/root${path}`, { throwIfNoEntry: false });
    if (theirs?.isSocket() !== true) return false;
    const ours = lstatSync(path, { throwIfNoEntry: false });
    return ours === undefined || ours.ino !== theirs.ino || ours.dev !== theirs.dev;
  } catch {
    return false;
  }
}
