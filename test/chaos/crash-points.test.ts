/**
 * The real `fleet apply -y` killed by SIGKILL before, during and after every effect of every workload, as the journal of an
 * undisturbed run tells them, on a real tmux. Each apply is killed once and the next one goes on, until one ends by itself:
 * so every point is met with whatever the kills before it left. Then all must be as if nothing had happened.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WORKLOADS, type Workload } from './crash-workloads.ts';
import { buildFleet, KilledFleet } from './killed-fleet.ts';
import { chooseSeed, LONG, progress, randomFrom, report, rounds } from './suite.ts';

const MOMENTS = ['noted', 'begun', 'doing', 'done', 'made', 'ended', 'closing', 'closed'] as const;
/** A chain ends when an apply does: more kills than a workload has points mean that it does not get on. */
const MAX_KILLS = 120;
const MAX_CHAINS = 12;

const seed = LONG ? chooseSeed() : null;
const started = Date.now();
let dist: string;
let kills = 0;
let violations = 0;
const counts: Record<string, number> = {};

beforeAll(() => {
  dist = buildFleet();
}, 120_000);
afterAll(() => {
  rmSync(dist, { recursive: true, force: true });
  const seconds = (Date.now() - started) / 1000;
  report({ suite: 'crash points', rounds: kills, violations, seed, seconds, counts });
});

/** A fleet of its own, brought to where the workload begins. */
async function begin(workload: Workload): Promise<KilledFleet> {
  const fleet = new KilledFleet(dist);
  try {
    fleet.roster(workload.before);
    if (workload.before.length > 0) expect(await fleet.apply()).toMatchObject({ code: 0 });
    fleet.makeForeign();
    workload.change(fleet);
    fleet.forgetMoments();
    return fleet;
  } catch (error) {
    fleet.close();
    throw error;
  }
}

interface Reference {
  readonly state: string;
  /** `MOMENT ADDRESS ACTION`, each once. */
  readonly points: ReadonlySet<string>;
}

async function undisturbed(workload: Workload): Promise<Reference> {
  const fleet = await begin(workload);
  try {
    await killUntilDone(fleet, workload, () => ({}));
    const points = fleet.moments().map((m) => `${m.name} ${m.address} ${m.action}`);
    await expectSettled(fleet, workload);
    return { state: homeless(fleet), points: new Set(points) };
  } finally {
    fleet.close();
  }
}

/** Paths of the home differ from fleet to fleet. */
function homeless(fleet: KilledFleet): string {
  // The fingerprint of a spec is made of such paths, too.
  const text = JSON.stringify(fleet.state(), null, 1).replaceAll(fleet.home, '~');
  return text.replaceAll(/\b[0-9a-f]{32}\b/g, 'spec');
}

async function expectSettled(fleet: KilledFleet, { flags = [] }: Workload): Promise<void> {
  const plan = await fleet.run(['plan', '--detailed-exitcode', ...flags.filter((flag) => flag !== '-y')]);
  expect(plan).toMatchObject({ code: 0, stderr: '' });
}

/** Kills each command as `at` says until it ends by itself; how often that was. `nth`: of the workload's commands. */
async function killUntilDone(
  fleet: KilledFleet,
  { first = [], flags = [] }: Workload,
  at: (nth: number) => Readonly<Record<string, string>>,
): Promise<number> {
  let killed = 0;
  for (const [nth, command] of [...first, ['apply', '-y', ...flags]].entries()) {
    for (let ended = await fleet.run(command, at(nth)); ; ended = await fleet.run(command, at(nth))) {
      if (ended.signal !== 'SIGKILL') {
        expect(ended).toMatchObject({ code: 0 });
        break;
      }
      killed += 1;
      if (killed > MAX_KILLS) throw new Error(`killed ${MAX_KILLS} times, and still not done`);
    }
  }
  return killed;
}

async function chain(
  workload: Workload,
  reference: Reference,
  at: (nth: number) => Readonly<Record<string, string>>,
): Promise<number> {
  const fleet = await begin(workload);
  try {
    const foreign = fleet.foreign();
    const killed = await killUntilDone(fleet, workload, at);
    kills += killed;
    await expectSettled(fleet, workload);
    expect(homeless(fleet)).toBe(reference.state);
    expect(fleet.foreign()).toBe(foreign);
    return killed;
  } catch (error) {
    violations += 1;
    throw error;
  } finally {
    fleet.close();
  }
}

/** Points that were met; of each command in a file of its own, since another one's may be called the same. */
function spentIn(files: readonly string[]): ReadonlySet<string> {
  const there = files.filter((file) => existsSync(file));
  return new Set(there.flatMap((file) => readFileSync(file, 'utf8').split('\n').filter(Boolean)));
}

/** Chains of one kind of moment, until each of the undisturbed run was met or no other comes. */
async function everyPoint(workload: Workload, reference: Reference, moment: string): Promise<readonly string[]> {
  const wanted = [...reference.points].filter((point) => point.startsWith(`${moment} `));
  const name = `${workload.name.replaceAll(' ', '-')}-${moment}`;
  const spent = [...(workload.first ?? []), 'apply'].map((_, nth) => join(dist, `spent-${name}-${nth}`));
  let met = spentIn(spent);
  for (let chains = 0; chains < MAX_CHAINS; chains += 1) {
    const before = met.size;
    const killed = await chain(workload, reference, (nth) => ({ TEST_KILL: moment, TEST_SPENT: spent[nth] ?? '' }));
    counts[moment] = (counts[moment] ?? 0) + killed;
    met = spentIn(spent);
    if (wanted.every((point) => met.has(point)) || met.size === before) break;
  }
  return wanted.filter((point) => !met.has(point));
}

describe.skipIf(LONG)('every point', () => {
  test.concurrent.each(WORKLOADS.map((w) => [w.name, w] as const))('%s', async (_name, workload) => {
    const reference = await undisturbed(workload);
    const effects = [...reference.points].filter((point) => point.startsWith('begun '));
    expect(effects.length).toBeGreaterThanOrEqual(8);
    for (const moment of MOMENTS) expect(await everyPoint(workload, reference, moment)).toEqual([]);
  });
});

describe.runIf(LONG)('random points', () => {
  test.concurrent.each(WORKLOADS.map((w, index) => [w.name, w, index] as const))(
    '%s',
    async (name, workload, index) => {
      const random = randomFrom((seed ?? 0) + index);
      const reference = await undisturbed(workload);
      const wanted = Math.ceil(rounds(0, 10_000) / WORKLOADS.length);
      for (let killed = 0; killed < wanted; ) {
        const at = () => ({ TEST_KILL: `${1 + Math.floor(random() * 24)} ${Math.floor(random() ** 2 * 60)}` });
        killed += await chain(workload, reference, at);
        counts[name] = killed;
        progress('crash points', `${kills} kills without violation: ${JSON.stringify(counts)}`);
      }
    },
  );
});
