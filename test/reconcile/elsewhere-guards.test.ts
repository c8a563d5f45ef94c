/** The last look before an agent is brought up asks for it everywhere, as the plan did: one may have come up meanwhile. */
import { describe, expect, test } from 'vitest';
import type { Observed } from '../../src/observe/state.ts';
import { running, socket } from '../diff/rows.ts';
import * as seen from '../diff/world.ts';
import { told } from './records.ts';
import { FLEET, MOSAIC } from './rosters.ts';
import { World } from './world.ts';

const tmux = (world: World) => {
  const { tmux } = world.truth.sources;
  if (tmux.status !== 'known') throw new Error('tmux unknown');
  return tmux.value;
};
/** coder, as it is where all is well, on a socket that the roster does not name. */
const comesUpAway = (world: World, changes: object = {}): void => {
  const well = seen.healthy(world.roster);
  const copy = structuredClone(seen.session(well, 'coder'));
  const { processes } = world.truth.sources;
  const pid = copy.panes[0]?.pid ?? 0;
  if (processes.status === 'known') processes.value.processes[String(pid)] = seen.processOf(well, pid);
  socket('away', running(Object.assign(copy, changes)))(world.truth as seen.Mutable<Observed>);
};

describe.each([
  ['fleet', FLEET],
  ['mosaic', MOSAIC],
])('layout %s: between plan and effect', (_layout, yaml) => {
  test('the agent came up on another socket: no second one is started', async () => {
    const world = new World(yaml);
    world.dropSession('coder');
    const plan = world.plan();
    comesUpAway(world);
    const result = await world.apply({ plan });
    expect(told(result)).toEqual(['skipped start session/coder stale']);
    expect(result.outcomes[0]).toMatchObject({ detail: expect.stringMatching(/socket away, session coder \(\$\d+\)/) });
    expect(world.steps).toEqual([]);
  });

  test('nobody can tell any more who listens where: it is not started', async () => {
    const world = new World(yaml);
    world.dropSession('coder');
    const plan = world.plan();
    tmux(world).unseen_servers = { status: 'unknown', why: 'io', detail: 'EMFILE' };
    expect(told(await world.apply({ plan }))).toEqual(['failed start session/coder unobserved']);
    expect(world.steps).toEqual([]);
  });

  test('what is wrong with one that is there is mended though others cannot be seen, and not where it lives twice', async () => {
    const world = new World(yaml);
    world.runs('coder', { verdict: 'shell', pid: 2000, program: 'bash' });
    const plan = world.plan();
    tmux(world).unseen_servers = { status: 'unknown', why: 'io', detail: 'EMFILE' };
    expect(told(await world.apply({ plan }))).toEqual(['applied restart session/coder']);

    const twice = new World(yaml);
    twice.runs('coder', { verdict: 'shell', pid: 2000, program: 'bash' });
    const planned = twice.plan();
    comesUpAway(twice);
    expect(told(await twice.apply({ plan: planned }))).toEqual(['skipped restart session/coder stale']);
    expect(twice.steps).toEqual([]);
  });
});

test('a unit that is started beside its session takes that one over, whatever lives elsewhere', async () => {
  const world = new World(FLEET);
  Object.assign(world.agentUnit('coder'), { active_state: 'failed', result: 'exit-code' });
  const plan = world.plan();
  comesUpAway(world);
  expect(told(await world.apply({ plan }))).toEqual(['applied start unit/fleet-agent@coder.service']);
});

test('a unit is not started beside its session any more where that has ended: it would bring it up uncounted', async () => {
  const world = new World(FLEET);
  Object.assign(world.agentUnit('coder'), { active_state: 'failed', result: 'exit-code' });
  const plan = world.plan();
  world.dropSession('coder');
  expect(told(await world.apply({ plan }))).toEqual(['skipped start unit/fleet-agent@coder.service stale']);
  expect(world.steps).toEqual([]);
});

test('a unit is not started where tmux cannot be asked any more: its agent may live anywhere', async () => {
  const world = new World(FLEET);
  Object.assign(world.agentUnit('coder'), { active_state: 'failed', result: 'exit-code' });
  const plan = world.plan();
  world.truth.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'no answer' };
  expect(told(await world.apply({ plan }))).toEqual(['failed start unit/fleet-agent@coder.service unobserved']);
  expect(world.steps).toEqual([]);
});

test("somebody else's session of that name on another socket changes nothing", async () => {
  const world = new World(FLEET);
  world.dropSession('coder');
  const plan = world.plan();
  comesUpAway(world, { mark: { owner: 'theirs', agent: 'coder', spec: null, pane: null } });
  expect(told(await world.apply({ plan }))).toEqual(['applied start session/coder']);
});

describe('the server that the inventory has it on', () => {
  async function away() {
    const world = new World(FLEET);
    world.dropSession('coder');
    await world.apply();
    world.dropSession('coder');
    const pid = world.memory().sessions['coder']?.server.pid ?? 0;
    return { world, pid };
  }

  test('lives and was not found, since the plan: it is not started', async () => {
    const { world, pid } = await away();
    const plan = world.plan();
    const [server] = tmux(world).servers;
    if (server?.server.state === 'running') server.server.pid = pid + 1;
    tmux(world).server_processes = [{ pid, started_ms: 0 }];
    expect(told(await world.apply({ plan }))).toEqual(['failed start session/coder unobserved']);
    expect(world.has('coder')).toBe(false);
  });

  test('lives in another directory, since the plan: it is not started', async () => {
    const { world, pid } = await away();
    const plan = world.plan();
    const [server] = tmux(world).servers;
    if (server?.server.state === 'running') server.server.pid = pid + 1;
    tmux(world).elsewhere = [{ path: '/run/x/tmux-1000/f', pid }];
    const result = await world.apply({ plan });
    expect(told(result)).toEqual(['skipped start session/coder stale']);
    expect(result.outcomes[0]).toMatchObject({ detail: `coder lives on the tmux server ${pid} at /run/x/tmux-1000/f` });
  });
});
