/** What is made of answers about units, looked at again and again, held against what is made of them alone. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listUnitsByPatterns } from '../../src/observe/systemd/bus-questions.ts';
import { knownUnits } from '../../src/observe/systemd/known-units.ts';
import { WireReader, WireWriter } from '../../src/observe/systemd/marshal.ts';
import { askManager } from '../../src/observe/systemd/units.ts';
import type { UnitDetails, UnitListing, UserManager } from '../../src/observe/systemd/user-instance.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import { ok } from '../../src/spec/result.ts';

const LAYOUT = layoutOf('fleet');
const AGENTS = ['a', 'b', 'c'];
const REQUEST = { layout: LAYOUT, agents: AGENTS, uid: 0, runtimeDirectory: '/nowhere', deadlineMs: 1000 };
const NAMES = [LAYOUT.holderUnit, ...AGENTS.map((agent) => LAYOUT.agentUnit(agent))];
const LISTING: UnitListing = { load_state: 'loaded', active_state: 'active', sub_state: 'exited', job: null };
const DETAIL: UnitDetails = {
  need_daemon_reload: false,
  result: 'success',
  fragment_path: '/f',
  drop_in_paths: [],
  requires: [],
  binds_to: [],
  part_of: [],
};

interface World {
  readonly listings: ReadonlyMap<string, UnitListing>;
  readonly details: ReadonlyMap<string, UnitDetails>;
  readonly state: string;
}

const calm: World = {
  listings: new Map(NAMES.map((name) => [name, LISTING])),
  details: new Map(NAMES.map((name) => [name, DETAIL])),
  state: 'enabled',
};

function managerOf({ listings, details, state }: World): UserManager {
  return {
    overview: async () => ok({ version: '252', environment: [], unitPath: [], loadedAt: null }),
    loaded: async () => ok(listings),
    list: async (names) => ok(new Map(names.map((name) => [name, { ...LISTING, load_state: 'not-found' }]))),
    details: async (units) => ok(new Map([...units.keys()].map((name) => [name, details.get(name) ?? DETAIL]))),
    unitFileStates: async (names) => ok(new Map(names.map((name) => [name, state]))),
    targets: async () => ok({ start: 'default.target', pulls: new Map() }),
    close: () => undefined,
  };
}

async function unitsIn(world: World, last = knownUnits()) {
  const seen = await askManager(REQUEST, managerOf(world), undefined, last);
  if (seen.status === 'unknown') throw new Error(seen.detail);
  last.sweep();
  return seen.value.units;
}

test('units of which nothing changed are the very objects of before', async () => {
  const last = knownUnits();
  const before = await unitsIn(calm, last);
  const failed = new Map([...calm.listings, [NAMES[1] ?? '', { ...LISTING, active_state: 'failed' }]]);
  const after = await unitsIn({ ...calm, listings: failed }, last);
  expect(NAMES.map((name) => after[name] === before[name])).toEqual([true, false, true, true]);
  expect(after[NAMES[1] ?? '']?.active_state).toBe('failed');
});

const word = fc.constantFrom('x', 'y');
const worlds = fc.array(
  fc.record({
    listings: fc
      .array(
        fc.tuple(
          fc.constantFrom(...NAMES),
          fc.record({ load_state: word, active_state: word, sub_state: word, job: fc.option(word) }),
        ),
      )
      .map((list) => new Map(list)),
    details: fc
      .array(
        fc.tuple(
          fc.constantFrom(...NAMES),
          fc.record({ ...constants(DETAIL), result: word, requires: fc.array(word) }),
        ),
      )
      .map((list) => new Map(list)),
    state: word,
  }),
  { minLength: 2, maxLength: 6 },
);

function constants<T extends object>(of: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, fc.constant(value)])) as never;
}

test('are told as by one that remembers nothing, whatever changes', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async (looks) => {
      const last = knownUnits();
      for (const world of looks) expect(await unitsIn(world, last)).toEqual(await unitsIn(world));
    }),
    { numRuns: 200 },
  );
});

/** An answer to ListUnitsByPatterns. */
function answer(states: readonly string[]): Buffer {
  const writer = new WireWriter();
  writer.beginMessage();
  const size = writer.uint32(0);
  writer.align(8);
  const start = writer.length;
  for (const [at, state] of states.entries()) {
    writer.align(8);
    for (const text of [`u${at}.service`, '', 'loaded', state, 'exited', '', '/']) writer.string(text);
    writer.uint32(0);
    for (const text of ['', '/']) writer.string(text);
  }
  writer.patch(size, writer.length - start);
  return writer.take();
}

test('an answer of the same bytes is the same list, and no other is', () => {
  const last = knownUnits();
  const ask = (bytes: Buffer) => {
    const reader = new WireReader(bytes, 0, bytes.length);
    const value = last.sameBytes(listUnitsByPatterns(['*'])).read(reader);
    return { value, isWhole: !reader.broken && reader.atEnd };
  };
  const first = ask(answer(['active', 'failed']));
  expect(first).toMatchObject({ isWhole: true, value: [{ active_state: 'active' }, { active_state: 'failed' }] });
  expect(ask(answer(['active', 'failed'])).value).toBe(first.value);
  expect(ask(answer(['active', 'active'])).value).toMatchObject([
    { active_state: 'active' },
    { active_state: 'active' },
  ]);
  // Torn: neither believed nor kept.
  const torn = answer(['active', 'failed']).subarray(0, -5);
  expect(ask(torn).isWhole).toBe(false);
  expect(ask(torn).isWhole).toBe(false);
  expect(ask(answer(['active', 'failed']))).toEqual(first);
});
