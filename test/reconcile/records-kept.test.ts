/** What the inventory has of an agent that is off the roster stays until its session is known to be gone. */
import { expect, test } from 'vitest';
import * as seen from '../diff/world.ts';
import { FLEET, MOSAIC } from './rosters.ts';
import { World } from './world.ts';

const tmux = (world: World) => {
  const { tmux } = world.truth.sources;
  if (tmux.status !== 'known') throw new Error('tmux unknown');
  return tmux.value;
};

/** coder was started by fleet, and is off the roster; `happens`, then the rest is applied. */
async function recordAfter(yaml: string, happens: (world: World, pid: number) => void) {
  const world = new World(yaml);
  world.dropSession('coder');
  await world.apply();
  const record = world.memory().sessions['coder'];
  expect(world.memory().owned['session/coder']).toMatchObject({ state: 'made' });
  world.moveTo({ ...world.roster, agents: world.roster.agents.filter(({ name }) => name !== 'coder') });
  happens(world, record?.server.pid ?? 0);
  await world.apply();
  return [world.memory().owned['session/coder'] !== undefined, world.memory().sessions['coder'] !== undefined];
}

const answersAs = (world: World, pid: number): void => {
  const { server } = seen.tmuxOf(world.truth);
  if (server.state === 'running') server.pid = pid;
};
const drop = (world: World): void => world.dropSession('coder');
const KEPT = [true, true];
const GONE = [false, false];

test.each<[string, string, (world: World, pid: number) => void, readonly boolean[]]>([
  ['its session is gone', FLEET, drop, GONE],
  ['its session is gone, layout mosaic', MOSAIC, drop, GONE],
  [
    'its server lives in another directory',
    FLEET,
    (world, pid) => {
      drop(world);
      answersAs(world, pid + 1);
      tmux(world).elsewhere = [{ path: '/run/x/tmux-1000/f', pid }];
    },
    KEPT,
  ],
  [
    'its server lives, and answered nowhere',
    FLEET,
    (world, pid) => {
      drop(world);
      answersAs(world, pid + 1);
      tmux(world).server_processes = [{ pid, started_ms: 0 }];
    },
    KEPT,
  ],
  ['it has another name, and our mark', FLEET, (world) => Object.assign(world.session('coder'), { name: 'x' }), KEPT],
  ['it has another name, layout mosaic', MOSAIC, (world) => Object.assign(world.session('coder'), { name: 'x' }), KEPT],
])('%s', async (_what, yaml, happens, kept) => {
  expect(await recordAfter(yaml, happens)).toEqual(kept);
});

test('of an agent that is stopped and gone nothing says where it was', async () => {
  const world = new World(FLEET);
  world.dropSession('coder');
  await world.apply();
  const agents = world.roster.agents.map((a) => (a.name === 'coder' ? { ...a, state: 'stopped' as const } : a));
  world.moveTo({ ...world.roster, agents });
  await world.apply();
  expect(world.has('coder')).toBe(false);
  await world.apply();
  expect([world.memory().owned['session/coder'], world.memory().sessions['coder']]).toEqual([undefined, undefined]);
});
