/** Processes that race for one lease: real files, the real flock(1), killed while they hold it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leasePath } from '../../src/reconcile/lease/file.ts';
import type { RacerLine, RacerTask } from './racer.ts';
import { chooseSeed, report, rounds } from './suite.ts';

const SEED = chooseSeed();
/** Takings of each process in a race. */
const TIMES = rounds(25, 1_000);
const started = performance.now();
const directory = mkdtempSync(join(tmpdir(), 'fleet-race-'));
const racer = join(directory, 'racer.mjs');
const counts = { takings: 0, 'killed while holding': 0, 'taken away': 0, 'two at once': 0, failed: 0 };

beforeAll(() => {
  const entry = join(import.meta.dirname, 'racer.ts');
  buildSync({ entryPoints: [entry], outfile: racer, bundle: true, platform: 'node', format: 'esm' });
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  const violations = counts['two at once'] + counts.failed;
  const seconds = (performance.now() - started) / 1000;
  report({ suite: 'lease races', rounds: counts.takings, violations, seed: SEED, seconds, counts });
});

/** A process that is killed is followed by another, as a person would run apply again. */
async function runRacer(task: RacerTask): Promise<readonly RacerLine[]> {
  const lines: RacerLine[] = [];
  for (let left = task.times, turn = 0; left > 0; turn++) {
    const words = JSON.stringify({ ...task, times: left, seed: task.seed + turn * 1_000 });
    const child = spawn(process.execPath, [racer, words], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    for await (const chunk of child.stdout) text += String(chunk);
    const said: RacerLine[] = text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    lines.push(...said);
    if (said.at(-1)?.event !== 'dying') break;
    left -= said.filter((line) => line.event === 'got').length;
  }
  return lines;
}

interface Race {
  readonly takers: number;
  readonly breakers: number;
  readonly locks: readonly ('flock' | 'record')[];
  readonly dies: number;
}

async function race(name: string, { takers, breakers, locks, dies }: Race): Promise<readonly RacerLine[]> {
  const home = join(directory, name);
  const path = leasePath(home, 'here');
  const base = { path, times: Math.ceil(TIMES / Math.sqrt(takers)), dies, inside: join(directory, `${name}.inside`) };
  const tasks = Array.from({ length: takers + breakers }, (_, index): RacerTask => {
    const role = index < takers ? 'taker' : 'breaker';
    return { ...base, role, lock: locks[index % locks.length] ?? 'flock', seed: SEED + index * 100_000 };
  });
  const all = (await Promise.all(tasks.map(runRacer))).flat();
  const count = (event: RacerLine['event']): number => all.filter((line) => line.event === event).length;
  counts.takings += count('got');
  counts['killed while holding'] += count('dying');
  counts['taken away'] += count('released');
  counts.failed += count('failed');
  // Who was told to let go is inside for as long as its one effect lasts: only then may two be.
  if (breakers === 0) counts['two at once'] += count('two-inside');
  expect(readdirSync(dirname(path)).filter((file) => !/^lease(\.wanted)?$/.test(file))).toEqual([]);
  return all;
}

/** How often it happens that a holder dies, or has its lease taken away, is chance: raced again until it has. */
async function raceUntil(event: 'dying' | 'released', name: string, what: Race): Promise<readonly RacerLine[][]> {
  const races: RacerLine[][] = [];
  for (let happened = false; !happened; ) {
    const lines = await race(`${name}-${races.length}`, what);
    races.push([...lines]);
    happened = lines.some((line) => line.event === event);
    if (races.length === 20) break;
  }
  return races;
}

const of = <E extends RacerLine['event']>(lines: readonly RacerLine[], event: E): Extract<RacerLine, { event: E }>[] =>
  lines.filter((line): line is Extract<RacerLine, { event: E }> => line.event === event);

describe.each([
  ['the kernel’s lock', 'flock', ['flock']],
  ['records alone', 'record', ['record']],
  ['both side by side', 'mixed', ['flock', 'record']],
] as const)(`with %s (seed ${SEED})`, (_, name, locks) => {
  test.each([2, 8])('of %i processes that are killed at any time, one is inside at any moment', async (takers) => {
    const races = await raceUntil('dying', `${name}-${takers}`, { takers, breakers: 0, locks, dies: 0.2 });
    for (const lines of races) {
      const fences = of(lines, 'got').map((line) => line.fence);
      expect([of(lines, 'failed'), of(lines, 'two-inside'), of(lines, 'lost')]).toEqual([[], [], []]);
      expect(new Set(fences).size).toBe(fences.length);
    }
    expect(of(races.flat(), 'dying').length).toBeGreaterThan(0);
  });

  test('a lease is lost by those alone whose own id was released', async () => {
    const races = await raceUntil('released', `${name}-broken`, { takers: 4, breakers: 4, locks, dies: 0 });
    for (const lines of races) {
      const fences = of(lines, 'got').map((line) => line.fence);
      const released = new Set(of(lines, 'released').map((line) => line.id));
      expect(of(lines, 'failed')).toEqual([]);
      expect(of(lines, 'lost').filter((line) => !released.has(line.id))).toEqual([]);
      expect(released.size).toBe(of(lines, 'released').length);
      expect(new Set(fences).size).toBe(fences.length);
    }
    expect(of(races.flat(), 'released').length).toBeGreaterThan(0);
  });
});
