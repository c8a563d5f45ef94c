/**
 * The roster as a file. Renamed into place it is read at once; written in place it could be met half-way, and half a
 * roster can be a valid one, so such a file is read when it has not moved for a moment.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { loadRoster } from '../../spec/load.ts';
import { MAX_ROSTER_BYTES, parseRoster } from '../../spec/roster.ts';
import { invalid, type ReadRoster, type RosterRead } from './candidate.ts';

/** Milliseconds since its last change after which a file that is written in place counts as finished. */
const SETTLED_MS = 100;

interface Opened {
  readonly bytes: Uint8Array;
  readonly ino: number;
  readonly modifiedMs: number;
}

/** `path` is absolute; positions in diagnostics show it. `now` is Unix milliseconds. */
export function fileRoster(path: string, now: () => number): ReadRoster {
  let inode: number | null = null;
  return async (inForce): Promise<RosterRead> => {
    const opened = open(path);
    if (opened === null) {
      // Not to be opened, or no regular file: the loader says why, in its own words.
      const loaded = loadRoster(path);
      return loaded.ok ? { state: 'unsettled' } : invalid(loaded.error);
    }
    const age = now() - opened.modifiedMs;
    // A file from the future has settled, whatever its time says.
    const moving = age >= 0 && age < SETTLED_MS;
    if (moving && opened.ino === inode) return { state: 'unsettled' };
    const parsed = parseRoster(opened.bytes, path);
    if (!parsed.ok) return moving ? { state: 'unsettled' } : invalid(parsed.error);
    inode = opened.ino;
    if (inForce !== null && inForce.roster.sha256 === parsed.value.sha256) return { state: 'same' };
    const text = Buffer.from(opened.bytes).toString('utf8');
    return { state: 'read', version: { roster: parsed.value, text, commit: null } };
  };
}

function open(path: string): Opened | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return null;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) return null;
    const buffer = Buffer.alloc(MAX_ROSTER_BYTES + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = readSync(fd, buffer, length, buffer.length - length, null);
    }
    return { bytes: buffer.subarray(0, length), ino: stat.ino, modifiedMs: fstatSync(fd).mtimeMs };
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}
