/** Supervisor none: the whole life of an agent on a host without a user manager. The tests build on one another. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { driftOf, expectSuccess, type Fleet, fleetOn, unmanagedOf } from './harness/fleet.ts';
import { bootHost } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';
import { snapshot, withoutState } from './harness/snapshot.ts';
import { installStub, socketDirectory, stubRoster } from './harness/stub-fleet.ts';

const USER = 'friday';
const SOCKET = 'bare';

const firstChangesOf = (agent: string): readonly string[] => [
  `env-file/${agent} env-file-missing`,
  `env-file/${agent}.argv env-file-missing`,
  `session/${agent} session-missing`,
];

const NEW_ARGUMENTS = [
  'env-file/alpha env-file-changed',
  'env-file/alpha.argv env-file-changed',
  'session/alpha spec-changed',
];

describeOnHost('life of a fleet without units', () => {
  let fleet: Fleet;
  const write = (agents: readonly string[], more: readonly string[] = []): Promise<void> =>
    fleet.host.write(
      USER,
      'fleet.yaml',
      stubRoster({ layout: 'fleet', supervisor: 'none', socket: SOCKET, agents, more }),
    );
  const tmux = (...args: readonly string[]): Promise<string> =>
    fleet.host.mustAs(USER, ['tmux', '-L', SOCKET, ...args]);
  const sessions = async (): Promise<readonly string[]> =>
    (await tmux('list-sessions', '-F', '#S')).trim().split('\n').sort();

  beforeAll(async () => {
    const host = await bootHost({ hostname: 'lab', users: [{ name: USER, linger: false }] });
    // No manager, no linger, not even a runtime directory: as from cron.
    fleet = fleetOn(host, USER, `/home/${USER}/fleet.yaml`, { bare: true });
    await installStub(host, USER);
    await write(['alpha', 'beta']);
  });
  afterAll(() => fleet?.host.destroy());

  test('the first apply makes server, holder and agents, and asks no systemd', async () => {
    await fleet.applyAndSettle({
      changes: [
        'env-file/fleet.launch env-file-missing',
        `tmux-server/${SOCKET} server-missing`,
        ...firstChangesOf('alpha'),
        ...firstChangesOf('beta'),
      ],
    });
    expect(await sessions()).toEqual(['_holder', 'alpha', 'beta']);
    expect(await fleet.host.mustAs(USER, ['sh', '-c', 'ls ~/.config'])).toBe('fleet\n');
  });

  test.each([
    ['a killed session', 'tmux -L bare kill-session -t =alpha', ['session/alpha session-missing']],
    [
      'a killed pane process',
      'kill -9 $(tmux -L bare list-panes -t =alpha: -F "#{pane_pid}")',
      ['session/alpha session-dead'],
    ],
    [
      'a killed server',
      'tmux -L bare kill-server',
      ['tmux-server/bare server-missing', 'session/alpha session-missing', 'session/beta session-missing'],
    ],
    ['a killed holder', 'tmux -L bare kill-session -t =_holder', ['tmux-server/bare holder-missing']],
    ['a deleted env file', 'rm .config/fleet/agents/alpha.env', ['env-file/alpha env-file-missing']],
  ])('%s is found and repaired', async (_what, command, changes) => {
    await fleet.host.mustAs(USER, ['sh', '-c', command]);
    await fleet.applyAndSettle({ changes });
  });

  test.each([
    [
      'with its server',
      'tmux -L bare kill-server; ',
      ['tmux-server/bare server-missing', 'session/alpha session-missing', 'session/beta session-missing'],
      2,
    ],
    ['from under its server', '', ['tmux-server/bare socket-deleted'], 3],
  ])(
    'a socket directory that is gone %s is made again, for its owner alone',
    async (_how, first, changes, planCode) => {
      await fleet.host.mustAs(USER, ['sh', '-c', `${first}rm -r /tmp/tmux-$(id -u)`]);
      await fleet.applyAndSettle({ changes, planCode });
      expect(await socketDirectory(fleet.host, USER)).toBe(`700 ${USER} directory`);
    },
  );

  test('other arguments restart just that agent', async () => {
    await write(['alpha', 'beta'], ['--verbose']);
    await fleet.applyAndSettle({ changes: NEW_ARGUMENTS });
    await write(['alpha', 'beta']);
    await fleet.applyAndSettle({ changes: NEW_ARGUMENTS });
  });

  test('a busy agent is not interrupted without the flag', async () => {
    await fleet.host.write(USER, '.dogfood/alpha.status', 'busy\n');
    const beat = '.local/state/fleet/run/alpha.hb';
    await fleet.host.mustAs(USER, ['sh', '-c', `timeout 50 sh -c 'until grep -q busy ${beat}; do sleep 0.1; done'`]);
    await write(['alpha', 'beta'], ['--verbose']);
    const { plan, code } = await fleet.plan();
    expect(plan.deferred.map(({ address, why }) => `${address.split('/').slice(2).join('/')} ${why}`)).toEqual([
      'session/alpha busy',
    ]);
    expect(code).toBe(2);
    const pid = await tmux('list-panes', '-t', '=alpha:', '-F', '#{pane_pid}');
    expectSuccess(await fleet.apply());
    expect(await tmux('list-panes', '-t', '=alpha:', '-F', '#{pane_pid}')).toBe(pid);

    expectSuccess(await fleet.apply(['--even-if-busy']));
    expect(await tmux('list-panes', '-t', '=alpha:', '-F', '#{pane_pid}')).not.toBe(pid);
    await fleet.host.mustAs(USER, ['rm', '.dogfood/alpha.status']);
    await fleet.expectClean();
  });

  test('a reboot loses it, as nothing supervises, and one apply brings it back', async () => {
    await fleet.host.reboot();
    await fleet.applyAndSettle({
      changes: [
        `tmux-server/${SOCKET} server-missing`,
        'session/alpha session-missing',
        'session/beta session-missing',
      ],
    });
  });

  test('an agent off the roster is listed, and with --prune alone all that fleet made for it goes, and nothing else', async () => {
    const theirs = ['.config/fleet/agents/alpha.notes', '.config/fleet/agents/gamma.env', '.config/fleet/alpha'];
    for (const file of theirs) await fleet.host.write(USER, file, 'mine\n');
    await write(['beta']);
    const { plan, code } = await fleet.plan();
    expect({ changes: driftOf(plan), code }).toEqual({ changes: [], code: 0 });
    expect(unmanagedOf(plan)).toContain('session/alpha');
    await fleet.applyTouchesNothing(0);

    const names = async (): Promise<readonly string[]> =>
      withoutState(await snapshot(fleet.host, USER)).map(([kind, name]) => `${kind} ${name}`);
    const before = await names();
    await fleet.applyAndSettle({
      changes: ['session/alpha orphan-session', 'env-file/alpha orphan-unit', 'env-file/alpha.argv orphan-unit'],
      flags: ['--prune'],
    });
    const gone = [
      'file .config/fleet/agents/alpha.argv',
      'file .config/fleet/agents/alpha.env',
      'process alpha',
      'session alpha',
    ];
    expect(await names()).toEqual(before.filter((name) => !gone.includes(name)));
    expect(before).toEqual(expect.arrayContaining(gone));
    const state = '.local/state/fleet/lab/lab-fleet';
    expect(await fleet.host.mustAs(USER, ['sh', '-c', `cat ${state}/* | grep -c alpha || true`])).toBe('0\n');
    expect(unmanagedOf((await fleet.plan(['--prune'])).plan)).toEqual([]);
  });
});
