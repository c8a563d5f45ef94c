/**
 * Socket files that the kernel lists nobody on: most are left-overs of servers that have ended. The kernel has the path
 * as the server gave it, though, and one that was started from within the directory, or through a link to it, is listed
 * under another text. Connecting tells, without a child.
 */
import { connect } from 'node:net';
import { errorCode } from '../read-file.ts';

/** A connection to a Unix socket is made or refused at once: this much is never needed. */
const DEADLINE_MS = 500;

/** Descriptors that are open for it at the same time, at most. */
const AT_ONCE = 100;

/** Node cuts a longer path off, and would connect to another one (`sun_path`: 108 bytes with the NUL). */
const MAX_PATH_BYTES = 107;

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
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ path });
    const end = (leftOver: boolean) => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(leftOver);
    };
    const deadline = setTimeout(() => end(false), DEADLINE_MS);
    socket.on('connect', () => end(false));
    socket.on('error', (error) => end(['ECONNREFUSED', 'ENOENT'].includes(errorCode(error))));
  });
}
