/** Drifts of units and sockets in layout fleet: found with the right reason, repaired or left with what helps, gone from the next plan. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { expectSuccess, type Fleet, fleetOn } from './harness/fleet.ts';
import { bootHost } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';
import { installStub, socketDirectory, stubRoster } from './harness/stub-fleet.ts';

const USER = 'friday';
const SOCKET = 'drift';
const HOLDER = 'fleet-tmux.service';
const TEMPLATE = 'fleet-agent@.service';
const ALPHA = 'fleet-agent@alpha.service';
const UNITS = `/home/${USER}/.config/systemd/user`;

describeOnHost('drift in layout fleet', () => {
  let fleet: Fleet;
  const sh = (script: string): Promise<string> => fleet.host.mustAs(USER, ['sh', '-c', script]);
  const systemctl = (...args: readonly string[]): Promise<string> =>
    fleet.host.mustAs(USER, ['systemctl', '--user', ...args]);
  const wantedBy = async (unit: string): Promise<string> =>
    (await sh(`cd ${UNITS} && ls -d *.wants/${unit} 2>/dev/null || true`)).trim();

  beforeAll(async () => {
    const host = await bootHost({ hostname: 'lab', users: [{ name: USER, linger: true }] });
    fleet = fleetOn(host, USER, `/home/${USER}/fleet.yaml`);
    await installStub(host, USER);
    const roster = stubRoster({ layout: 'fleet', socket: SOCKET, agents: ['alpha', 'beta'], more: [] });
    await host.write(USER, 'fleet.yaml', roster);
    expectSuccess(await fleet.apply());
  });
  beforeEach(() => fleet.expectClean());
  afterAll(() => fleet?.host.destroy());

  test.each([HOLDER, ALPHA])('%s in a target that is not started at boot is boot-wrong-target', async (unit) => {
    await systemctl('disable', unit);
    await systemctl('add-wants', 'shutdown.target', unit);
    expect(await systemctl('is-enabled', unit)).toBe('enabled\n');
    await fleet.applyAndSettle({ changes: [`unit/${unit} boot-wrong-target`] });
    expect(await wantedBy(unit)).toBe(`default.target.wants/${unit}`);
  });

  test('the same, where a drop-in says so, is left, and the way out that is named there works', async () => {
    const dropIn = `${UNITS}/${TEMPLATE}.d/boot.conf`;
    await fleet.host.write(USER, dropIn, '[Install]\nWantedBy=\nWantedBy=shutdown.target\n');
    await systemctl('daemon-reload');
    await systemctl('reenable', ALPHA);
    const { blocked } = await fleet.leavesAlone([`unit/${ALPHA} boot-wrong-target cannot-enable`]);
    const [file, command] = /\(drop-in (.*)\), then: (.*)$/.exec(blocked[0]?.remedy ?? '')?.slice(1) ?? [];
    expect(file).toBe(dropIn);
    await sh(`echo WantedBy=default.target >>${file} && systemctl --user daemon-reload && ${command}`);
    await fleet.expectClean();
    await sh(`rm -r ${UNITS}/${TEMPLATE}.d && systemctl --user daemon-reload && systemctl --user reenable ${ALPHA}`);
  });

  test('a unit file that lies elsewhere, with just our text, is unit-linked', async () => {
    await systemctl('disable', HOLDER);
    await sh(`mkdir elsewhere && mv ${UNITS}/${HOLDER} elsewhere/ && systemctl --user link ~/elsewhere/${HOLDER}`);
    expect(await systemctl('show', '-P', 'UnitFileState', HOLDER)).toBe('linked\n');
    await fleet.applyAndSettle({ changes: [`unit/${HOLDER} unit-linked`] });
    expect(await wantedBy(HOLDER)).toBe(`default.target.wants/${HOLDER}`);
    await sh(`systemctl --user disable ${HOLDER}; rm -f ${UNITS}/${HOLDER}; mv elsewhere/${HOLDER} ${UNITS}/`);
    await sh(`systemctl --user daemon-reload && systemctl --user enable ${HOLDER}`);
  });

  test('a unit file that is a link to another name, with just our text, is unit-cannot-enable', async () => {
    await systemctl('disable', HOLDER);
    await sh(`cd ${UNITS} && mv ${HOLDER} mine.service && ln -s mine.service ${HOLDER}`);
    await systemctl('daemon-reload');
    const { blocked } = await fleet.leavesAlone([`unit/${HOLDER} unit-cannot-enable cannot-enable`]);
    const [copy, reload] = /\((cp .*)\), then: (.*)$/.exec(blocked[0]?.remedy ?? '')?.slice(1) ?? [];
    await sh(`${copy} && ${reload}`);
    await fleet.applyAndSettle({ changes: [`unit/${HOLDER} boot-disabled`, `unit/${HOLDER} unit-inactive`] });
    await sh(`rm ${UNITS}/mine.service && systemctl --user daemon-reload`);
  });

  test('a template of ours whose [Install] section was taken out is written again, and its instance enabled then', async () => {
    await systemctl('disable', ALPHA);
    const remove = `sed -i '/^\\[Install\\]/d; /^WantedBy=/d' ${UNITS}/${TEMPLATE}`;
    await sh(`${remove} && systemctl --user daemon-reload`);
    expect(await systemctl('show', '-P', 'UnitFileState', ALPHA)).toBe('static\n');
    await fleet.applyAndSettle({
      changes: [
        `unit-file/${TEMPLATE} unit-file-changed`,
        `unit-file/${TEMPLATE} daemon-reload-needed`,
        `unit/${ALPHA} boot-disabled`,
      ],
    });
  });

  test.each([
    [
      'with its server',
      `tmux -L ${SOCKET} kill-server; `,
      [`tmux-server/${SOCKET} server-missing`, 'session/alpha session-missing', 'session/beta session-missing'],
      2,
    ],
    ['from under its server', '', [`tmux-server/${SOCKET} socket-deleted`], 3],
  ])(
    'a socket directory that is gone %s is made again, for its owner alone',
    async (_how, first, changes, planCode) => {
      await sh(`${first}rm -r /tmp/tmux-$(id -u)`);
      await fleet.applyAndSettle({ changes, planCode });
      expect(await socketDirectory(fleet.host, USER)).toBe(`700 ${USER} directory`);
    },
  );
});
