/**
 * Where this user's tmux sockets are, and which exist. Asking tmux itself would make the directory (it does so before
 * it connects), and an observation changes nothing, so the file system is asked.
 */
import { type Dirent, readdirSync, realpathSync } from 'node:fs';
import { errorCode, unknownError } from '../read-file.ts';
import type { Unknown } from '../state.ts';
import { isDirectory, isSocket, sys } from '../system-calls.ts';

export interface SocketDirectory {
  /** `TMUX_TMPDIR` for the client: the directory above, with links resolved as tmux does. */
  readonly base: string;
  /** `base/tmux-UID`. */
  readonly path: string;
  /**
   * `names` of the socket files in it, and of links, which tmux follows; `directories` are in the way of a socket, while
   * tmux replaces anything else. Absent: there is no directory, so no socket. Unknown: not to be connected to.
   */
  readonly sockets:
    | { readonly state: 'listed'; readonly names: ReadonlySet<string>; readonly directories: ReadonlySet<string> }
    | { readonly state: 'absent' }
    | { readonly state: 'unknown'; readonly unknown: Unknown };
}

/**
 * `tmuxTmpdir` is the caller's TMUX_TMPDIR; where it is unset, or not there, tmux takes /tmp (source: tmux.c,
 * `make_label`, 3.3a). Tmux itself refuses a directory that is another user's or open to others; so do we, and to the
 * group as well, for whoever can write there can put a hostile server in the place of ours.
 */
export function readSocketDirectory(tmuxTmpdir: string | undefined, uid: number): SocketDirectory {
  const base = realPath(tmuxTmpdir) ?? realPath('/tmp') ?? '/tmp';
  const path = `${base}/tmux-${uid}`;
  return { base, path, sockets: readSockets(path, uid) };
}

function readSockets(path: string, uid: number): SocketDirectory['sockets'] {
  try {
    const found = sys.lstat(path);
    if (found === null) return { state: 'absent' };
    if (!isDirectory(found)) return refused('not-regular', `${path} is no directory`);
    if (found.uid !== uid) return refused('denied', `${path} belongs to another user (uid ${found.uid})`);
    if ((found.mode & 0o077) !== 0) {
      const mode = (found.mode & 0o777).toString(8);
      return refused('denied', `${path} is open to others (mode ${mode}): run chmod 700 ${path}`);
    }
    const entries = readdirSync(path, { withFileTypes: true });
    const named = (which: readonly Dirent[]) => new Set(which.map((entry) => entry.name));
    const names = named(
      entries.filter(
        (entry) => entry.isSocket() || (entry.isSymbolicLink() && mayLeadToSocket(`${path}/${entry.name}`)),
      ),
    );
    return { state: 'listed', names, directories: named(entries.filter((entry) => entry.isDirectory())) };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { state: 'absent' };
    return { state: 'unknown', unknown: unknownError(path, error) };
  }
}

function refused(why: Unknown['why'], detail: string): SocketDirectory['sockets'] {
  return { state: 'unknown', unknown: { status: 'unknown', why, detail } };
}

function realPath(path: string | undefined): string | null {
  if (path === undefined || path === '') return null;
  try {
    return realpathSync.native(path);
  } catch {
    return null;
  }
}

/** Not one that leads nowhere, to itself, or to a file of another kind: there tmux finds no server either. */
function mayLeadToSocket(link: string): boolean {
  try {
    const found = sys.stat(link);
    return found !== null && isSocket(found);
  } catch (error) {
    return errorCode(error) !== 'ELOOP';
  }
}
