/**
 * The controller, the holder of the tmux server, the user's manager and the host, restarted one right after the other in
 * every order. Four orders have each of them right before each other one once; the long form has all twenty-four.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LONG } from '../chaos/suite.ts';
import { bootControlled, type Controlled } from './harness/controlled.ts';
import { describeOnHost } from './harness/on-host.ts';

const PARTS = ['controller', 'holder', 'manager', 'host'] as const;
type Part = (typeof PARTS)[number];

const PAIRS: readonly (readonly Part[])[] = [
  ['controller', 'holder', 'host', 'manager'],
  ['holder', 'manager', 'controller', 'host'],
  ['manager', 'host', 'holder', 'controller'],
  ['host', 'controller', 'manager', 'holder'],
];
const permutations = (parts: readonly Part[]): readonly (readonly Part[])[] =>
  parts.length === 0
    ? [[]]
    : parts.flatMap((first) => permutations(parts.filter((part) => part !== first)).map((rest) => [first, ...rest]));

describeOnHost('restarted in every order', () => {
  const agents = ['alpha', 'beta', 'gamma'];
  let fleet: Controlled;

  beforeAll(async () => {
    fleet = await bootControlled({ user: 'edith', agents, restart: '{ backoff: 1s, max_backoff: 1s }' });
    const installed = await fleet.host.fleet(fleet.user, ['install', '-f', 'fleet.yaml']);
    expect([installed.code, installed.stderr]).toEqual([0, '']);
    await fleet.well();
  });
  afterAll(async () => {
    await fleet?.destroy();
  });

  const restart = async (part: Part): Promise<void> => {
    const { host, user } = fleet;
    switch (part) {
      case 'controller':
        return void (await fleet.systemctl('restart', 'fleet.service'));
      case 'holder':
        return void (await fleet.systemctl('restart', 'fleet-tmux.service'));
      case 'manager':
        await host.mustRoot(['systemctl', 'restart', `user@${host.uid(user)}.service`]);
        return host.managerSettled(user);
      case 'host':
        await host.reboot();
        return host.managerSettled(user);
    }
  };

  test.each(LONG ? permutations(PARTS) : PAIRS)('%s, then %s, %s and %s', async (...order) => {
    await fleet.makeForeign();
    const before = await fleet.starts();
    const [panes, foreign] = [await fleet.panes(), await fleet.foreign()];
    let ended = 0;
    for (const part of order) {
      await restart(part);
      if (part === 'manager' || part === 'host') ended += 1;
      // What does not end the agents ends nobody's sessions.
      if (ended > 0) continue;
      expect(await fleet.panes()).toEqual(panes);
      expect(await fleet.foreign()).toBe(foreign);
    }
    await fleet.well();
    const after = await fleet.starts();
    const now = await fleet.panes();
    for (const agent of agents) {
      const starts = (after[agent]?.length ?? 0) - (before[agent]?.length ?? 0);
      expect([agent, starts]).toEqual([agent, ended]);
      expect([agent, now[agent]]).toEqual([agent, after[agent]?.at(-1)]);
    }
  });
});
