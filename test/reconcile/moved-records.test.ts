/** Which of fleet's own records make a saved plan stale: those that anything but this very plan wrote or took away. */
import { expect, test } from 'vitest';
import { type SavedPlan, savePlan } from '../../src/diff/saved-plan.ts';
import { inventoryPath } from '../../src/reconcile/inventory.ts';
import { renderInventory } from '../../src/reconcile/inventory-format.ts';
import { movedRecords } from '../../src/reconcile/moved-records.ts';
import * as seen from '../diff/world.ts';
import { FLEET, NO_SUPERVISOR } from './rosters.ts';
import { World } from './world.ts';

const POLICY = { ...seen.POLICY, prune: true, evenIfBusy: true };

/** A fleet that fleet itself made whole, whose roster then lost `coder`; and the plan that removes it. */
async function orphaned(yaml: string): Promise<{ readonly world: World; readonly plan: SavedPlan }> {
  const world = new World(yaml);
  for (const { name } of world.roster.agents) world.dropSession(name);
  await world.apply();
  world.use(seen.roster(yaml.replace('  - { name: coder }\n', '')));
  const plan = world.plan({ policy: POLICY });
  expect(plan.changes.map((c) => c.agent)).toContain('coder');
  return { world, plan: savePlan({ plan, policy: POLICY, memory: world.memory(), rosterFile: '/r' }) };
}

function moved(world: World, plan: SavedPlan): readonly string[] {
  const { roster } = world;
  return movedRecords(plan, { roster, home: seen.HOME, observed: world.look(), memory: world.memory() });
}

test.each([
  ['supervisor none', NO_SUPERVISOR],
  ['systemd', FLEET],
])('a plan that took things away can be made twice: its records went with them (%s)', async (_, yaml) => {
  const { world, plan } = await orphaned(yaml);
  expect(moved(world, plan)).toEqual([]);
  const first = await world.apply({ plan, policy: POLICY });
  expect(first.outcomes.filter((o) => o.outcome !== 'applied')).toEqual([]);
  expect(moved(world, plan)).toEqual([]);
  const steps = world.steps.length;
  const again = await world.apply({ plan, policy: POLICY });
  expect(again.summary.skipped['already-satisfied']).toBe(plan.changes.length);
  expect(world.steps.length).toBe(steps);
});

test.each(['session/coder', 'env-file/coder', 'env-file/coder.argv'])(
  'a record that somebody took away while the thing is there still is one that moved: %s',
  async (key) => {
    const { world, plan } = await orphaned(NO_SUPERVISOR);
    const { [key]: gone, ...owned } = world.memory().owned;
    expect(gone).toBeDefined();
    const path = inventoryPath(seen.HOME, 'w-jarvis', world.roster.fleet);
    world.put(path, renderInventory(1_000, { ...world.memory(), owned }));
    world.disk.delete(path.replace('inventory.json', 'journal.jsonl'));
    expect(moved(world, plan)).toEqual([`the inventory's record of ${key} was removed since it was planned`]);
  },
);

test('what another plan wrote has moved; what this one wrote has not', async () => {
  const world = new World(NO_SUPERVISOR);
  await world.apply();
  world.dropSession('coder');
  const plan = savePlan({ plan: world.plan(), policy: seen.POLICY, memory: world.memory(), rosterFile: '/r' });
  await world.apply({ plan });
  expect(moved(world, plan)).toEqual([]);
  world.dropSession('coder');
  world.clock += 60_000;
  await world.apply();
  const other = world.memory().sessions['coder']?.plan?.slice(0, 12);
  expect(moved(world, plan)).toEqual([
    `the inventory's record of coder was written by plan ${other} since it was planned`,
    `the inventory's record of session/coder was written by plan ${other} since it was planned`,
  ]);
});
