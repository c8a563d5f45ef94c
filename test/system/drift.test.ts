/** Each single drift of a clean fleet (layout mosaic): found with the right reason, repaired, gone from the next plan. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Fleet } from './harness/fleet.ts';
import {
  AGENTS,
  bootRepairedFleet,
  envFileOf,
  HOLDER,
  panePids,
  SOCKET,
  tmux,
  USER,
  unitOf,
} from './harness/mosaic.ts';
import { describeOnHost } from './harness/on-host.ts';

const CODER = 'dogfood-coder';

describeOnHost('drift', () => {
  let fleet: Fleet;
  const systemctl = (...args: readonly string[]): Promise<string> =>
    fleet.host.mustAs(USER, ['systemctl', '--user', ...args]);
  const socketPath = (): string => `/tmp/tmux-${fleet.host.uid(USER)}/${SOCKET}`;

  beforeAll(async () => {
    fleet = await bootRepairedFleet();
  });
  beforeEach(async () => {
    // A test that failed may have left its drift behind: the next one starts on a host of its own.
    if ((await fleet.plan()).code === 0) return;
    await fleet.host.destroy();
    fleet = await bootRepairedFleet();
    await fleet.expectClean();
  });
  afterAll(() => fleet?.host.destroy());

  test.each([CODER, 'canary-pi'])('a killed session of %s is session-missing', async (agent) => {
    await tmux(fleet.host, ['kill-session', '-t', `=${agent}`]);
    await fleet.applyAndSettle({ changes: [`session/${agent} session-missing`] });
  });

  test('a pane process killed -9 is session-missing', async () => {
    await fleet.host.mustAs(USER, ['kill', '-9', (await panePids(fleet.host))[CODER] ?? '']);
    await fleet.applyAndSettle({ changes: [`session/${CODER} session-missing`] });
  });

  test('a killed tmux server is server-missing, though its holder unit is still active (exited)', async () => {
    await tmux(fleet.host, ['kill-server']);
    expect(await systemctl('show', '-p', 'ActiveState,SubState', HOLDER)).toBe('ActiveState=active\nSubState=exited\n');
    await fleet.applyAndSettle({
      changes: [`tmux-server/${SOCKET} server-missing`, ...AGENTS.map((agent) => `session/${agent} session-missing`)],
    });
    const server = (await tmux(fleet.host, ['display-message', '-p', '#{pid}'])).trim();
    expect(await fleet.host.mustAs(USER, ['cat', `/proc/${server}/cgroup`])).toContain(HOLDER);
  });

  test('a missing holder session is holder-missing, made with its mark, and nothing else is touched', async () => {
    const seen = '#{session_name} mosaic/#{session_name}/#{pid}/#{session_id}/#{session_created}';
    const asMade = `run-shell "echo '#{session_name} #{@fleet_mark}' >>/tmp/created"`;
    await tmux(fleet.host, ['set-hook', '-g', 'session-created', asMade]);
    await tmux(fleet.host, ['kill-session', '-t', '=_holder']);
    await fleet.applyAndSettle({ changes: [`tmux-server/${SOCKET} holder-missing`] });
    await tmux(fleet.host, ['set-hook', '-gu', 'session-created']);
    const holder = await tmux(fleet.host, ['display-message', '-p', '-t', '=_holder:', seen]);
    expect(await fleet.host.mustAs(USER, ['cat', '/tmp/created'])).toBe(holder);
  });

  test.each([
    ['file', (): string => `rm ${socketPath()}`],
    ['directory', (): string => `rm -r $(dirname ${socketPath()})`],
  ])("the server's deleted socket %s is socket-deleted, and its server goes on", async (_what, command) => {
    const before = await panePids(fleet.host);
    await fleet.host.mustAs(USER, ['sh', '-c', command()]);
    // What runs behind it cannot be seen, so the plan is incomplete.
    await fleet.applyAndSettle({ changes: [`tmux-server/${SOCKET} socket-deleted`], planCode: 3 });
    expect(await panePids(fleet.host)).toEqual(before);
  });

  test.each([unitOf(CODER), HOLDER])('%s disabled is boot-disabled', async (unit) => {
    await systemctl('disable', unit);
    await fleet.applyAndSettle({ changes: [`unit/${unit} boot-disabled`] });
  });

  test('a unit enabled for the runtime only is boot-runtime-only', async () => {
    await systemctl('disable', unitOf(CODER));
    await systemctl('enable', '--runtime', unitOf(CODER));
    await fleet.applyAndSettle({ changes: [`unit/${unitOf(CODER)} boot-runtime-only`] });
    // The repair adds to what is there; the link of this test is its own to remove.
    await systemctl('disable', '--runtime', unitOf(CODER));
    await fleet.expectClean();
  });

  test('a wants link deleted by hand is boot-disabled, also before systemd has noticed', async () => {
    await fleet.host.mustAs(USER, ['rm', `.config/systemd/user/default.target.wants/${unitOf(CODER)}`]);
    await fleet.applyAndSettle({ changes: [`unit/${unitOf(CODER)} boot-disabled`] });
  });

  test('a unit whose file lies elsewhere is unit-linked', async () => {
    const unit = unitOf(CODER);
    await systemctl('disable', unit);
    const copy = `mkdir elsewhere && cp .config/systemd/user/mosaic-agent@.service elsewhere/${unit}`;
    await fleet.host.mustAs(USER, ['sh', '-c', `${copy} && systemctl --user link ~/elsewhere/${unit}`]);
    expect(await systemctl('show', '-P', 'UnitFileState', unit)).toBe('linked\n');
    await fleet.applyAndSettle({ changes: [`unit/${unit} unit-linked`] });
    await systemctl('disable', unit);
    await systemctl('enable', unit);
    await fleet.expectClean();
  });

  test('a unit stopped by hand, and its session with it, comes back', async () => {
    await systemctl('stop', unitOf(CODER));
    await fleet.applyAndSettle({ changes: [`session/${CODER} session-missing`] });
  });

  test('linger off is linger-disabled, while a login keeps the manager', async () => {
    const login = await fleet.host.login(USER);
    await fleet.host.mustRoot(['loginctl', 'disable-linger', USER]);
    await fleet.applyAndSettle({ changes: [`linger/${USER} linger-disabled`] });
    await login.close();
    await fleet.expectClean();
  });

  test('linger off is linger-disabled, where the manager ended too', async () => {
    await fleet.host.mustRoot(['loginctl', 'disable-linger', USER]);
    await fleet.host.managerGone(USER);
    await fleet.applyAndSettle({ changes: [`linger/${USER} linger-disabled`], planCode: 3 });
    expect(Object.keys(await panePids(fleet.host)).sort()).toEqual(['_holder', ...AGENTS].sort());
  });

  test('a changed env key is env-file-changed, and no session is touched for it', async () => {
    // Started by systemd, not by fleet: only the age of its env file tells what a session was started from.
    await systemctl('restart', unitOf(CODER));
    await fleet.expectClean();
    await fleet.host.mustAs(USER, ['sed', '-i', 's/^MOSAIC_AGENT_CLASS=.*/MOSAIC_AGENT_CLASS=boss/', envFileOf(CODER)]);
    await fleet.applyAndSettle({
      changes: [`env-file/${CODER} env-file-changed`],
      warningsAfter: [`session/${CODER} spec-unknown`],
    });
    await systemctl('restart', unitOf(CODER));
    await fleet.expectClean();
  });

  test('a deleted env file of a session that fleet started is env-file-missing', async () => {
    await tmux(fleet.host, ['kill-session', '-t', `=${CODER}`]);
    await fleet.applyAndSettle({ changes: [`session/${CODER} session-missing`] });
    await fleet.host.mustAs(USER, ['rm', envFileOf(CODER)]);
    await fleet.applyAndSettle({ changes: [`env-file/${CODER} env-file-missing`] });
  });

  test('several drifts at once are all repaired by one apply', async () => {
    await systemctl('disable', unitOf('dogfood-reviewer'));
    await tmux(fleet.host, ['kill-session', '-t', `=${CODER}`]);
    await fleet.host.mustAs(USER, ['sed', '-i', '/^MOSAIC_AGENT_RUNTIME/d', envFileOf(CODER)]);
    await tmux(fleet.host, ['kill-session', '-t', '=_holder']);
    await fleet.applyAndSettle({
      changes: [
        `unit/${unitOf('dogfood-reviewer')} boot-disabled`,
        `env-file/${CODER} env-file-changed`,
        `session/${CODER} session-missing`,
        `tmux-server/${SOCKET} holder-missing`,
      ],
    });
  });
});
