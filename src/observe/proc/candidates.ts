/** Which processes are what a pane shows: those in the foreground of its terminal. */

import type { ProcessDetails } from './details.ts';
import type { ProcessEntry } from './entry.ts';
import { baseName } from './interpreters.ts';
import { makesOwnTerminal } from './programs.ts';
import type { ProcessTable } from './table.ts';

export interface Foreground {
  /** From the pane's own process down, the nearest to it first. Zombies are not among them. */
  readonly candidates: readonly ProcessEntry[];
  /** Stopped jobs (state T) on the same terminal that are not in its foreground. */
  readonly stopped: readonly ProcessEntry[];
}

/**
 * The pane's process; its descendants whose controlling terminal is the pane's and whose process group is that
 * terminal's foreground group; and processes without a terminal whose standard input is the pane's. Tools that an agent
 * starts have a session of their own, no terminal, and /dev/null as input: they are none of these.
 */
export function findForeground(
  root: ProcessEntry,
  tty: string | null,
  table: ProcessTable,
  details: ProcessDetails,
): Foreground {
  const candidates: ProcessEntry[] = [];
  const stopped: ProcessEntry[] = [];
  for (const entry of descendants(root, table)) {
    if (isGone(entry)) continue;
    if (entry === root || isForeground(entry, root)) {
      candidates.push(entry);
      if (makesOwnTerminal(baseName(details.exe(entry.pid) ?? ''))) {
        const inner = findInnerForeground(entry, table, details);
        candidates.push(...inner.candidates);
        stopped.push(...inner.stopped);
      }
    } else if (entry.tty_nr === 0 && tty !== null && details.fd0(entry.pid) === tty) candidates.push(entry);
    else if (entry.tty_nr === root.tty_nr && entry.state === 'T') stopped.push(entry);
  }
  return { candidates, stopped };
}

/**
 * Processes that have lost both their terminal and their parent, and still read the pane: `setsid pi` from a wrapper.
 * They are in no tree, so all processes of that user without a terminal are asked, once a table.
 */
export function findStrays(
  root: ProcessEntry,
  tty: string | null,
  table: ProcessTable,
  details: ProcessDetails,
): readonly ProcessEntry[] {
  if (tty === null) return [];
  const strays = inputsOf(root.uid, table, details).get(tty) ?? [];
  if (strays.length === 0) return [];
  const known = new Set(descendants(root, table).map((entry) => entry.pid));
  return strays.filter((entry) => !known.has(entry.pid) && !isGone(entry));
}

export function isGone(entry: ProcessEntry): boolean {
  return entry.state === 'Z' || entry.state === 'X' || entry.state === 'x';
}

function isForeground(entry: ProcessEntry, root: ProcessEntry): boolean {
  return entry.tty_nr !== 0 && entry.tty_nr === root.tty_nr && entry.pgrp === root.tpgid;
}

/** `script` is followed into the terminal that it made for its child. */
function findInnerForeground(script: ProcessEntry, table: ProcessTable, details: ProcessDetails): Foreground {
  const inner = table
    .children(script.pid)
    .map((pid) => table.entries.get(pid))
    .find((child) => child !== undefined && child.tty_nr !== 0 && child.tty_nr !== script.tty_nr && !isGone(child));
  return inner === undefined ? { candidates: [], stopped: [] } : findForeground(inner, null, table, details);
}

/** The root first, then level by level. */
function descendants(root: ProcessEntry, table: ProcessTable): readonly ProcessEntry[] {
  const found: ProcessEntry[] = [root];
  // As nearly all of a thousand are.
  if (table.children(root.pid).length === 0) return found;
  const seen = new Set([root.pid]);
  for (let i = 0; i < found.length; i++) {
    for (const pid of table.children(found[i]?.pid ?? -1)) {
      const child = table.entries.get(pid);
      if (child === undefined || seen.has(pid)) continue;
      seen.add(pid);
      found.push(child);
    }
  }
  return found;
}

type Inputs = ReadonlyMap<string, readonly ProcessEntry[]>;
const inputs = new WeakMap<ProcessTable, Map<number, Inputs>>();

/** Processes of a user that have no terminal, by the terminal that they read all the same. */
function inputsOf(uid: number, table: ProcessTable, details: ProcessDetails): Inputs {
  const byUser = inputs.get(table) ?? new Map<number, Inputs>();
  inputs.set(table, byUser);
  const known = byUser.get(uid);
  if (known !== undefined) return known;
  const byTerminal = new Map<string, ProcessEntry[]>();
  for (const entry of table.entries.values()) {
    // Children of process 2 are the kernel's own threads: they have no files.
    if (entry.tty_nr !== 0 || entry.ppid === 2 || entry.uid !== uid) continue;
    const input = details.fd0(entry.pid);
    if (input?.startsWith('/dev/') !== true || input === '/dev/null') continue;
    byTerminal.set(input, [...(byTerminal.get(input) ?? []), entry]);
  }
  byUser.set(uid, byTerminal);
  return byTerminal;
}
