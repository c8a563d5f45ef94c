/** Saved plans on a host with real units: made once, made twice without effect, and left alone where a unit moved. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSuccess, type Fleet, fleetOn } from './harness/fleet.ts';
import { bootHost } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';
import { snapshot, withoutState } from './harness/snapshot.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const USER = 'friday';
const ROSTER = `/home/${USER}/fleet.yaml`;
const PLAN = `/home/${USER}/plan.json`;
const unitOf = (agent: string): string => `fleet-agent@${agent}.service`;

describeOnHost('saved plans in layout fleet', () => {
  let fleet: Fleet;
  const write = (agents: readonly string[]): Promise<void> =>
    fleet.host.write(USER, 'fleet.yaml', stubRoster({ layout: 'fleet', socket: 'saved', agents, more: [] }));
  const systemctl = (...args: readonly string[]): Promise<string> =>
    fleet.host.mustAs(USER, ['systemctl', '--user', ...args]);
  const save = (...flags: readonly string[]) => fleet.run(['plan', '-f', ROSTER, '-o', PLAN, ...flags]);
  const applyIt = () => fleet.run(['apply', '-y', PLAN]);
  const twice = async (): Promise<void> => {
    expectSuccess(await applyIt());
    const after = withoutState(await snapshot(fleet.host, USER));
    const again = await applyIt();
    expectSuccess(again);
    expect(again.stdout).toMatch(
      /\nApplied 0 changes, \d+ skipped \(already-satisfied\)\. Nothing was left to do\.\n$/,
    );
    expect(withoutState(await snapshot(fleet.host, USER))).toEqual(after);
  };

  beforeAll(async () => {
    const host = await bootHost({ hostname: 'lab', users: [{ name: USER, linger: true }] });
    fleet = fleetOn(host, USER, ROSTER);
    await installStub(host, USER);
    await write(['alpha', 'beta']);
  });
  afterAll(() => fleet?.host.destroy());

  test('from nothing: units, boot, server and agents are made, and a second time nothing is', async () => {
    expectSuccess(await save());
    expect(await fleet.host.mustAs(USER, ['stat', '-c', '%a', PLAN])).toBe('600\n');
    await twice();
    await fleet.expectClean();
  });

  test('what a person did to a unit since is left as it is: the plan is stale (5)', async () => {
    await systemctl('disable', unitOf('alpha'));
    expectSuccess(await save());
    await systemctl('enable', '--runtime', unitOf('alpha'));
    const ran = await applyIt();
    expect([ran.code, ran.stderr]).toEqual([5, expect.stringContaining(`${unitOf('alpha')} is enabled-runtime`)]);
    expect(await fleet.host.mustAs(USER, ['sh', '-c', `systemctl --user is-enabled ${unitOf('alpha')} || :`])).toBe(
      'enabled-runtime\n',
    );
    await systemctl('disable', '--runtime', unitOf('alpha'));
    await systemctl('enable', unitOf('alpha'));
  });

  test('an agent that left the roster is removed, and a second time nothing is', async () => {
    await write(['alpha']);
    expectSuccess(await save('--prune', '--even-if-busy'));
    await twice();
    await fleet.expectClean();
  });
});
