/**
 * Unit files and links as they lie in the manager's directories now. The manager's own word on them is as old as its
 * last daemon-reload: measured on systemd 252, the property UnitFileState stays `enabled` after the link was deleted.
 */
import { type Dirent, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import type { Source, Unknown, UnknownCode } from '../state.ts';
import { sys } from '../system-calls.ts';

export interface UnitLinks {
  /** Units in whose `.wants`, `.requires` or `.upholds` directories `unit` is linked, by name, sorted. */
  readonly wantedBy: (unit: string) => readonly string[];
  /** Every instance of the template that has a file or a link of its own, sorted. */
  readonly found: readonly string[];
  /**
   * Equal for two instances of one template where all that lies on the disk for them differs by their names alone;
   * systemd computes the state of a unit file from nothing else.
   */
  readonly likeness: (unit: string) => string;
  /** Paths of what the manager may have loaded: unit directories, the services in them, their drop-in directories. */
  readonly files: readonly string[];
  /** All that was found, as text: equal for two readings between which nothing changed. */
  readonly fingerprint: () => string;
  /**
   * Whether the directories were changed since they were read: a link that comes, goes or is replaced changes its own.
   * `perhaps`: one was changed so shortly before that its time tells nothing; only another reading does.
   */
  readonly touched: () => 'yes' | 'no' | 'perhaps';
}

/** One entry of a `.wants`, `.requires` or `.upholds` directory. */
interface Pull {
  readonly unit: string;
  /** `default.target` of `default.target.wants`. */
  readonly by: string;
  /** `default.target.wants`. */
  readonly directory: string;
  /** Place of the unit directory in the search path; less is more important. */
  readonly rank: number;
  /** What the link says; null where the entry is no link, which systemd ignores. */
  readonly destination: string | null;
}

const SERVICE = /(^|\.)service(\.d)?$/;
const PULL_DIRECTORY = /^(.+)\.(wants|requires|upholds)$/;

interface DiskEntries {
  readonly pulls: Pull[];
  /** Units that have a file or link of their own in a unit directory, or are what such a link leads to. */
  readonly named: Set<string>;
  /** Units that have a drop-in directory of their own. */
  readonly droppedInto: Set<string>;
  readonly files: string[];
  readonly stamps: Map<string, Stamp>;
}

/** Of a directory, before it was read. */
interface Stamp {
  /** Device, inode and time of the last change; '' where it is not there. */
  readonly identity: string;
  /** Changed so lately that a change after the reading could bear the same time (the kernel's clock ticks every 4 ms). */
  readonly fresh: boolean;
}

const FRESH_MS = 50;

/** `unitPath` is the manager's own, the most important first; `isInstance` tells the template's instances. */
export function readUnitLinks(
  unitPath: readonly string[],
  template: string,
  isInstance: (unit: string) => boolean,
): Source<UnitLinks> {
  const entries: DiskEntries = {
    pulls: [],
    named: new Set(),
    droppedInto: new Set(),
    files: [],
    stamps: new Map(),
  };
  for (const [rank, directory] of unitPath.entries()) {
    const trouble = readUnitDirectory(directory, rank, entries);
    if (trouble !== null) return trouble;
  }
  return { status: 'known', value: unitLinks(entries, template, isInstance) };
}

function readUnitDirectory(
  directory: string,
  rank: number,
  { pulls, named, droppedInto, files, stamps }: DiskEntries,
): Unknown | null {
  const stamp = stampOf(directory);
  stamps.set(directory, stamp);
  // Most are not there: an error costs more than all of one that is.
  const entries = stamp.identity === '' ? [] : list(directory);
  if ('status' in entries) return entries;
  files.push(directory);
  for (const entry of entries) {
    const path = `${directory}/${entry.name}`;
    const by = PULL_DIRECTORY.exec(entry.name)?.[1];
    if (by === undefined) {
      if (entry.name.endsWith('.d')) droppedInto.add(entry.name.slice(0, -'.d'.length));
      else named.add(entry.name);
      if (SERVICE.test(entry.name)) files.push(path);
      if (!entry.isSymbolicLink()) continue;
      const target = readLink(path);
      if (typeof target === 'object' && target !== null) return target;
      named.add(basename(target ?? entry.name));
      continue;
    }
    stamps.set(path, stampOf(path));
    const inside = list(path);
    if ('status' in inside) return inside;
    for (const pulled of inside) {
      const destination = pulled.isSymbolicLink() ? readLink(`${path}/${pulled.name}`) : null;
      if (typeof destination === 'object' && destination !== null) return destination;
      pulls.push({ unit: pulled.name, by, directory: entry.name, rank, destination });
    }
  }
  return null;
}

function unitLinks(entries: DiskEntries, template: string, isInstance: (unit: string) => boolean): UnitLinks {
  const { pulls, named, droppedInto, files, stamps } = entries;
  const byUnit = new Map<string, Pull[]>();
  const add = (unit: string, pull: Pull) => {
    const known = byUnit.get(unit);
    if (known === undefined) byUnit.set(unit, [pull]);
    else known.push(pull);
  };
  for (const pull of pulls) {
    add(pull.unit, pull);
    const aliased = pull.destination === null ? pull.unit : basename(pull.destination);
    if (aliased !== pull.unit) add(aliased, pull);
  }
  const stands = (unit: string) => named.has(unit) || droppedInto.has(unit) || !isInstance(unit);
  return {
    wantedBy: remembered((unit) => wantedBy(unit, byUnit.get(unit) ?? [])),
    files,
    fingerprint: () => JSON.stringify([pulls, [...named], [...droppedInto]]),
    touched: () => {
      if ([...stamps].some(([path, stamp]) => stampOf(path).identity !== stamp.identity)) return 'yes';
      return [...stamps.values()].some((stamp) => stamp.fresh) ? 'perhaps' : 'no';
    },
    found: [...new Set([...byUnit.keys(), ...named])].filter(isInstance).toSorted(),
    likeness: remembered((unit) => (stands(unit) ? unit : `${template}\n${likeness(unit, byUnit.get(unit) ?? [])}`)),
  };
}

function remembered<T>(tell: (unit: string) => T): (unit: string) => T {
  const told = new Map<string, T>();
  return (unit) => {
    const known = told.get(unit) ?? tell(unit);
    told.set(unit, known);
    return known;
  };
}

function stampOf(path: string): Stamp {
  try {
    const found = sys.stat(path);
    if (found === null) return { identity: '', fresh: false };
    // Both times: the first can be set by anybody, to the future too, where it would stand for all that comes after it.
    const identity = `${found.dev} ${found.ino} ${found.mtimeMs} ${found.ctimeMs}`;
    return { identity, fresh: Math.abs(Date.now() - found.ctimeMs) < FRESH_MS };
  } catch (error) {
    // What it means that it cannot be looked at is told by listing it.
    return { identity: codeOf(error), fresh: false };
  }
}

/** A link to /dev/null takes back the link of the same name in less important directories. */
function wantedBy(unit: string, pulls: readonly Pull[]): readonly string[] {
  const first = new Map<string, Pull>();
  for (const pull of pulls) {
    if (pull.unit !== unit || pull.destination === null) continue;
    const before = first.get(pull.directory);
    if (before === undefined || pull.rank < before.rank) first.set(pull.directory, pull);
  }
  const wanting = [...first.values()].filter((pull) => pull.destination !== '/dev/null').map((pull) => pull.by);
  return [...new Set(wanting)].toSorted();
}

function likeness(unit: string, pulls: readonly Pull[]): string {
  return pulls
    .map((pull) => `${pull.rank} ${pull.directory} ${pull.unit} ${pull.destination ?? ''}`.replaceAll(unit, '%n'))
    .toSorted()
    .join('\n');
}

/** A directory that does not exist holds nothing; one that cannot be read is not known to. */
function list(directory: string): readonly Dirent[] | Unknown {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return [];
    return unreadable(`cannot list ${directory}`, code);
  }
}

/** Null where it went away in between, or was replaced by what is no link. */
function readLink(path: string): string | null | Unknown {
  try {
    return sys.readlink(path);
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' || code === 'EINVAL' ? null : unreadable(`cannot read the link ${path}`, code);
  }
}

function unreadable(what: string, code: string): Unknown {
  const why: UnknownCode = code === 'EACCES' || code === 'EPERM' ? 'denied' : 'io';
  return { status: 'unknown', why, detail: `${what}: ${code}` };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
