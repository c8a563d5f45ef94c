/** Each field of the roster changed, and changed back, with rosters between that are refused. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Roster } from '../../src/spec/model.ts';
import { parseRoster } from '../../src/spec/roster.ts';
import * as seen from '../diff/world.ts';
import { tmuxLacking } from '../reconcile/real-host.ts';
import { World } from '../reconcile/world.ts';
import { onHosts } from './hosts.ts';
import { pick, type Random } from './random.ts';
import { BASE, CHANGES, type FieldCase, INVALID, type RosterDocument } from './roster-fields.ts';
import { BEFORE, REAL_CHANGES, realRosterRound } from './rosters-real.ts';
import { chooseSeed, randomFrom, report, rounds } from './suite.ts';

const SEED = chooseSeed();
const IN_MEMORY = rounds(180, 900);
const ON_TMUX = rounds(20, 100);
/** Hosts side by side: rounds mostly wait. */
const HOSTS = 3;
const counts: Record<string, number> = {};
const violations: string[] = [];
let done = 0;
const began = Date.now();
const count = (what: string, n = 1) => {
  counts[what] = (counts[what] ?? 0) + n;
};

afterAll(() => {
  const seconds = (Date.now() - began) / 1000;
  report({ suite: 'rosters', rounds: done, violations: violations.length, seed: SEED, seconds, counts });
});

const parse = (document: RosterDocument) =>
  parseRoster(new TextEncoder().encode(JSON.stringify(document)), 'fleet.yaml');
function valid(document: RosterDocument): Roster | null {
  const parsed = parse(document);
  return parsed.ok ? parsed.value : null;
}

const POLICY = { ...seen.POLICY, prune: true, evenIfBusy: true, evenIfAttached: true };

/** Applies until nothing is left to change; at most three times, for changes that bring others to light. */
async function settle(world: World): Promise<readonly string[]> {
  for (let pass = 0; pass < 3; pass += 1) {
    const plan = world.plan({ policy: POLICY });
    if (plan.changes.length === 0) return seen.lines(plan);
    const { summary } = await world.apply({ plan, policy: POLICY });
    count('applied', summary.applied);
  }
  return [...seen.lines(world.plan({ policy: POLICY })), 'it does not come to rest'];
}

/** All that is wanted of a host: files, units, and what runs in which session; not by which process or id. */
function stateOf(world: World): string {
  const files = [...world.disk]
    .filter(([path]) => !path.includes('/.local/state/'))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const units = world
    .units()
    .filter((u) => u.active_state !== 'inactive' || u.unit_file_state.startsWith('enabled'))
    .map((u) => [u.name, u.active_state, u.unit_file_state, u.wanted_by]);
  const { tmux } = world.truth.sources;
  const servers = tmux.status === 'known' ? tmux.value.servers : [];
  const sessions = servers.flatMap(({ socket, server }) =>
    server.state === 'running'
      ? server.sessions.map((s) => [
          socket,
          s.name,
          s.mark?.owner,
          s.mark?.agent,
          s.mark?.spec,
          s.panes.map((p) => (p.runs.verdict === 'runtime' ? p.runs.runtime : p.runs.verdict)),
        ])
      : [],
  );
  const sorted = (list: readonly unknown[]) => list.map((x) => JSON.stringify(x)).toSorted();
  return JSON.stringify({ files, units: sorted(units), sessions: sorted(sessions) }, null, 1);
}

const BASES: readonly RosterDocument[] = [
  { ...BASE, layout: 'fleet' },
  { ...BASE, supervisor: 'none' },
  { ...BASE, layout: 'fleet', agents: BASE.agents.map((a) => ({ ...a, class: 'old', wave: 1 })) },
];

async function oneRound(field: FieldCase, random: Random): Promise<string | null> {
  const base = pick(random, BASES);
  const agent = Math.floor(random() * base.agents.length);
  const from = valid(base);
  const to = valid(field.change(base, agent));
  if (from === null) throw new Error('the base is no roster');
  // `boot` without a supervisor, and the like: refused, which is a case of its own.
  if (to === null) return refusedAltogether(field, base, agent);
  const world = new World(JSON.stringify(base));
  await settle(world);
  const before = stateOf(world);
  world.use(to);
  const left = await settle(world);
  if (left.includes('it does not come to rest')) return `${field.label}: ${left.join(' | ')}`;
  count(left.some((line) => line.startsWith('blocked')) ? 'refused by a guard' : 'reached');
  const steps = world.steps.length;
  const invalid = pick(random, INVALID);
  if (parse(invalid.change(base, agent)).ok) return `${invalid.label} passes for a roster`;
  count('invalid between');
  await settle(world);
  if (world.steps.length !== steps) return `${field.label}: a second apply did something`;
  world.use(from);
  const back = await settle(world);
  const after = stateOf(world);
  if (back.some((line) => !/^(unmanaged|warning)/.test(line))) return `${field.label}, back: ${back.join(' | ')}`;
  return after === before ? null : `${field.label}: ${difference(before, after)}`;
}

function refusedAltogether(field: FieldCase, base: RosterDocument, agent: number): null {
  count('no roster with this base');
  expect([field.label, parse(field.change(base, agent)).ok]).toEqual([field.label, false]);
  return null;
}

function difference(before: string, after: string): string {
  const was = new Set(before.split('\n'));
  const is = new Set(after.split('\n'));
  const lost = [...was].filter((line) => !is.has(line));
  const new_ = [...is].filter((line) => !was.has(line));
  return `lost ${lost.join().slice(0, 500)}; new ${new_.join().slice(0, 500)}`;
}

describe('in memory', () => {
  test('each change reaches the new state, or is refused by name; the way back ends where it began', async () => {
    for (let round = 0; round < IN_MEMORY; round += 1) {
      const field = CHANGES[round % CHANGES.length];
      if (field === undefined) throw new Error('no change');
      const why = await oneRound(field, randomFrom(SEED + round));
      if (why !== null) violations.push(`seed ${SEED}, round ${round}, ${field.field}: ${why}`);
      done += 1;
    }
    expect(violations).toEqual([]);
    expect(IN_MEMORY).toBeGreaterThanOrEqual(CHANGES.length);
  });

  test('whatever a field may not be is refused', () => {
    const passed = INVALID.filter(({ change }) => parse(change(BASES[0] ?? BASE, 1)).ok).map((c) => c.label);
    expect(passed).toEqual([]);
  });
});

describe('on a real tmux', () => {
  test('each change reaches the new state; an invalid roster has no effect; the way back ends where it began', async ({
    skip,
  }) => {
    const lacking = tmuxLacking();
    if (lacking !== null) skip(lacking);
    const broken: string[] = [];
    await onHosts(
      { hosts: HOSTS, rounds: ON_TMUX, agents: BEFORE, hurry: 10 },
      async (host, round) => {
        const [field, change] = REAL_CHANGES[round % REAL_CHANGES.length] ?? ['', ''];
        const why = await realRosterRound(host, change, randomFrom(SEED + round));
        if (why !== null) broken.push(`seed ${SEED}, round ${round} on tmux, ${field}: ${why}`);
        count('on tmux');
        done += 1;
      },
      async (host) => {
        mkdirSync(join(host.home, 'wd'));
        await host.apply(await host.plan(), 50);
      },
    );
    violations.push(...broken);
    expect(broken).toEqual([]);
  });
});
