/** What observeUnits says of a real user manager, over the bus and through systemctl alike. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Source, UnitObserved, UnitsObserved } from '../../src/observe/state.ts';
import { until } from './harness/execute.ts';
import { bootHost, type Host } from './harness/host.ts';
import { describeOnHost, keepForFailure } from './harness/on-host.ts';

const USER = 'jarvis';
const UNITS = '.config/systemd/user';
const HOLDER = 'mosaic-tmux-holder.service';
const TEMPLATE = 'mosaic-agent@.service';
const unitOf = (agent: string): string => `mosaic-agent@${agent}.service`;
const PROBE = fileURLToPath(new URL('./fixtures/units-probe.ts', import.meta.url));

const HOLDER_FILE = `[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
[Install]
WantedBy=default.target
`;
const AGENT_FILE = `[Unit]
Wants=${HOLDER}
After=${HOLDER}
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
[Install]
WantedBy=default.target
`;

describeOnHost('units as observed', () => {
  let host: Host;
  let probe: string;
  const systemctl = (...args: readonly string[]): Promise<string> =>
    host.mustAs(USER, ['systemctl', '--user', ...args]);
  const sh = (script: string): Promise<string> => host.mustAs(USER, ['sh', '-c', script]);
  const writeUnit = (name: string, content: string): Promise<void> => host.write(USER, `${UNITS}/${name}`, content);

  /** Observes, and holds that both ways to the manager tell the same. */
  const look = async (...agents: readonly string[]): Promise<UnitsObserved> => {
    const printed = await host.mustAs(USER, [host.node, 'probe.cjs', ...agents]);
    keepForFailure('probe.json', printed);
    const {
      observed,
      bus,
      systemctl,
    }: Record<'observed' | 'bus' | 'systemctl', Source<UnitsObserved>> = JSON.parse(printed);
    expect(systemctl).toEqual(bus);
    expect(observed).toEqual(bus);
    if (bus.status !== 'known') throw new Error(`${bus.why}: ${bus.detail}`);
    return bus.value;
  };
  const lookAt = async (agent: string): Promise<UnitObserved | undefined> => (await look(agent)).units[unitOf(agent)];

  beforeAll(async () => {
    const built = await build({ entryPoints: [PROBE], bundle: true, platform: 'node', format: 'cjs', write: false });
    probe = built.outputFiles[0]?.text ?? '';
    host = await bootHost({ users: [{ name: USER, linger: true }] });
    await host.write(USER, 'probe.cjs', probe);
  });
  beforeEach(async () => {
    await host.as(USER, ['systemctl', '--user', 'stop', 'mosaic*']);
    await host.as(USER, ['systemctl', '--user', 'reset-failed']);
    await sh(`rm -rf ${UNITS} .config/systemd/user.control /run/user/$(id -u)/systemd/user`);
    await writeUnit(HOLDER, HOLDER_FILE);
    await writeUnit(TEMPLATE, AGENT_FILE);
    await systemctl('daemon-reload');
  });
  afterAll(() => host?.destroy());

  test('the first client of a bus that just came up gets an answer', async () => {
    await systemctl('stop', 'dbus.service');
    expect((await lookAt('pi'))?.load_state).toBe('loaded');
  });

  test('active but disabled is told as it is', async () => {
    await systemctl('start', unitOf('pi'));
    expect(await lookAt('pi')).toEqual({
      name: unitOf('pi'),
      load_state: 'loaded',
      active_state: 'active',
      sub_state: 'exited',
      unit_file_state: 'disabled',
      need_daemon_reload: false,
      result: 'success',
      fragment_path: `/home/${USER}/${UNITS}/${TEMPLATE}`,
      drop_in_paths: [],
      job: null,
      wanted_by: [],
      requires: [],
      binds_to: [],
      part_of: [],
    });
  });

  test('enabled is enabled, wanted by a target that is started at boot', async () => {
    await systemctl('enable', unitOf('pi'), HOLDER);
    const seen = await look('pi', 'other');
    expect(seen.units[unitOf('pi')]).toMatchObject({ unit_file_state: 'enabled', wanted_by: ['default.target'] });
    expect(seen.units[HOLDER]).toMatchObject({ unit_file_state: 'enabled', wanted_by: ['default.target'] });
    expect(seen.units[unitOf('other')]).toMatchObject({ unit_file_state: 'disabled', wanted_by: [] });
    expect(seen.boot_targets).toEqual(expect.arrayContaining(['default.target', 'basic.target', 'sockets.target']));
    expect(seen.systemd_version).toMatch(/^\d+/);
  });

  test('enabled for the runtime only is enabled-runtime', async () => {
    await systemctl('enable', '--runtime', unitOf('pi'));
    expect(await lookAt('pi')).toMatchObject({ unit_file_state: 'enabled-runtime', wanted_by: ['default.target'] });
  });

  test('a wants link deleted by hand is disabled, though the manager still says enabled', async () => {
    await systemctl('enable', unitOf('pi'));
    expect((await lookAt('pi'))?.unit_file_state).toBe('enabled');
    await systemctl('start', unitOf('pi'));
    await systemctl('show', '-p', 'UnitFileState', unitOf('pi'));
    await sh(`rm ${UNITS}/default.target.wants/${unitOf('pi')}`);
    expect(await systemctl('show', '-p', 'UnitFileState', unitOf('pi'))).toBe('UnitFileState=enabled\n');
    expect(await lookAt('pi')).toMatchObject({ unit_file_state: 'disabled', wanted_by: [] });
  });

  test('a link made by hand is enabled, though the manager was not told', async () => {
    await systemctl('start', unitOf('pi'));
    await sh(
      `mkdir ${UNITS}/default.target.wants && ln -s ../${TEMPLATE} ${UNITS}/default.target.wants/${unitOf('pi')}`,
    );
    expect(await lookAt('pi')).toMatchObject({ unit_file_state: 'enabled', wanted_by: ['default.target'] });
  });

  test('a link in a target that is not started at boot shows in wanted_by, not in boot_targets', async () => {
    await systemctl('add-wants', 'shutdown.target', unitOf('pi'));
    const seen = await look('pi');
    expect(seen.units[unitOf('pi')]).toMatchObject({ unit_file_state: 'enabled', wanted_by: ['shutdown.target'] });
    expect(seen.boot_targets).not.toContain('shutdown.target');
  });

  test('a target of one’s own that default.target wants is a boot target', async () => {
    await writeUnit('agents.target', '[Install]\nWantedBy=default.target\n');
    await systemctl('daemon-reload');
    await systemctl('enable', 'agents.target');
    await systemctl('add-wants', 'agents.target', unitOf('pi'));
    const seen = await look('pi');
    expect(seen.boot_targets).toContain('agents.target');
    expect(seen.units[unitOf('pi')]?.wanted_by).toEqual(['agents.target']);
  });

  test('a default.target that is another one is followed', async () => {
    await writeUnit('mine.target', '[Unit]\nRequires=basic.target\nAllowIsolate=yes\n');
    await systemctl('set-default', 'mine.target');
    expect((await look('pi')).boot_targets).toEqual(
      expect.arrayContaining(['mine.target', 'default.target', 'basic.target']),
    );
  });

  test.each([
    ['a link to /dev/null', `ln -s /dev/null ${UNITS}/${unitOf('pi')}`],
    ['an empty file', `: >${UNITS}/${unitOf('pi')}`],
  ])('%s is masked, and only for that instance', async (_, script) => {
    await systemctl('enable', unitOf('pi'), unitOf('other'));
    await sh(script);
    await systemctl('daemon-reload');
    const seen = await look('pi', 'other');
    expect(seen.units[unitOf('pi')]).toMatchObject({
      load_state: 'masked',
      unit_file_state: 'masked',
      wanted_by: ['default.target'],
    });
    expect(seen.units[unitOf('other')]).toMatchObject({ load_state: 'loaded', unit_file_state: 'enabled' });
  });

  test('a mask that the manager was not told of is masked', async () => {
    await systemctl('enable', '--now', unitOf('pi'));
    await sh(`ln -s /dev/null ${UNITS}/${unitOf('pi')}`);
    expect(await lookAt('pi')).toMatchObject({ unit_file_state: 'masked', active_state: 'active' });
  });

  test('a mask for the runtime only is masked-runtime', async () => {
    await systemctl('mask', '--runtime', unitOf('pi'));
    expect(await lookAt('pi')).toMatchObject({ load_state: 'masked', unit_file_state: 'masked-runtime' });
  });

  test('a unit without [Install] is static', async () => {
    await writeUnit(TEMPLATE, AGENT_FILE.slice(0, AGENT_FILE.indexOf('[Install]')));
    await systemctl('daemon-reload');
    expect(await lookAt('pi')).toMatchObject({ unit_file_state: 'static', wanted_by: [] });
  });

  test('[Install] in a drop-in counts', async () => {
    await writeUnit(TEMPLATE, AGENT_FILE.slice(0, AGENT_FILE.indexOf('[Install]')));
    await writeUnit(`${TEMPLATE}.d/boot.conf`, '[Install]\nWantedBy=default.target\n');
    await systemctl('daemon-reload');
    const seen = await lookAt('pi');
    expect(seen).toMatchObject({ unit_file_state: 'disabled' });
    expect(seen?.drop_in_paths).toEqual([`/home/${USER}/${UNITS}/${TEMPLATE}.d/boot.conf`]);
  });

  test('an instance with a drop-in of its own is not taken for one without', async () => {
    await writeUnit(`${unitOf('pi')}.d/needs.conf`, `[Unit]\nBindsTo=${HOLDER}\n`);
    await systemctl('daemon-reload');
    await systemctl('start', unitOf('pi'), unitOf('other'));
    const seen = await look('pi', 'other');
    expect(seen.units[unitOf('pi')]?.binds_to).toEqual([HOLDER]);
    expect(seen.units[unitOf('other')]?.binds_to).toEqual([]);
  });

  test('a dependency that holds the name of the instance is told for each instance', async () => {
    await writeUnit(TEMPLATE, AGENT_FILE.replace('[Unit]', `[Unit]\nPartOf=${HOLDER}\nRequires=side-%i.service`));
    await writeUnit('side-pi.service', HOLDER_FILE);
    await systemctl('daemon-reload');
    const seen = await look('pi', 'other-one');
    expect(seen.units[unitOf('pi')]).toMatchObject({ requires: ['side-pi.service'], part_of: [HOLDER] });
    expect(seen.units[unitOf('other-one')]).toMatchObject({ requires: ['side-other-one.service'] });
  });

  test('a unit file outside of the unit directories is linked; an instance of such a template is disabled', async () => {
    await sh(`rm -rf elsewhere && mkdir elsewhere && mv ${UNITS}/* elsewhere/`);
    await sh('systemctl --user link ~/elsewhere/*');
    const seen = await look('pi');
    expect(seen.units[HOLDER]).toMatchObject({ load_state: 'loaded', unit_file_state: 'linked' });
    expect(seen.units[unitOf('pi')]).toMatchObject({ load_state: 'loaded', unit_file_state: 'disabled' });
  });

  test('another name of a unit is alias', async () => {
    await writeUnit('boss.service', HOLDER_FILE);
    await sh(`ln -sf boss.service ${UNITS}/${HOLDER}`);
    await systemctl('daemon-reload');
    expect((await look()).units[HOLDER]).toMatchObject({ load_state: 'loaded', unit_file_state: 'alias' });
  });

  test('a unit that is gone while its link is left is not-found, still wanted', async () => {
    await systemctl('enable', unitOf('pi'));
    await sh(`rm ${UNITS}/${TEMPLATE}`);
    await systemctl('daemon-reload');
    expect(await lookAt('pi')).toMatchObject({
      load_state: 'not-found',
      active_state: 'inactive',
      unit_file_state: '',
      fragment_path: null,
      wanted_by: ['default.target'],
    });
  });

  test('a unit that never was is not-found, wanted by nobody', async () => {
    await sh(`rm ${UNITS}/${TEMPLATE}`);
    await systemctl('daemon-reload');
    expect(await lookAt('pi')).toMatchObject({ load_state: 'not-found', unit_file_state: '', wanted_by: [] });
  });

  test('a dangling link of a unit that lies elsewhere is a link', async () => {
    await systemctl('enable', unitOf('pi'));
    await sh(`rm ${UNITS}/default.target.wants/*`);
    await sh(`ln -s /nowhere/${TEMPLATE} ${UNITS}/default.target.wants/${unitOf('pi')}`);
    await systemctl('daemon-reload');
    expect(await systemctl('show', '-p', 'Wants', 'default.target')).toContain(unitOf('pi'));
    expect(await lookAt('pi')).toMatchObject({ load_state: 'loaded', wanted_by: ['default.target'] });
  });

  test('a link to /dev/null takes back the same link in a less important directory', async () => {
    await host.mustRoot(['mkdir', '-p', '/etc/systemd/user/default.target.wants']);
    const vendor = `/etc/systemd/user/default.target.wants/${unitOf('pi')}`;
    await host.mustRoot(['ln', '-sf', `/home/${USER}/${UNITS}/${TEMPLATE}`, vendor]);
    try {
      await systemctl('daemon-reload');
      expect((await lookAt('pi'))?.wanted_by).toEqual(['default.target']);
      await sh(`mkdir ${UNITS}/default.target.wants && ln -s /dev/null ${UNITS}/default.target.wants/${unitOf('pi')}`);
      await systemctl('daemon-reload');
      expect(await systemctl('show', '-p', 'Wants', 'default.target')).not.toContain(unitOf('pi'));
      expect((await lookAt('pi'))?.wanted_by).toEqual([]);
    } finally {
      await host.mustRoot(['rm', vendor]);
    }
  });

  test('a file edited after it was loaded needs a reload, for as long as there was none', async () => {
    await systemctl('start', unitOf('pi'));
    expect((await lookAt('pi'))?.need_daemon_reload).toBe(false);
    await writeUnit(TEMPLATE, `${AGENT_FILE}# edited\n`);
    expect((await lookAt('pi'))?.need_daemon_reload).toBe(true);
    await systemctl('daemon-reload');
    expect((await lookAt('pi'))?.need_daemon_reload).toBe(false);
  });

  test.each([
    ['a drop-in that came', `mkdir ${UNITS}/${TEMPLATE}.d && echo >${UNITS}/${TEMPLATE}.d/x.conf`],
    ['a drop-in for all services', `mkdir ${UNITS}/service.d && echo >${UNITS}/service.d/x.conf`],
    ['a file that went', `rm ${UNITS}/${TEMPLATE}`],
    ['a file that was replaced by an old one', `touch -d 2030-01-01 t && mv t ${UNITS}/${TEMPLATE}`],
  ])('%s is seen without a reload', async (_, script) => {
    await systemctl('start', unitOf('pi'));
    await sh(script);
    expect((await lookAt('pi'))?.need_daemon_reload).toBe(true);
  });

  test('failed is failed, with its result', async () => {
    await writeUnit(TEMPLATE, AGENT_FILE.replace('/bin/true', '/bin/false'));
    await systemctl('daemon-reload');
    expect((await host.as(USER, ['systemctl', '--user', 'start', unitOf('pi')])).code).not.toBe(0);
    expect(await lookAt('pi')).toMatchObject({ active_state: 'failed', result: 'exit-code' });
  });

  test('a start limit that was hit is the result only where the commands themselves succeeded', async () => {
    const restarted = (command: string): string =>
      `[Unit]\nStartLimitBurst=2\n[Service]\nExecStart=${command}\nRestart=always\nRestartSec=1ms\n`;
    await writeUnit(TEMPLATE, restarted('/bin/true'));
    await writeUnit(unitOf('broken'), restarted('/bin/false'));
    await systemctl('daemon-reload');
    await systemctl('start', unitOf('pi'), unitOf('broken'));
    await until('both have given up', async () => {
      const states = await systemctl('show', '-p', 'ActiveState', '--value', unitOf('pi'), unitOf('broken'));
      return states === 'failed\n\nfailed\n' ? true : null;
    });
    const seen = await look('pi', 'broken');
    expect(seen.units[unitOf('pi')]).toMatchObject({ active_state: 'failed', result: 'start-limit-hit' });
    expect(seen.units[unitOf('broken')]).toMatchObject({ active_state: 'failed', result: 'exit-code' });
  });

  test('activating is activating, with its job', async () => {
    await writeUnit(TEMPLATE, AGENT_FILE.replace('/bin/true', '/bin/sleep 60'));
    await systemctl('daemon-reload');
    await systemctl('start', '--no-block', unitOf('pi'));
    await until('the unit is starting', async () =>
      (await systemctl('show', '-p', 'ActiveState', unitOf('pi'))).includes('activating') ? true : null,
    );
    expect(await lookAt('pi')).toMatchObject({ active_state: 'activating', sub_state: 'start', job: 'start' });
  });

  test('instances that nobody asked for are found: running, enabled, and with a file of their own', async () => {
    await systemctl('start', unitOf('running'));
    await systemctl('enable', unitOf('enabled'));
    await writeUnit(unitOf('filed'), HOLDER_FILE);
    await sh(`mkdir ${UNITS}/${unitOf('configured')}.d`);
    const seen = await look('pi');
    expect(Object.keys(seen.units)).toEqual([HOLDER, ...['enabled', 'filed', 'pi', 'running'].map(unitOf)].toSorted());
  });

  test('names with dashes and underscores are asked as they are', async () => {
    await systemctl('enable', '--now', unitOf('a-b_c'), unitOf('7-x'));
    const seen = await look('a-b_c', '7-x');
    expect(seen.units[unitOf('a-b_c')]).toMatchObject({ active_state: 'active', unit_file_state: 'enabled' });
    expect(seen.units[unitOf('7-x')]).toMatchObject({ active_state: 'active', unit_file_state: 'enabled' });
  });

  test('a manager without a bus is asked through systemctl', async () => {
    await systemctl('start', unitOf('pi'));
    await systemctl('stop', 'dbus.socket', 'dbus.service');
    try {
      const printed = JSON.parse(await host.mustAs(USER, [host.node, 'probe.cjs', 'pi']));
      expect(printed.bus).toMatchObject({ status: 'unknown', why: 'no-bus' });
      expect(printed.observed.value.units[unitOf('pi')]).toMatchObject({ active_state: 'active' });
    } finally {
      await systemctl('start', 'dbus.socket');
    }
  });

  test('a hung manager is a timeout', async () => {
    const manager = (
      await host.mustRoot(['systemctl', 'show', '-p', 'MainPID', '--value', `user@${host.uid(USER)}`])
    ).trim();
    await host.mustRoot(['kill', '-STOP', manager]);
    try {
      const printed = JSON.parse(await host.mustAs(USER, [host.node, 'probe.cjs', 'pi']));
      expect(printed.observed).toMatchObject({ status: 'unknown', why: 'timeout' });
      expect(printed.systemctl).toMatchObject({ status: 'unknown', why: 'timeout' });
    } finally {
      await host.mustRoot(['kill', '-CONT', manager]);
    }
  });

  test('a stopped manager is unknown, never nothing', async () => {
    await host.mustRoot(['systemctl', 'stop', `user@${host.uid(USER)}.service`]);
    try {
      const printed = JSON.parse(await host.mustAs(USER, [host.node, 'probe.cjs', 'pi']));
      expect(printed.observed).toMatchObject({
        status: 'unknown',
        why: expect.stringMatching(/^no-(runtime-directory|bus)$/),
      });
    } finally {
      await host.mustRoot(['systemctl', 'start', `user@${host.uid(USER)}.service`]);
    }
  });
});
