/**
 * Socket files that the kernel lists nobody on: most are left-overs of servers that have ended. The kernel has the path
 * as the server gave it, though, and one that was started from within the directory, or through a link to it, is listed
 * under another text. Connecting tells, without a child.
 */
import { connectUnix } from '../unix-socket.ts';

/** A connection to a Unix socket is made or refused at once: this much is never needed. */
const DEADLINE_MS = 500;

/** Descriptors that are open for it at the same time, at most. */
const AT_ONCE = 100;

/** Those of `names` of which it is not certain that they are left-overs: somebody answers there, or it cannot be told. */
export async function withoutLeftOvers(directory: string, names: readonly string[]): Promise<readonly string[]> {
  const left: string[] = [];
  for (let i = 0; i < names.length; i += AT_ONCE) {
    const some = names.slice(i, i + AT_ONCE);
    const over = await Promise.all(some.map((name) => isLeftOver(`${directory}/${name}`)));
    left.push(...some.filter((_, at) => over[at] !== true));
  }
  return left;
}

/** Only a refused connection proves that nobody listens, and a file that is gone meanwhile that nothing was left. */
function isLeftOver(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (leftOver: boolean) => {
      clearTimeout(deadline);
      socket.end();
      resolve(leftOver);
    };
    const deadline = setTimeout(() => end(false), DEADLINE_MS);
    const socket = connectUnix(path, {
      connected: () => end(false),
      data: () => {},
      failed: (code) => end(['ECONNREFUSED', 'ENOENT'].includes(code)),
      closed: () => end(false),
    });
  });
}
