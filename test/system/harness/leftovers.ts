/**
 * What a host leaves on this machine if its test run is killed: nothing that runs and no mount (keeper.ts), but a
 * directory and empty control groups. They are removed by the next run, which finds their owner dead.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { removeGroups } from './cgroup.ts';
import { startOf } from './processes.ts';

const PREFIX = 'fleet-host-';

interface Owner {
  readonly pid: number;
  readonly start: string;
  readonly groups: readonly string[];
}

/** A directory for one host, marked as this process's. */
export function makeDirectory(groupsOf: (name: string) => readonly string[]): {
  readonly path: string;
  readonly groups: readonly string[];
} {
  const path = mkdtempSync(join(tmpdir(), PREFIX));
  const groups = groupsOf(basename(path));
  const owner: Owner = { pid: process.pid, start: startOf(process.pid) ?? '', groups };
  writeFileSync(join(path, 'owner.json'), JSON.stringify(owner));
  return { path, groups };
}

export function removeDirectory(path: string, groups: readonly string[]): void {
  removeGroups(groups);
  rmSync(path, { recursive: true, force: true });
}

/** Removes what dead runs left. A directory whose owner lives, or cannot be told, is left alone. */
export function reapLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const path = join(tmpdir(), name);
    const owner = readOwner(path);
    if (owner !== null && startOf(owner.pid) !== owner.start) removeDirectory(path, owner.groups);
  }
}

function readOwner(path: string): Owner | null {
  try {
    return JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8')) as Owner;
  } catch {
    return null;
  }
}
