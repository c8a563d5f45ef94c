/**
 * Events of names in a changing set of directories: inotify through `fs.watch`, which tells the name, so that a busy
 * directory (a home, /tmp) costs one look into a set an event.
 *
 * Not chokidar: given a file it watches what the file is now. Measured with 5.0.0 on Linux it told of every way to save
 * a file, and of nothing when a link on the way to it was swapped, its directory was replaced, or both came later.
 */
import { type FSWatcher, statSync, watch } from 'node:fs';

/** Names of interest by directory; null: every name. */
export type WatchedNames = ReadonlyMap<string, ReadonlySet<string> | null>;

export interface DirectoryWatch {
  /** What is watched from now on. A detail where something of it cannot be watched, null where all is. */
  readonly set: (wanted: WatchedNames) => string | null;
  readonly close: () => void;
}

interface Watched {
  readonly watcher: FSWatcher;
  /** Device and inode: a path may have become another directory. */
  readonly identity: string;
}

/**
 * `onChange` is given the directory and the name, null where only the directory is known. `onBroken`: a watch that had
 * begun has ended; to be set again.
 */
export function watchDirectories(
  onChange: (directory: string, name: string | null) => void,
  onBroken: () => void,
): DirectoryWatch {
  const watched = new Map<string, Watched>();
  let wanted: WatchedNames = new Map();
  const drop = (path: string): void => {
    watched.get(path)?.watcher.close();
    watched.delete(path);
  };
  const begin = (path: string): string | null => {
    try {
      const identity = identityOf(path);
      if (watched.get(path)?.identity === identity) return null;
      drop(path);
      const watcher = watch(path, { persistent: true }, (_event, name) => {
        const names = wanted.get(path);
        if (names === undefined || (names !== null && name !== null && !names.has(name))) return;
        onChange(path, name);
      });
      watcher.on('error', () => {
        drop(path);
        onBroken();
      });
      watched.set(path, { watcher, identity });
      return null;
    } catch (error) {
      drop(path);
      return `${path}: ${codeOf(error)}`;
    }
  };
  return {
    set: (next) => {
      wanted = next;
      for (const path of watched.keys()) if (!next.has(path)) drop(path);
      const troubles = [...next.keys()].map(begin).filter((trouble) => trouble !== null);
      return troubles[0] ?? null;
    },
    close: () => {
      wanted = new Map();
      for (const path of [...watched.keys()]) drop(path);
    },
  };
}

function identityOf(path: string): string {
  const { dev, ino } = statSync(path);
  return `${dev}:${ino}`;
}

/** The errno name; an error without one is a bug and goes on up. */
function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  throw error;
}
