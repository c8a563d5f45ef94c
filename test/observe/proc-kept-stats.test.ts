/** Stat lines by descriptors that stay open, held against the same lines read anew. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { type KeptStats, keptStats } from '../../src/observe/proc/kept-stats.ts';
import { type LastTable, type ProcessTable, readProcessTable } from '../../src/observe/proc/table.ts';

const settles = <T>(assertion: () => T): Promise<T> => vi.waitFor(assertion, { timeout: 20_000, interval: 10 });

const children: ChildProcess[] = [];
const opened: KeptStats[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const stats of opened.splice(0)) stats.close();
});

function memory(most?: number): LastTable & { readonly stats: KeptStats } {
  const stats = most === undefined ? keptStats() : keptStats(most);
  opened.push(stats);
  return { stats, bootedAtMs: null };
}

function shell(script: string): ChildProcess & { readonly pid: number } {
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  if (child.pid === undefined) throw new Error('no process');
  return Object.assign(child, { pid: child.pid });
}

function tableOf(before?: LastTable, root = '/proc'): ProcessTable {
  const source = readProcessTable(Date.now, root, before);
  if (source.status === 'unknown') throw new Error(source.detail);
  return source.value;
}

/** Descriptors of this process that lead to a stat line. */
const held = (): number =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^\/proc\/\d+\/stat$/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;

test('what a process is by now is seen at the next look, as reading anew sees it', async () => {
  const before = memory();
  const child = shell('echo ready; read x; exec sleep 600');
  await once(child.stdout ?? child, 'data');
  const told = () => {
    const [kept, fresh] = [tableOf(before).entries.get(child.pid), tableOf().entries.get(child.pid)];
    expect(kept?.uid).toBe(fresh?.uid);
    expect({ ...kept }).toEqual((({ uid: _, ...rest } = { ...fresh, uid: 0 }) => rest)());
    return kept;
  };
  const first = told();
  expect(told()).toBe(first);
  child.kill('SIGSTOP');
  await settles(() => expect(told()).toMatchObject({ state: 'T', comm: 'sh' }));
  child.kill('SIGCONT');
  child.stdin?.write('\n');
  await settles(() => expect(told()).toMatchObject({ state: 'S', comm: 'sleep' }));
  expect(told()).not.toBe(first);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(tableOf(before).entries.has(child.pid)).toBe(false);
});

test.runIf(process.getuid?.() === 0)('whose a process is, is told anew: it may have become another user', async () => {
  const before = memory();
  const script =
    'import os, sys; print("ready", flush=True); sys.stdin.readline(); os.setresuid(1, 1, 1); print("is", flush=True); sys.stdin.readline()';
  const child = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  const uid = () => tableOf(before).entries.get(child.pid ?? 0)?.uid;
  expect(uid()).toBe(0);
  child.stdin.write('\n');
  await once(child.stdout, 'data');
  expect(uid()).toBe(1);
});

test('the number of one that has ended may be another process by now, of which its entry tells nothing', () => {
  const root = mkdtempSync(join(tmpdir(), 'fleet-kept-'));
  const line = (pid: number, comm: string) =>
    `${pid} (${comm}) S 1 7 7 34823 9 4194304 1 1 0 0 0 0 0 0 20 0 1 0 716147 0 0`;
  try {
    writeFileSync(join(root, 'uptime'), '100.25 1.00\n');
    for (const pid of [1, 5]) {
      mkdirSync(join(root, String(pid)));
      writeFileSync(join(root, String(pid), 'stat'), line(pid, 'old'));
    }
    const before = memory();
    expect(tableOf(before, root).entries.get(5)?.comm).toBe('old');
    writeFileSync(join(root, '5', 'stat'), line(5, 'two'));
    const entry = tableOf(before, root).entries.get(5);
    expect(entry?.comm).toBe('two');
    writeFileSync(join(root, '5', 'stat'), 'nonsense');
    expect(readProcessTable(Date.now, root, before)).toMatchObject({ status: 'unknown', why: 'garbage' });
    writeFileSync(join(root, '5', 'new'), line(5, 'new'));
    renameSync(join(root, '5', 'new'), join(root, '5', 'stat'));
    expect(tableOf(before, root).entries.get(5)?.comm).toBe('new');
    // Its directory is there, and its descriptor's number is another file's.
    expect(entry?.uid).toBe(-1);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('no more descriptors are kept than was said, and none of what has ended', async () => {
  const none = held();
  const few = memory(3);
  tableOf(few);
  expect(held()).toBe(none + 3);
  expect(tableOf(few).entries.size).toBeGreaterThan(3);
  const all = memory();
  const many = Array.from({ length: 20 }, () => shell('echo ready; read x'));
  await Promise.all(many.map((child) => once(child.stdout ?? child, 'data')));
  tableOf(all);
  const most = held();
  for (const child of many) child.kill('SIGKILL');
  await Promise.all(many.map((child) => once(child, 'exit')));
  tableOf(all);
  expect(held()).toBeLessThanOrEqual(most - 20);
  few.stats.close();
  all.stats.close();
  expect(held()).toBe(none);
});

test('the moment of the boot stays as it was told while the kernel tells the same', () => {
  const before = memory();
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (let look = 0; look < 20; look += 1) {
    const { booted_at_ms } = tableOf(before);
    [least, most] = [Math.min(least, booted_at_ms), Math.max(most, booted_at_ms)];
  }
  expect(most - least).toBeLessThanOrEqual(10);
  const later = readProcessTable(() => Date.now() + 5_000, '/proc', before);
  expect(later.status === 'known' && later.value.booted_at_ms - most).toBeGreaterThan(4_000);
});
