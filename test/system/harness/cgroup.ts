/**
 * A control group of its own for each host. systemd-nspawn, told to keep its unit, boots into the child `payload` of the
 * group that it is in: two hosts in one group would be two systemds that tidy up one tree.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

interface Hierarchy {
  readonly id: string;
  readonly path: string;
}

/** Directories named `name` below this process's own groups, in the hierarchies that systemd uses (v1 name=systemd, v2). */
export function makeGroups(name: string): readonly string[] {
  const mounts = mountedHierarchies();
  const groups = ownHierarchies().flatMap(({ id, path }) => {
    const mount = mounts.get(id);
    return mount === undefined ? [] : [join(mount, path, name)];
  });
  for (const group of groups) mkdirSync(group, { recursive: true });
  return groups;
}

/** Removes the groups and what systemd left below them. Fails silently where a process is still in one. */
export function removeGroups(groups: readonly string[]): void {
  for (const group of groups) removeTree(group);
}

function removeTree(group: string): void {
  try {
    for (const entry of readdirSync(group, { withFileTypes: true })) {
      if (entry.isDirectory()) removeTree(join(group, entry.name));
    }
    rmdirSync(group);
  } catch {
    // busy, or gone already: the next run of the harness tries again
  }
}

function ownHierarchies(): readonly Hierarchy[] {
  return readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (controllers === undefined || path === undefined) return [];
      return controllers === '' || controllers === 'name=systemd' ? [{ id: controllers, path }] : [];
    });
}

function mountedHierarchies(): ReadonlyMap<string, string> {
  const mounts = new Map<string, string>();
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const point = left.split(' ')[4];
    const [type, , options = ''] = right.split(' ');
    if (point === undefined) continue;
    if (type === 'cgroup2') mounts.set('', point);
    if (type === 'cgroup' && options.split(',').includes('name=systemd')) mounts.set('name=systemd', point);
  }
  return mounts;
}
