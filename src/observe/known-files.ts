/**
 * Files that earlier looks of this very process have read: what looks at a thousand agents each minute need not open
 * three thousand files for it that nobody has touched.
 *
 * A file is the same as long as its inode says so, all of it: number, size, owner, mode, and both times, of which no
 * program can set the second one (inode(7)). A file that was changed within the last seconds before it was read is not
 * kept: the kernel's clock moves in steps of milliseconds, and a second change within one step would not show. What is
 * kept is read again now and then, whatever its inode says.
 */
import type { FileRead, Joined, ReadBefore } from './read-file.ts';
import type { Source } from './state.ts';
import type { Inode } from './system-calls.ts';

export interface KnownFiles extends ReadBefore {
  /** What `make` made of this reading, made once where the reading is kept; of one reading one thing is made. */
  readonly derived: <T>(read: FileRead, make: () => T) => T;
  /** What was read under this key before, for as long as it says itself that it was not touched; else what `read` gives. */
  readonly untouched: <T extends Touchable>(key: string, read: () => Source<T>) => Source<T>;
}

/** A reading that knows whether what it was made of has changed since. */
export interface Touchable {
  readonly touched: () => 'yes' | 'no' | 'perhaps';
}

/** Milliseconds. */
const YOUNG_MS = 2_000;
const READ_AGAIN_MS = 600_000;

interface Kept {
  readonly stats: Inode;
  /** Unix milliseconds. */
  readonly since: number;
  readonly read: FileRead;
  made: { readonly value: unknown } | null;
}

/** `now` in Unix milliseconds, by the clock of the files' times. */
export function knownFiles(now: () => number): KnownFiles {
  const byPath = new Map<string, Kept>();
  const byRead = new WeakMap<FileRead, Kept>();
  const contents = new Map<string, { readonly stats: Inode; readonly since: number; readonly value: unknown }>();
  const readings = new Map<string, { readonly value: Touchable; readonly since: number }>();
  const lasts = (since: number): boolean => {
    const at = now();
    return at >= since && at - since < READ_AGAIN_MS;
  };
  const joined = new Map<string, Joined>();
  let swept = now();
  /** Whatever is still asked for has been read again by then. */
  const sweep = (at: number): void => {
    if (Math.abs(at - swept) < READ_AGAIN_MS) return;
    swept = at;
    const isOld = (since: number): boolean => Math.abs(at - since) > 2 * READ_AGAIN_MS;
    for (const [path, { since }] of byPath) if (isOld(since)) byPath.delete(path);
    for (const [path, { since }] of contents) if (isOld(since)) contents.delete(path);
    joined.clear();
  };
  return {
    recall: (path, found) => {
      const kept = byPath.get(path);
      if (kept === undefined) return null;
      return sameInode(kept.stats, found) && lasts(kept.since) ? kept.read : null;
    },
    keep: (path, opened, read) => {
      const at = now();
      sweep(at);
      byPath.delete(path);
      if (read.state !== 'read' || isYoung(opened, at)) return;
      const kept = { stats: opened, since: at, read, made: null };
      byPath.set(path, kept);
      byRead.set(read, kept);
    },
    unchanged: <T>(path: string, found: Inode, read: () => T): T => {
      const before = contents.get(path);
      if (before !== undefined && sameInode(before.stats, found) && lasts(before.since)) return before.value as T;
      contents.delete(path);
      const value = read();
      const at = now();
      if (!isYoung(found, at)) contents.set(path, { stats: found, since: at, value });
      return value;
    },
    joined: (before, after) => {
      const key = `${before}\0${after}`;
      const known = joined.get(key) ?? new Map<string, string>();
      joined.set(key, known);
      return known;
    },
    derived: (read, make) => {
      const kept = byRead.get(read);
      if (kept === undefined) return make();
      kept.made ??= { value: make() };
      return kept.made.value as ReturnType<typeof make>;
    },
    untouched: <T extends Touchable>(key: string, read: () => Source<T>): Source<T> => {
      const kept = readings.get(key);
      if (kept !== undefined && lasts(kept.since) && kept.value.touched() === 'no') {
        return { status: 'known', value: kept.value as T };
      }
      readings.delete(key);
      const fresh = read();
      if (fresh.status === 'known') readings.set(key, { value: fresh.value, since: now() });
      return fresh;
    },
  };
}

/** `derived` also where nothing is kept. */
export function derivedBy(known: KnownFiles | undefined): KnownFiles['derived'] {
  return known?.derived ?? ((_read, make) => make());
}

/** Changed so shortly before it was read that another change since could show no other time. */
function isYoung({ mtimeMs, ctimeMs }: Inode, at: number): boolean {
  return at - Math.max(mtimeMs, ctimeMs) < YOUNG_MS;
}

function sameInode(a: Inode, b: Inode): boolean {
  return (
    a.ino === b.ino &&
    a.mtimeMs === b.mtimeMs &&
    a.ctimeMs === b.ctimeMs &&
    a.size === b.size &&
    a.dev === b.dev &&
    a.uid === b.uid &&
    a.mode === b.mode
  );
}
