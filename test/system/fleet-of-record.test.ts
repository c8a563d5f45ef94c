/** The fleet of record: found, told, repaired, and back after a reboot. The tests build on one another. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { driftOf, expectSuccess, type Fleet, warningsOf } from './harness/fleet.ts';
import {
  AGENTS,
  bootFleetOfRecord,
  envFileOf,
  HOLDER,
  OPERATOR_LINES,
  panePids,
  SOCKET,
  STUBS,
  tmux,
  USER,
  unitOf,
} from './harness/mosaic.ts';
import { describeOnHost } from './harness/on-host.ts';
import { type Row, snapshot, withoutState } from './harness/snapshot.ts';

const SESSIONS = ['_holder', ...AGENTS];

describeOnHost('fleet of record', () => {
  let fleet: Fleet;
  let pids: Readonly<Record<string, string>>;
  let applied: readonly Row[];
  beforeAll(async () => {
    fleet = await bootFleetOfRecord();
    pids = await panePids(fleet.host);
  });
  afterAll(() => fleet?.host.destroy());

  test('as found, its agents run the stub and nothing is enabled', async () => {
    expect(Object.keys(pids).sort()).toEqual([...SESSIONS].sort());
    for (const agent of AGENTS) {
      expect(await commandLine(fleet, pids[agent])).toContain('dogfood-agent.py');
      expect(await enablement(fleet, unitOf(agent))).toBe('disabled');
    }
    expect(await enablement(fleet, HOLDER)).toBe('disabled');
  });

  test('plan says exactly what has drifted, and changes nothing', async () => {
    const before = await snapshot(fleet.host, USER);
    const { plan, code } = await fleet.plan();
    expect(driftOf(plan)).toEqual(
      [
        'env-file/canary-pi env-file-changed',
        'session/canary-pi runtime-mismatch',
        ...AGENTS.map((agent) => `unit/${unitOf(agent)} boot-disabled`),
        `unit/${HOLDER} boot-disabled`,
      ].sort(),
    );
    expect(code).toBe(2);
    expect({
      blocked: plan.blocked,
      deferred: plan.deferred,
      unknown: plan.unknown,
      unmanaged: plan.unmanaged,
      warnings: warningsOf(plan),
    }).toEqual({
      blocked: [],
      deferred: [],
      unknown: [],
      unmanaged: [],
      warnings: [],
    });
    expect(plan.changes.every(({ address }) => address.startsWith('w-jarvis/jarvis/'))).toBe(true);
    expect(plan.summary).toMatchObject({ restart: 1, enable: 5, update: 1, create: 0, start: 0, stop: 0, destroy: 0 });
    expect(await snapshot(fleet.host, USER)).toEqual(before);
  });

  test('its text names the host, the reasons and the lines of the roster', async () => {
    const text = await fleet.run(['plan', '--detailed-exitcode', '-f', 'fleet.yaml']);
    expect(text.code).toBe(2);
    expect(text.stdout).toContain('1 host observed');
    for (const reason of ['runtime-mismatch', 'env-file-changed', 'boot-disabled'])
      expect(text.stdout).toContain(reason);
    expect(text.stdout).toMatch(/fleet\.yaml:\d+/);
  });

  test('apply without -y and without a terminal refuses', async () => {
    const before = await snapshot(fleet.host, USER);
    const refused = await fleet.run(['apply', '-f', 'fleet.yaml']);
    expect(refused.code).toBe(64);
    expect(refused.stderr).toContain('-y');
    expect(withoutState(await snapshot(fleet.host, USER))).toEqual(withoutState(before));
  });

  test('apply succeeds', async () => {
    expectSuccess(await fleet.apply());
    applied = await snapshot(fleet.host, USER);
  });

  test("canary-pi's pane runs pi", async () => {
    const pid = (await panePids(fleet.host))['canary-pi'];
    expect(pid).not.toBe(pids['canary-pi']);
    expect(await fleet.host.mustAs(USER, ['cat', `/proc/${pid}/comm`])).toBe('pi\n');
    expect(await fleet.host.mustAs(USER, ['readlink', `/proc/${pid}/cwd`])).toBe('/home/jarvis/src\n');
  });

  test('the other three and the holder kept their pids', async () => {
    const { 'canary-pi': _before, ...before } = pids;
    const { 'canary-pi': _after, ...after } = await panePids(fleet.host);
    expect(after).toEqual(before);
  });

  test("the operator's lines are untouched, and only the hand-set command is gone", async () => {
    for (const agent of AGENTS) {
      const env = await fleet.host.mustAs(USER, ['cat', envFileOf(agent)]);
      expect(env).toContain(OPERATOR_LINES);
      expect(env.includes('MOSAIC_AGENT_COMMAND')).toBe(agent !== 'canary-pi');
    }
  });

  test('the next plan is empty', async () => {
    await fleet.expectClean();
    const text = await fleet.run(['plan', '--detailed-exitcode', '-f', 'fleet.yaml']);
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('No changes');
  });

  test('a second apply has no effect', async () => {
    expectSuccess(await fleet.apply());
    expect(withoutState(await snapshot(fleet.host, USER))).toEqual(withoutState(applied));
  });

  test('ps has a row for each agent without drift', async () => {
    const ps = await fleet.run(['ps', '--json', '-f', 'fleet.yaml']);
    expectSuccess(ps);
    for (const agent of AGENTS) expect(ps.stdout).toContain(agent);
  });

  test('a session that somebody renamed is no missing one: no second is started, and the command gives it its name', async () => {
    const running = await panePids(fleet.host);
    await tmux(fleet.host, ['rename-session', '-t', '=canary-pi', 'x']);
    const { plan } = await fleet.plan();
    expect(plan.blocked).toMatchObject([{ reason: 'duplicate-session', agent: 'canary-pi' }]);
    expect({ changes: plan.changes, unmanaged: plan.unmanaged }).toEqual({ changes: [], unmanaged: [] });
    expect((await fleet.apply()).code).toBe(4);
    const command = /: (tmux .*)$/.exec(plan.blocked[0]?.remedy ?? '')?.[1] ?? 'false';
    await fleet.host.mustAs(USER, ['sh', '-c', command]);
    expect(await panePids(fleet.host)).toEqual(running);
    await fleet.expectClean();
  });

  test('after a reboot, without anyone logging in, all five sessions are back and the plan is empty', async () => {
    await fleet.host.reboot();
    await fleet.host.managerSettled(USER);
    expect((await fleet.host.mustRoot(['loginctl', 'list-sessions', '--no-legend'])).trim()).toBe('');
    expect((await tmux(fleet.host, ['list-sessions', '-F', '#S'])).trim().split('\n').sort()).toEqual(
      [...SESSIONS].sort(),
    );
    await fleet.expectClean();
  });

  test('after a power failure too', async () => {
    await fleet.host.powerOff();
    await fleet.host.powerOn();
    await fleet.host.managerSettled(USER);
    expect((await tmux(fleet.host, ['list-sessions', '-F', '#S'])).trim().split('\n').sort()).toEqual(
      [...SESSIONS].sort(),
    );
    await fleet.expectClean();
  });

  test('the fleet is alone on its socket', async () => {
    const sockets = await fleet.host.mustAs(USER, ['sh', '-c', 'ls /tmp/tmux-$(id -u)']);
    expect(sockets).toBe(`${SOCKET}\n`);
    for (const agent of STUBS)
      expect(await commandLine(fleet, (await panePids(fleet.host))[agent])).toContain('dogfood-agent.py');
  });
});

async function commandLine(fleet: Fleet, pid: string | undefined): Promise<string> {
  return (await fleet.host.mustAs(USER, ['cat', `/proc/${pid}/cmdline`])).replaceAll('\0', ' ');
}

async function enablement(fleet: Fleet, unit: string): Promise<string> {
  return (await fleet.host.mustAs(USER, ['systemctl', '--user', 'show', '-P', 'UnitFileState', unit])).trim();
}
