import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { ProcessDetails } from '../../src/observe/proc/details.ts';
import { readProcessDetails } from '../../src/observe/proc/details.ts';
import type { ProcessEntry } from '../../src/observe/proc/entry.ts';
import { knownProcesses } from '../../src/observe/proc/known.ts';
import { buildTable, readProcessTable } from '../../src/observe/proc/table.ts';

const NOW = 1_000_000_000;
const entry = (changes: Partial<ProcessEntry> = {}): ProcessEntry => ({
  pid: 7,
  ppid: 1,
  pgrp: 7,
  session: 7,
  tty_nr: 0,
  tpgid: -1,
  state: 'S',
  start_time: 100,
  comm: 'pi',
  image: '94873:140730298832880',
  uid: 0,
  ...changes,
});
const tableOf = (...entries: readonly ProcessEntry[]) =>
  buildTable(NOW - 3_600_000, new Map(entries.map((e) => [e.pid, e])));

/** Answers that count how often each was asked for. */
function counting() {
  const asked: string[] = [];
  const details: ProcessDetails = {
    exe: () => {
      asked.push('exe');
      return '/bin/pi';
    },
    cmdline: () => {
      asked.push('cmdline');
      return ['pi'];
    },
    environ: () => {
      asked.push('environ');
      return { status: 'known', value: new Map() };
    },
    cwd: () => {
      asked.push('cwd');
      return { status: 'known', value: '/' };
    },
    fd0: () => null,
    ending: () => null,
  };
  const look = (from: ProcessDetails) => {
    asked.length = 0;
    from.exe(7);
    from.cmdline(7);
    from.environ(7);
    from.cwd(7);
    return [...asked];
  };
  return { details, look };
}

const EVERYTHING = ['exe', 'cmdline', 'environ', 'cwd'];

test('what a process was started as is read once; where it is now is read every time', () => {
  const { details, look } = counting();
  const known = knownProcesses();
  expect(look(known.over(details, tableOf(entry()), NOW))).toEqual(EVERYTHING);
  expect(look(known.over(details, tableOf(entry()), NOW + 60_000))).toEqual(['cwd']);
});

test.each([
  ['another process with its pid', { start_time: 101 }],
  ['another program by exec', { image: '94873:140730298832881' }],
  ['another name', { comm: 'sh' }],
])('%s is read anew', (_what, changes) => {
  const { details, look } = counting();
  const known = knownProcesses();
  look(known.over(details, tableOf(entry()), NOW));
  expect(look(known.over(details, tableOf(entry(changes)), NOW + 1))).toEqual(EVERYTHING);
});

test.each([
  ['has just begun', { start_time: 359_500 }],
  ['may not be known by us', { image: null }],
  ['is a zombie', { state: 'Z' }],
])('a process that %s is never known', (_what, changes) => {
  const { details, look } = counting();
  const known = knownProcesses();
  for (const at of [NOW, NOW + 1]) expect(look(known.over(details, tableOf(entry(changes)), at))).toEqual(EVERYTHING);
});

test('everything is read again after ten minutes, and where the clock was set back', () => {
  const { details, look } = counting();
  const known = knownProcesses();
  look(known.over(details, tableOf(entry()), NOW));
  expect(look(known.over(details, tableOf(entry()), NOW + 600_000))).toEqual(EVERYTHING);
  expect(look(known.over(details, tableOf(entry()), NOW - 1))).toEqual(EVERYTHING);
});

test('an answer that could not be had is asked for again', () => {
  const { details } = counting();
  const known = knownProcesses();
  const denied: ProcessDetails = {
    ...details,
    exe: () => null,
    environ: () => ({ status: 'unknown', why: 'denied', detail: '' }),
  };
  const first = known.over(denied, tableOf(entry()), NOW);
  expect([first.exe(7), first.environ(7).status]).toEqual([null, 'unknown']);
});

test('the kernel tells an exec: the same process, another image', async () => {
  const imageOf = (pid: number): string | null => {
    const table = readProcessTable(Date.now);
    return table.status === 'known' ? (table.value.entries.get(pid)?.image ?? null) : null;
  };
  const begun = async () => {
    const child = spawn('sh', ['-c', 'echo ready; read line; exec cat'], { stdio: 'pipe' });
    await once(child.stdout, 'data');
    return child;
  };
  let child = await begun();
  // One stack in two thousand lies where those lie that are not random.
  if (imageOf(child.pid ?? 0) === null) {
    child.kill('SIGKILL');
    child = await begun();
  }
  const pid = child.pid ?? 0;
  try {
    const before = imageOf(pid);
    expect(before).not.toBe(null);
    expect(imageOf(pid)).toBe(before);
    child.stdin.write('go\nhello\n');
    await once(child.stdout, 'data');
    expect(readProcessDetails().exe(pid)).toContain('cat');
    expect(imageOf(pid)).not.toBe(before);
  } finally {
    child.kill('SIGKILL');
  }
});

test('without address randomization an exec moves nothing: then nothing is kept', async ({ skip }) => {
  skip(spawnSync('setarch', ['-R', 'true']).status !== 0, 'this machine lets nobody switch address randomization off');
  const child = spawn('setarch', ['-R', 'sh', '-c', 'echo ready; read line'], { stdio: 'pipe' });
  try {
    await once(child.stdout, 'data');
    const table = readProcessTable(Date.now);
    if (table.status !== 'known') throw new Error(table.detail);
    expect(table.value.entries.get(child.pid ?? 0)).toMatchObject({ comm: 'sh', image: null });
  } finally {
    child.kill('SIGKILL');
  }
});

test('what could not be told is asked again at the next look, of what reads then', () => {
  const known = knownProcesses();
  const table = tableOf(entry());
  const { details } = counting();
  const denied = { status: 'unknown', why: 'denied', detail: 'EMFILE' } as const;
  // As the real ones: what one look was told, a failure too, it is told all along.
  const failing: ProcessDetails = { ...details, exe: () => null, cmdline: () => null, environ: () => denied };
  const first = known.over(failing, table, NOW);
  expect([first.exe(7), first.cmdline(7), first.environ(7)]).toEqual([null, null, denied]);
  const second = known.over(details, table, NOW + 1_000);
  expect([second.exe(7), second.cmdline(7), second.environ(7).status]).toEqual(['/bin/pi', ['pi'], 'known']);
  const third = known.over(failing, table, NOW + 2_000);
  expect([third.exe(7), third.cmdline(7), third.environ(7).status]).toEqual(['/bin/pi', ['pi'], 'known']);
});
