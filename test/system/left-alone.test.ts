/** Found and not touched (layout mosaic): what is not ours, what a person did, what cannot be seen. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Plan } from '../../src/diff/plan.ts';
import { until } from './harness/execute.ts';
import { blockedOf, driftOf, expectSuccess, type Fleet, fleetOn, unmanagedOf } from './harness/fleet.ts';
import { bootRepairedFleet, panePids, SOCKET, tmux, USER, unitOf } from './harness/mosaic.ts';
import { describeOnHost } from './harness/on-host.ts';

const CODER = 'dogfood-coder';
const STRANGER = ['exec sleep infinity'];

describeOnHost('left alone', () => {
  let fleet: Fleet;
  const systemctl = (...args: readonly string[]): Promise<string> =>
    fleet.host.mustAs(USER, ['systemctl', '--user', ...args]);

  beforeAll(async () => {
    fleet = await bootRepairedFleet();
  });
  afterAll(() => fleet?.host.destroy());

  test('a foreign session on the socket is unmanaged', async () => {
    await tmux(fleet.host, ['new-session', '-d', '-s', 'guest', ...STRANGER]);
    const { plan, code } = await fleet.plan();
    expect({ changes: driftOf(plan), unmanaged: unmanagedOf(plan), code }).toEqual({
      changes: [],
      unmanaged: ['session/guest'],
      code: 0,
    });
    await fleet.applyTouchesNothing(0);
    await tmux(fleet.host, ['kill-session', '-t', '=guest']);
  });

  test('a session with the name of an agent plus a suffix is never taken for the agent', async () => {
    await tmux(fleet.host, ['new-session', '-d', '-s', `${CODER}-old`, ...STRANGER]);
    await tmux(fleet.host, ['new-session', '-d', '-s', 'dogfood', ...STRANGER]);
    expect(unmanagedOf((await fleet.plan()).plan)).toEqual(['session/dogfood', `session/${CODER}-old`]);
    await fleet.applyTouchesNothing(0);

    await tmux(fleet.host, ['kill-session', '-t', `=${CODER}`]);
    await fleet.applyAndSettle({ changes: [`session/${CODER} session-missing`] });
    for (const name of [`${CODER}-old`, 'dogfood']) await tmux(fleet.host, ['kill-session', '-t', `=${name}`]);
  });

  test('a session of an agent’s name on another socket is unmanaged', async () => {
    await fleet.host.mustAs(USER, ['tmux', '-L', 'elsewhere', 'new-session', '-d', '-s', CODER, ...STRANGER]);
    const { plan, code } = await fleet.plan();
    expect({ changes: driftOf(plan), blocked: blockedOf(plan), code }).toEqual({ changes: [], blocked: [], code: 0 });
    expect(plan.unmanaged.map(({ address, why }) => `${address} ${why}`).join('\n')).toContain('elsewhere');
    await fleet.applyTouchesNothing(0);
    await fleet.host.mustAs(USER, ['tmux', '-L', 'elsewhere', 'kill-server']);
  });

  test('an agent that runs on another socket is wrong-socket: never a second copy', async () => {
    await tmux(fleet.host, ['kill-session', '-t', `=${CODER}`]);
    const stub = `MOSAIC_AGENT_NAME=${CODER} MOSAIC_AGENT_CLASS=worker exec python3 ~/.config/mosaic/fleet/dogfood-agent.py`;
    await fleet.host.mustAs(USER, ['tmux', '-L', 'elsewhere', 'new-session', '-d', '-s', CODER, stub]);
    const { plan, code } = await fleet.plan();
    expect({ changes: driftOf(plan), code }).toEqual({ changes: [], code: 4 });
    expect(blockedOf(plan)).toEqual([`session/${CODER} wrong-socket wrong-socket`]);
    await fleet.applyTouchesNothing(4);

    // What tidies /tmp takes the socket's file away; the agent lives on.
    const pid = await fleet.host.mustAs(USER, ['tmux', '-L', 'elsewhere', 'display-message', '-p', '#{pid}']);
    await fleet.host.mustAs(USER, ['sh', '-c', 'rm /tmp/tmux-$(id -u)/elsewhere']);
    const hidden = await fleet.plan();
    expect({ changes: driftOf(hidden.plan), code: hidden.code }).toEqual({ changes: [], code: 3 });
    expect(await fleet.applyTouchesNothing(3)).toContain(`kill -USR1 ${pid.trim()}`);
    await fleet.host.mustAs(USER, ['kill', '-USR1', pid.trim()]);
    await until('its socket is back', async () => {
      const asked = await fleet.host.as(USER, ['tmux', '-L', 'elsewhere', 'has-session', '-t', `=${CODER}`]);
      return asked.code === 0 ? true : null;
    });
    await fleet.host.mustAs(USER, ['tmux', '-L', 'elsewhere', 'kill-server']);
    await fleet.applyAndSettle({ changes: [`session/${CODER} session-missing`] });
  });

  test('a masked unit is unit-masked, and its session lives on', async () => {
    await fleet.host.mustAs(USER, ['systemctl', '--user', 'mask', unitOf(CODER)]);
    await fleet.leavesAlone([`unit/${unitOf(CODER)} unit-masked masked`]);
    await fleet.host.mustAs(USER, ['systemctl', '--user', 'unmask', unitOf(CODER)]);
    await fleet.expectClean();
  });

  /** What stands behind the last "then:" of a remedy. */
  const lastCommandOf = ({ blocked }: Plan): string => /, then: (.*)$/.exec(blocked[0]?.remedy ?? '')?.[1] ?? 'false';

  test('a unit in a target that is not started at boot is boot-wrong-target: its file is not ours to go by', async () => {
    const unit = unitOf(CODER);
    await systemctl('disable', unit);
    await systemctl('add-wants', 'shutdown.target', unit);
    expect(await systemctl('is-enabled', unit)).toBe('enabled\n');
    const plan = await fleet.leavesAlone([`unit/${unit} boot-wrong-target cannot-enable`]);
    await fleet.host.mustAs(USER, ['sh', '-c', lastCommandOf(plan)]);
    await fleet.expectClean();
  });

  test('a unit without an [Install] section is unit-cannot-enable, and enabled when it has one', async () => {
    const unit = unitOf(CODER);
    const file = '.config/systemd/user/mosaic-agent@.service';
    await systemctl('disable', unit);
    await fleet.host.mustAs(USER, ['sh', '-c', `cp ${file} kept && sed -i '/^\\[Install\\]/,$d' ${file}`]);
    await systemctl('daemon-reload');
    expect(await systemctl('show', '-P', 'UnitFileState', unit)).toBe('static\n');
    const plan = await fleet.leavesAlone([`unit/${unit} unit-cannot-enable cannot-enable`]);
    await fleet.host.mustAs(USER, ['sh', '-c', `mv kept ${file} && ${lastCommandOf(plan)}`]);
    await fleet.applyAndSettle({ changes: [`unit/${unit} boot-disabled`] });
  });

  test('an attached agent is not restarted without the flag', async () => {
    const viewer = fleet.host.as(USER, ['tmux', '-L', SOCKET, 'attach', '-t', `=${CODER}`], { tty: true });
    await until('somebody is attached', async () => (await tmux(fleet.host, ['list-clients'])) || null);
    const roster = await fleet.host.mustAs(USER, ['cat', 'fleet.yaml']);
    const other = fleetOn(fleet.host, USER, 'other.yaml');
    await fleet.host.write(USER, 'other.yaml', roster.replace(`${CODER}, runtime: dogfood`, `${CODER}, runtime: pi`));

    const { plan, code } = await other.plan();
    expect(driftOf(plan)).toEqual([`env-file/${CODER} env-file-changed`]);
    expect(plan.deferred.map(({ agent, reason, why }) => `${agent} ${reason} ${why}`)).toEqual([
      `${CODER} runtime-mismatch attached`,
    ]);
    expect(code).toBe(2);
    const before = await panePids(fleet.host);
    expectSuccess(await other.apply());
    expect(await panePids(fleet.host)).toEqual(before);

    await tmux(fleet.host, ['detach-client', '-s', `=${CODER}`]);
    expect((await viewer).code).toBe(0);
    await other.applyAndSettle({ changes: [`session/${CODER} runtime-mismatch`] });
    await fleet.applyAndSettle({
      changes: [`env-file/${CODER} env-file-changed`, `session/${CODER} runtime-mismatch`],
    });
  });

  test("somebody else's window that is linked into an agent's session is never ended as the agent's", async () => {
    // Older than the agent's own, and so taken for it where nothing is marked.
    await tmux(fleet.host, ['new-session', '-d', '-s', 'guest', 'exec bash --norc']);
    await tmux(fleet.host, ['kill-session', '-t', `=${CODER}`]);
    await fleet.applyAndSettle({ changes: [`session/${CODER} session-missing`] });
    await tmux(fleet.host, ['link-window', '-d', '-s', '=guest:0', '-t', `=${CODER}:5`]);
    const before = await panePids(fleet.host);
    const ran = await fleet.apply(['--even-if-attached', '--even-if-busy']);
    expect([ran.code, ran.stdout + ran.stderr]).toEqual([1, expect.stringContaining('is shown by guest too')]);
    expect(await panePids(fleet.host)).toEqual(before);

    await tmux(fleet.host, ['unlink-window', '-t', `=${CODER}:5`]);
    await fleet.expectClean();
    await tmux(fleet.host, ['kill-session', '-t', '=guest']);
  });

  test('with a stopped user manager nothing is known and nothing is done', async () => {
    const manager = `user@${fleet.host.uid(USER)}.service`;
    await fleet.host.mustRoot(['systemctl', 'stop', manager]);
    const { plan, code } = await fleet.plan();
    expect({ changes: driftOf(plan), code }).toEqual({ changes: [], code: 3 });
    expect(plan.complete).toBe(false);
    expect(JSON.stringify(plan.unknown)).toMatch(/run\/user|bus|manager/);
    expect(await fleet.applyTouchesNothing(3)).toMatch(/run\/user|bus|manager/);

    await fleet.host.mustRoot(['systemctl', 'start', manager]);
    await fleet.host.managerSettled(USER);
    await fleet.expectClean();
  });

  test('plan from cron, without XDG_RUNTIME_DIR, sees what a login sees', async () => {
    expectSuccess(await fleet.run(['plan', '--detailed-exitcode', '-f', 'fleet.yaml'], { bare: true }));
  });

  test('the runtime directory that su leaves from somebody else misleads nobody', async () => {
    const env = { XDG_RUNTIME_DIR: '/run/user/0' };
    expectSuccess(await fleet.run(['plan', '--detailed-exitcode', '-f', 'fleet.yaml'], { env }));
  });
});
