/** A process in a mount namespace of its own may have another file, or none, by the path that we know. */
import { isSocket, sys } from '../system-calls.ts';

/**
 * Whether the process has a socket by this path that is not what we have there. False where its files cannot be looked at.
 */
export function seesAnotherSocket(pid: number, path: string, procRoot: string): boolean {
  try {
    const theirs = sys.lstat(`${procRoot}/${pid}/root${path}`);
    if (theirs === null || !isSocket(theirs)) return false;
    const ours = sys.lstat(path);
    return ours === null || ours.ino !== theirs.ino || ours.dev !== theirs.dev;
  } catch {
    return false;
  }
}
