import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { parseStat } from '../../src/observe/proc/entry.ts';
import { readProcessTable } from '../../src/observe/proc/table.ts';
import { sys } from '../../src/observe/system-calls.ts';

const root = mkdtempSync(join(tmpdir(), 'fleet-proc-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const REST = 'S 1 7 7 34823 9 4194304 1 1 0 0 0 0 0 0 20 0 1 0 716147 0 0';

/** A directory that looks like /proc, with these stat lines by pid. */
function fakeProc(
  name: string,
  stats: Readonly<Record<string, string | null>>,
  uptime: string | null = '100.25 1.00\n',
): string {
  const directory = join(root, name);
  mkdirSync(directory);
  if (uptime !== null) writeFileSync(join(directory, 'uptime'), uptime);
  for (const [pid, stat] of Object.entries(stats)) {
    mkdirSync(join(directory, pid));
    if (stat !== null) writeFileSync(join(directory, pid, 'stat'), stat);
  }
  return directory;
}

describe('a stat line', () => {
  test('is read field by field', () => {
    expect(parseStat(`42 (pi) ${REST}`)).toEqual({
      pid: 42,
      comm: 'pi',
      image: null,
      state: 'S',
      ppid: 1,
      pgrp: 7,
      session: 7,
      tty_nr: 34823,
      tpgid: 9,
      start_time: 716147,
    });
  });

  test.each(['x) R 1 (y', ')', '(', ' a b ', ')) (', ''])(
    'is parsed after the last ")": a command named %j',
    (comm) => {
      expect(parseStat(`42 (${comm}) ${REST}`)).toMatchObject({
        pid: 42,
        comm,
        state: 'S',
        ppid: 1,
        start_time: 716147,
      });
    },
  );

  test.each(['', 'nonsense', '42 (pi) S 1', '42 pi S 1 7 7'])('that is torn is none: %j', (line) => {
    expect(parseStat(line)).toBeNull();
  });
});

describe('the table', () => {
  test('holds this process, its parent and its start, and knows children', async () => {
    // The shell's name is a trap for every parser that looks for the first ")".
    const child = spawn('sh', ['-c', 'printf "x) R 1 (y" >/proc/self/comm; echo ready; read x'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const source = readProcessTable(Date.now);
      if (source.status === 'unknown') throw new Error(source.detail);
      const table = source.value;
      expect(table.entries.get(process.pid)).toMatchObject({ ppid: process.ppid, uid: process.geteuid?.() });
      expect(table.children(process.pid)).toContain(child.pid);
      expect(table.entries.get(child.pid ?? 0)).toMatchObject({ comm: 'x) R 1 (y', ppid: process.pid });

      const ticks = table.entries.get(process.pid)?.start_time ?? 0;
      const started = table.booted_at_ms + (ticks * 1000) / table.clock_ticks_per_second;
      // Node's own count begins when its runtime is up, some time after the process itself began.
      const own = Date.now() - process.uptime() * 1000;
      expect(own - started).toBeGreaterThan(-50);
      expect(own - started).toBeLessThan(1500);
    } finally {
      child.stdin.end();
    }
  });

  test('costs well under a fifth of a millisecond a process', () => {
    const costs = [1, 2, 3, 4, 5].map(() => {
      const before = performance.now();
      const source = readProcessTable(Date.now);
      const count = source.status === 'known' ? source.value.entries.size : 0;
      return (performance.now() - before) / count;
    });
    expect(Math.min(...costs)).toBeLessThan(0.2);
  });

  test('takes the boot time from the clock it is given and /proc/uptime', () => {
    const source = readProcessTable(() => 1_700_000_000_000, fakeProc('boot', { 1: `1 (init) ${REST}` }));
    expect(source).toMatchObject({ status: 'known', value: { booted_at_ms: 1_700_000_000_000 - 100_250 } });
  });

  test('passes over processes that end while it is read', () => {
    const source = readProcessTable(() => 0, fakeProc('ended', { 1: `1 (init) ${REST}`, 5: null }));
    expect(source.status === 'known' && [...source.value.entries.keys()]).toEqual([1]);
  });

  test.each(['EIO', 'EMFILE', 'EACCES'])('is unknown where it cannot be told whose a process is (%s)', (code) => {
    const directory = fakeProc(`owners-${code}`, { 1: `1 (init) ${REST}`, 5: `5 (tmux: server) ${REST}` });
    const { stat } = sys;
    const spy = vi.spyOn(sys, 'stat').mockImplementation((path) => {
      if (path.endsWith('/5')) throw Object.assign(new Error(code), { code });
      return stat(path);
    });
    try {
      expect(readProcessTable(() => 0, directory)).toMatchObject({ status: 'unknown' });
    } finally {
      spy.mockRestore();
    }
    const source = readProcessTable(() => 0, directory);
    expect(source.status === 'known' && source.value.entries.get(5)?.uid).toBe(statSync(directory).uid);
  });

  test('is unknown, not empty, where /proc cannot be listed', () => {
    expect(readProcessTable(() => 0, join(root, 'nowhere'))).toMatchObject({ status: 'unknown', why: 'io' });
  });

  test('is unknown where other processes are hidden (hidepid)', () => {
    const source = readProcessTable(() => 0, fakeProc('hidden', { 77: `77 (sh) ${REST}` }));
    expect(source).toMatchObject({ status: 'unknown', why: 'denied', detail: expect.stringContaining('hidepid') });
  });

  test('is unknown where a stat line cannot be understood, or the uptime is none', () => {
    expect(readProcessTable(() => 0, fakeProc('garbage', { 1: 'nonsense' }))).toMatchObject({ why: 'garbage' });
    const noClock = fakeProc('noclock', { 1: `1 (init) ${REST}` }, 'soon\n');
    expect(readProcessTable(() => 0, noClock)).toMatchObject({ status: 'unknown', why: 'garbage' });
    expect(readProcessTable(() => 0, fakeProc('nouptime', {}, null))).toMatchObject({ status: 'unknown', why: 'io' });
  });
});
