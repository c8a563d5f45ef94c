/** Layout fleet: the whole life of a fleet, from the first apply through a reboot to removal. The tests build on one another. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blockedOf, driftOf, expectSuccess, type Fleet, fleetOn, unmanagedOf } from './harness/fleet.ts';
import { bootHost } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';
import { snapshot, withoutState } from './harness/snapshot.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const USER = 'friday';
const SOCKET = 'life';
const ROSTER = `/home/${USER}/fleet.yaml`;
const unitOf = (agent: string): string => `fleet-agent@${agent}.service`;
const HOLDER = 'fleet-tmux.service';
const TEMPLATE = 'fleet-agent@.service';

const filesOf = (agent: string): readonly string[] => [`env-file/${agent}`, `env-file/${agent}.argv`];
const missingFile = (file: string): string => `${file} env-file-missing`;
const firstChangesOf = (agent: string): readonly string[] => [
  ...filesOf(agent).map(missingFile),
  `unit/${unitOf(agent)} boot-disabled`,
  `session/${agent} session-missing`,
];

const NEW_ARGUMENTS = [...filesOf('alpha').map((file) => `${file} env-file-changed`), 'session/alpha spec-changed'];

describeOnHost('life of a fleet in layout fleet', () => {
  let fleet: Fleet;
  const write = (agents: readonly string[], more: readonly string[] = []): Promise<void> =>
    fleet.host.write(USER, 'fleet.yaml', stubRoster({ layout: 'fleet', socket: SOCKET, agents, more }));
  const tmux = (...args: readonly string[]): Promise<string> =>
    fleet.host.mustAs(USER, ['tmux', '-L', SOCKET, ...args]);
  const systemctl = (...args: readonly string[]): Promise<string> =>
    fleet.host.mustAs(USER, ['systemctl', '--user', ...args]);
  const sessions = async (): Promise<readonly string[]> =>
    (await tmux('list-sessions', '-F', '#S')).trim().split('\n').sort();

  beforeAll(async () => {
    const host = await bootHost({ hostname: 'lab', users: [{ name: USER, linger: false }] });
    fleet = fleetOn(host, USER, ROSTER);
    await installStub(host, USER);
    await write(['alpha', 'beta']);
  });
  afterAll(() => fleet?.host.destroy());

  test('without linger and without a login only linger is planned', async () => {
    const { plan } = await fleet.plan();
    expect(driftOf(plan).filter((line) => !line.startsWith('env-file/') && !line.startsWith('unit-file/'))).toEqual([
      `linger/${USER} linger-disabled`,
    ]);
  });

  test('the first apply, in a login, makes all of it', async () => {
    const login = await fleet.host.login(USER);
    await fleet.applyAndSettle({
      changes: [
        'env-file/fleet.launch env-file-missing',
        `unit-file/${HOLDER} unit-missing`,
        `unit-file/${TEMPLATE} unit-missing`,
        `unit-file/${HOLDER} daemon-reload-needed`,
        `linger/${USER} linger-disabled`,
        `unit/${HOLDER} boot-disabled`,
        `tmux-server/${SOCKET} server-missing`,
        ...firstChangesOf('alpha'),
        ...firstChangesOf('beta'),
      ],
    });
    expect(await sessions()).toEqual(['_holder', 'alpha', 'beta']);
    await login.close();
    await fleet.expectClean();
  });

  test('the pane’s process is the runtime itself, in its directory, in a session that bears the mark', async () => {
    const pid = (await tmux('list-panes', '-t', '=alpha:', '-F', '#{pane_pid}')).trim();
    expect(await fleet.host.mustAs(USER, ['cat', `/proc/${pid}/cmdline`])).toMatch(
      /^[^\0]*python3[^\0]*\0\/home\/friday\/dogfood-agent\.py\0$/,
    );
    expect(await fleet.host.mustAs(USER, ['readlink', `/proc/${pid}/cwd`])).toBe('/home/friday/src\n');
    expect(await tmux('show-options', '-qv', '-t', '=alpha:', '@fleet_mark')).toMatch(/^lab-fleet\/alpha\//);
  });

  test('after a reboot, without anyone logging in, it is back and the plan is empty', async () => {
    await fleet.host.reboot();
    await fleet.host.managerSettled(USER);
    expect(await sessions()).toEqual(['_holder', 'alpha', 'beta']);
    await fleet.expectClean();
  });

  test.each([
    ['a killed session', 'tmux -L life kill-session -t =alpha', ['session/alpha session-missing']],
    [
      'a killed pane process',
      'kill -9 $(tmux -L life list-panes -t =alpha: -F "#{pane_pid}")',
      ['session/alpha session-dead'],
    ],
    [
      'a killed server',
      'tmux -L life kill-server',
      ['tmux-server/life server-missing', 'session/alpha session-missing', 'session/beta session-missing'],
    ],
    ['a disabled unit', `systemctl --user disable ${unitOf('alpha')}`, [`unit/${unitOf('alpha')} boot-disabled`]],
  ])('%s is found and repaired', async (_what, command, changes) => {
    await fleet.host.mustAs(USER, ['sh', '-c', command]);
    await fleet.applyAndSettle({ changes });
  });

  test('where the caller’s TMUX_TMPDIR points does not matter', async () => {
    await fleet.host.mustAs(USER, ['mkdir', '-p', 'elsewhere']);
    const called = fleetOn(fleet.host, USER, ROSTER, { env: { TMUX_TMPDIR: `/home/${USER}/elsewhere` } });
    const before = await snapshot(fleet.host, USER);
    await called.expectClean();
    expectSuccess(await called.apply());
    expect(withoutState(await snapshot(fleet.host, USER))).toEqual(withoutState(before));
    expect(await fleet.host.mustAs(USER, ['ls', 'elsewhere'])).toBe('');
  });

  test('where the user manager’s own TMUX_TMPDIR points the fleet lives', async () => {
    const directory = `/tmp/sockets-of-${USER}`;
    const changes = [
      `tmux-server/${SOCKET} server-missing`,
      'session/alpha session-missing',
      'session/beta session-missing',
    ];
    await fleet.host.mustAs(USER, ['mkdir', '-p', directory]);
    await tmux('kill-server');
    await systemctl('set-environment', `TMUX_TMPDIR=${directory}`);
    await fleet.applyAndSettle({ changes });
    const there = ['env', `TMUX_TMPDIR=${directory}`, 'tmux', '-L', SOCKET];
    expect(await fleet.host.mustAs(USER, [...there, 'list-sessions', '-F', '#S'])).toBe('_holder\nalpha\nbeta\n');
    await fleet.host.mustAs(USER, [...there, 'kill-server']);
    await systemctl('unset-environment', 'TMUX_TMPDIR');
    await fleet.applyAndSettle({ changes });
    expect(await sessions()).toEqual(['_holder', 'alpha', 'beta']);
  });

  describe.each([
    ['the holder’s', HOLDER, HOLDER],
    ['the template', TEMPLATE, unitOf('alpha')],
  ])('a unit file by hand: %s', (_what, name, unit) => {
    const file = `.config/systemd/user/${name}`;
    const rewritten = [`unit-file/${name} unit-file-changed`, `unit-file/${name} daemon-reload-needed`];

    test('edited without a reload it is written again, and loaded', async () => {
      await fleet.host.mustAs(USER, ['sh', '-c', `echo '# edited' >>${file}`]);
      await fleet.applyAndSettle({ changes: rewritten });
      expect(await systemctl('show', '-P', 'NeedDaemonReload', unit)).toBe('no\n');
    });

    test('edited and reloaded it is written again, and loaded', async () => {
      await fleet.host.mustAs(USER, ['sh', '-c', `sed -i 's/^Description=.*/Description=mine/' ${file}`]);
      await systemctl('daemon-reload');
      expect(await systemctl('show', '-P', 'Description', unit)).toBe('mine\n');
      await fleet.applyAndSettle({ changes: rewritten });
      expect(await systemctl('show', '-P', 'Description', unit)).not.toBe('mine\n');
    });

    test('touched it needs only a reload', async () => {
      await fleet.host.mustAs(USER, ['touch', file]);
      expect(await systemctl('show', '-P', 'NeedDaemonReload', unit)).toBe('yes\n');
      await fleet.applyAndSettle({ changes: [`unit-file/${name} daemon-reload-needed`] });
    });
  });

  test('a restarted holder unit stops nobody', async () => {
    const before = await tmux('list-panes', '-a', '-F', '#{session_name} #{pane_pid}');
    await systemctl('restart', HOLDER);
    expect(await tmux('list-panes', '-a', '-F', '#{session_name} #{pane_pid}')).toBe(before);
    await fleet.expectClean();
  });

  test('a second fleet of the same user leaves the first one’s units alone, and says so', async () => {
    const text = stubRoster({ layout: 'fleet', socket: 'second', agents: ['omega'], more: [] });
    await fleet.host.write(USER, 'second.yaml', text.replace('fleet: lab-fleet', 'fleet: second'));
    const second = fleetOn(fleet.host, USER, `/home/${USER}/second.yaml`);
    const units = (): Promise<string> =>
      systemctl('show', '-p', 'Id,InvocationID,ActiveState,UnitFileState', HOLDER, unitOf('alpha'), unitOf('omega'));
    const before = await units();
    const { plan, code } = await second.plan();
    expect({ changes: driftOf(plan), code }).toEqual({ changes: filesOf('omega').map(missingFile), code: 4 });
    expect(blockedOf(plan)).toEqual([
      'session/omega session-missing other-owner',
      'tmux-server/second server-missing other-owner',
      `unit-file/${TEMPLATE} other-owner other-owner`,
      `unit-file/${HOLDER} other-owner other-owner`,
      `unit/${unitOf('omega')} boot-disabled other-owner`,
    ]);
    expect((await second.apply()).code).toBe(4);
    const after = await snapshot(fleet.host, USER);
    expect((await second.apply()).code).toBe(4);
    expect(withoutState(await snapshot(fleet.host, USER))).toEqual(withoutState(after));
    expect(await units()).toBe(before);
    await fleet.host.mustAs(USER, ['sh', '-c', 'rm second.yaml .config/fleet/agents/omega.*']);
    await fleet.expectClean();
  });

  test.each([
    ['the template', TEMPLATE, 'tmux -L life kill-session -t =alpha', 'session/alpha session-missing'],
    ['the holder’s', HOLDER, 'tmux -L life kill-server', `tmux-server/${SOCKET} server-missing`],
  ])(
    'a unit file that is a link to another text (%s) is told, and neither written through nor used',
    async (_what, name, kill, left) => {
      const link = `.config/systemd/user/${name}`;
      const change = `sed 's/^Description=.*/Description=mine/' ${link} >dotfile && ln -sf ~/dotfile ${link}`;
      await fleet.host.mustAs(USER, ['sh', '-c', `${change} && systemctl --user daemon-reload && ${kill}`]);
      const text = await fleet.host.mustAs(USER, ['cat', 'dotfile']);
      const { plan, code } = await fleet.plan();
      expect(code).toBe(4);
      expect(blockedOf(plan)).toEqual(
        expect.arrayContaining([`unit-file/${name} unit-file-changed not-ours`, `${left} not-ours`]),
      );
      expect(driftOf(plan)).toEqual([]);
      expect((await fleet.apply()).code).toBe(4);
      expect(await fleet.host.mustAs(USER, ['cat', 'dotfile'])).toBe(text);
      expect(await fleet.host.mustAs(USER, ['readlink', link])).toBe(`/home/${USER}/dotfile\n`);
      // The way out that is named there.
      await fleet.host.mustAs(USER, ['rm', link]);
      expectSuccess(await fleet.apply());
      expect(await sessions()).toEqual(['_holder', 'alpha', 'beta']);
      await fleet.expectClean();
    },
  );

  test('other arguments restart just that agent', async () => {
    await write(['alpha', 'beta'], ['--name=x; touch /tmp/pwned $(touch /tmp/pwned) %n "#(touch /tmp/pwned)"']);
    await fleet.applyAndSettle({ changes: NEW_ARGUMENTS });
    const pid = (await tmux('list-panes', '-t', '=alpha:', '-F', '#{pane_pid}')).trim();
    expect(await fleet.host.mustAs(USER, ['cat', `/proc/${pid}/cmdline`])).toContain('%n "#(touch /tmp/pwned)"\0');
    expect((await fleet.host.root(['ls', '/tmp/pwned'])).code).not.toBe(0);
    await write(['alpha', 'beta']);
    await fleet.applyAndSettle({ changes: NEW_ARGUMENTS });
  });

  test("a person's and a protected agent's windows that are linked into an agent's session live on when it ends", async () => {
    const protecting = (more: readonly string[]): Promise<void> => {
      const roster = stubRoster({ layout: 'fleet', socket: SOCKET, agents: ['alpha', 'beta'], more });
      return fleet.host.write(USER, 'fleet.yaml', roster.replace('name: beta,', 'name: beta, protect: true,'));
    };
    const panes = async (name: string): Promise<string> =>
      tmux('list-panes', '-s', '-t', `=${name}:`, '-F', '#{session_id} #{pane_id} #{pane_pid} #{pane_dead}');
    const others = () => Promise.all(['_holder', 'beta', 'mywork'].map(panes));
    const link = async (): Promise<void> => {
      await tmux('link-window', '-d', '-s', '=mywork:0', '-t', '=alpha:5');
      await tmux('link-window', '-d', '-s', '=beta:0', '-t', '=alpha:6');
    };
    await protecting([]);
    expectSuccess(await fleet.apply());
    await tmux('new-session', '-d', '-s', 'mywork', 'exec sleep infinity');
    const before = await others();

    await link();
    let own = await panes('alpha');
    await systemctl('restart', unitOf('alpha'));
    expect(await others()).toEqual(before);
    expect((await panes('alpha')).split('\n')).not.toContain(own.split('\n')[0]);
    await fleet.expectClean();

    await link();
    own = await panes('alpha');
    await protecting(['new']);
    expectSuccess(await fleet.apply());
    expect([await panes('alpha'), await others()]).toEqual([own, before]);
    const { plan } = await fleet.plan();
    expect(plan.deferred.map(({ why, evidence }) => [why, evidence.at(-1)])).toEqual([
      ['other-panes', expect.stringContaining('2 shown by beta, mywork too')],
    ]);
    expectSuccess(await fleet.apply(['--target', 'session/alpha', '--even-if-attached']));
    expect(await others()).toEqual(before);
    expect((await panes('alpha')).split('\n')).not.toContain(own.split('\n')[0]);
    await fleet.expectClean();

    await tmux('kill-session', '-t', '=mywork');
    await write(['alpha', 'beta']);
    await fleet.applyAndSettle({ changes: NEW_ARGUMENTS });
  });

  test('a new agent is started, and enabled too', async () => {
    await write(['alpha', 'beta', 'gamma']);
    await fleet.applyAndSettle({ changes: firstChangesOf('gamma') });
  });

  test('an agent off the roster is listed, and removed with --prune alone', async () => {
    await write(['alpha', 'gamma']);
    const { plan, code } = await fleet.plan();
    expect({ changes: driftOf(plan), code }).toEqual({ changes: [], code: 0 });
    expect(unmanagedOf(plan)).toContain('session/beta');
    const before = await snapshot(fleet.host, USER);
    expectSuccess(await fleet.apply());
    expect((await snapshot(fleet.host, USER)).filter(([kind]) => kind === 'session')).toEqual(
      before.filter(([kind]) => kind === 'session'),
    );

    const pruned = await fleet.plan(['--prune']);
    expect(driftOf(pruned.plan)).toEqual(
      expect.arrayContaining(['session/beta orphan-session', `unit/${unitOf('beta')} orphan-unit`]),
    );
    expectSuccess(await fleet.apply(['--prune']));
    expect(await sessions()).toEqual(['_holder', 'alpha', 'gamma']);
    expect(await systemctl('show', '-p', 'ActiveState,UnitFileState', unitOf('beta'))).toBe(
      'ActiveState=inactive\nUnitFileState=disabled\n',
    );
    expect(await fleet.host.mustAs(USER, ['sh', '-c', 'ls ~/.config/fleet/agents | grep beta || true'])).toBe('');
    const after = await fleet.plan(['--prune']);
    expect({ changes: driftOf(after.plan), unmanaged: unmanagedOf(after.plan), code: after.code }).toEqual({
      changes: [],
      unmanaged: [],
      code: 0,
    });
  });

  test('what was removed stays away after a reboot', async () => {
    await fleet.host.reboot();
    await fleet.host.managerSettled(USER);
    expect(await sessions()).toEqual(['_holder', 'alpha', 'gamma']);
    await fleet.expectClean();
  });

  test('a stopped agent is stopped and stays away at boot', async () => {
    const roster = stubRoster({ layout: 'fleet', socket: SOCKET, agents: ['alpha', 'gamma'], more: [] });
    await fleet.host.write(
      USER,
      'fleet.yaml',
      roster.replace('name: gamma,', 'name: gamma, state: stopped, stopped: { by: me, why: rest },'),
    );
    await fleet.applyAndSettle({
      changes: ['session/gamma should-be-stopped', `unit/${unitOf('gamma')} boot-enabled`],
    });
    await fleet.host.reboot();
    await fleet.host.managerSettled(USER);
    expect(await sessions()).toEqual(['_holder', 'alpha']);
    await fleet.expectClean();
  });
});
