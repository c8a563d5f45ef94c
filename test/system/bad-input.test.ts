/** Bad input that needs a real host: a clear error, the right exit code, no effect. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { driftOf, expectSuccess, type Fleet, fleetOn } from './harness/fleet.ts';
import type { AsOptions } from './harness/host.ts';
import { bootHost } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';
import { snapshot, withoutState } from './harness/snapshot.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const USER = 'friday';
const SOCKET = 'bad';
const GOOD = stubRoster({ layout: 'fleet', supervisor: 'none', socket: SOCKET, agents: ['alpha'], more: [] });

describeOnHost('bad input on a host', () => {
  let fleet: Fleet;
  const home = `/home/${USER}`;
  const tmux = (...args: readonly string[]): Promise<string> =>
    fleet.host.mustAs(USER, ['tmux', '-L', SOCKET, ...args]);
  const sessions = (): Promise<string> => tmux('list-sessions', '-F', '#S');
  const socket = (): string => `/tmp/tmux-${fleet.host.uid(USER)}/${SOCKET}`;

  beforeAll(async () => {
    const host = await bootHost({ hostname: 'lab', users: [{ name: USER, linger: false }] });
    fleet = fleetOn(host, USER, '/etc/fleet.yaml');
    await host.mustRoot(['sh', '-c', 'cat >/etc/fleet.yaml'], GOOD);
    await installStub(host, USER);
    expectSuccess(await fleet.apply());
  });
  beforeEach(() => fleet.expectClean());
  afterAll(() => fleet?.host.destroy());

  /** plan and apply both give this code, say this, and touch nothing. */
  const refuses = async (
    code: number,
    says: RegExp,
    as: AsOptions = {},
    roster = '/etc/fleet.yaml',
    flags: readonly string[] = [],
  ): Promise<void> => {
    const before = await withoutSessions();
    for (const command of [
      ['plan', '--detailed-exitcode'],
      ['apply', '-y'],
    ]) {
      const ran = await fleet.run([...command, '-f', roster, ...flags], as);
      expect(`${ran.stdout}${ran.stderr}`).toMatch(says);
      expect(ran.stderr).not.toMatch(/bug in fleet|\n {4}at /);
      expect(ran.code, command[0]).toBe(code);
    }
    expect(await withoutSessions()).toEqual(before);
  };
  /** Sessions cannot always be asked for here; their processes can be seen. */
  const withoutSessions = async (): Promise<readonly unknown[]> =>
    withoutState(await snapshot(fleet.host, USER)).filter(([kind]) => kind !== 'session');

  test.each([
    ['empty', ''],
    ['no text', 'version: 1\u0000\u0001\u0002'],
    ['made of itself', `${GOOD}ignore: &a [*a]\n`],
    ['of 2 MiB', `${GOOD}# ${'x'.repeat(2 * 1024 * 1024)}\n`],
    ['of misspelt keys', GOOD.replace('name: alpha', 'nmae: alpha')],
    ['of wrong types', GOOD.replace('name: alpha', 'name: [alpha]')],
    ['of a name that tmux would change', GOOD.replace('name: alpha', 'name: al.pha')],
    ['of one name twice', `${GOOD}  - { name: alpha, runtime: stub }\n`],
    ['of an agent named as the holder', GOOD.replace('name: alpha', 'name: _holder')],
  ])('a roster that is %s is refused', async (_what, text) => {
    await fleet.host.write(USER, 'bad.yaml', text);
    await refuses(78, /bad\.yaml/, {}, 'bad.yaml');
  });

  test('a roster that may not be read, or is not there, is refused', async () => {
    await fleet.host.mustRoot(['sh', '-c', 'cp /etc/fleet.yaml /etc/closed.yaml; chmod 600 /etc/closed.yaml']);
    await refuses(78, /closed\.yaml.*(denied|EACCES)/is, {}, '/etc/closed.yaml');
    await refuses(78, /absent\.yaml/, {}, '/etc/absent.yaml');
  });

  /** The agents of `there` live on a host or with a tenant of that name. */
  const placed = (kind: 'host' | 'tenant', there: readonly string[]): string => {
    const places =
      kind === 'host' ? 'hosts: { lab: {}, far: {} }' : 'tenants: { friday: { user: friday }, karen: { user: karen } }';
    const name = kind === 'host' ? 'far' : 'karen';
    const text = there.reduce(
      (roster, agent) => roster.replace(`name: ${agent},`, `name: ${agent}, ${kind}: ${name},`),
      MORE,
    );
    return text.replace('runtimes:', `${places}\nruntimes:`);
  };
  const MORE = `${GOOD}  - { name: beta, runtime: stub }\n`;

  test.each([
    [
      'host',
      'far',
      /no agent of this roster is for this machine and user \(lab\/friday\): they are for far\/friday/,
      /far is another machine than this one \(lab\)/,
    ],
    [
      'tenant',
      'karen',
      /no agent of this roster is for this machine and user \(lab\/friday\): they are for lab\/karen/,
      /karen is another user than this one \(friday\)/,
    ],
  ] as const)('a roster for another %s acts on nothing, and says for whom it is', async (kind, name, nobody, other) => {
    await fleet.host.write(USER, 'placed.yaml', placed(kind, ['alpha', 'beta']));
    await refuses(1, nobody, {}, 'placed.yaml');
    await refuses(3, other, {}, 'placed.yaml', [`--${kind}`, name]);
  });

  test.each([
    ['host', 'far', 'lab'],
    ['tenant', 'karen', 'friday'],
  ] as const)(
    'of a roster that is for another %s too only what is here is acted on, and the rest is told',
    async (kind, name, here) => {
      await fleet.host.write(USER, 'placed.yaml', placed(kind, ['beta']));
      const there = kind === 'host' ? 'far/friday' : 'lab/karen';
      await refuses(3, new RegExp(`\\? ${there}/session/beta`), {}, 'placed.yaml');
      await refuses(3, /nothing was looked at/, {}, 'placed.yaml', [`--${kind}`, name]);
      await refuses(64, new RegExp(`the roster knows no ${kind} 'nosuch'`), {}, 'placed.yaml', [`--${kind}`, 'nosuch']);
      await refuses(0, /1 of 1 host observed; 1 agent unchanged/, {}, 'placed.yaml', [`--${kind}`, here]);

      await tmux('kill-session', '-t', '=alpha');
      const flags = ['-y', '-f', 'placed.yaml'];
      const away = await fleet.run(['apply', ...flags, `--${kind}`, name]);
      expect([away.code, await sessions()]).toEqual([3, '_holder\n']);
      expectSuccess(await fleet.run(['apply', ...flags, `--${kind}`, here]));
      expect(await sessions()).toBe('_holder\nalpha\n');
    },
  );

  test.each([
    ['working directory', 'working_directory: ~/nowhere', 'workdir-missing'],
    ['command', 'command: [~/nothing]', 'command-missing'],
  ])('a %s that is not there is found by plan, and nothing is started', async (_what, field, reason) => {
    await fleet.host.write(USER, 'more.yaml', `${GOOD}  - { name: beta, runtime: stub, ${field} }\n`);
    const flags = ['-f', 'more.yaml', '--target', 'beta'];
    const plan = await fleet.run(['plan', '--json', '--detailed-exitcode', ...flags]);
    expect(plan.code, plan.stderr).toBe(4);
    expect(JSON.parse(plan.stdout)).toMatchObject({ blocked: [{ agent: 'beta', reason, remedy: expect.any(String) }] });
    const before = (await tmux('list-sessions', '-F', '#{session_name} #{session_id}')).trim();
    expect((await fleet.run(['apply', '-y', ...flags])).code).toBe(4);
    expect((await tmux('list-sessions', '-F', '#{session_name} #{session_id}')).trim()).toBe(before);
    await fleet.host.mustAs(USER, [
      'sh',
      '-c',
      `rm -f more.yaml .config/fleet/env/beta.* ; find . -name 'beta.*' -delete`,
    ]);
  });

  test('no tmux: nothing is known, and it says how to install it', async () => {
    await fleet.host.mustRoot(['mv', '/usr/bin/tmux', '/usr/bin/tmux.away']);
    try {
      await refuses(3, /tmux.*(not installed|not found|not-installed)/is);
    } finally {
      await fleet.host.mustRoot(['mv', '/usr/bin/tmux.away', '/usr/bin/tmux']);
    }
  });

  test('a tmux that hangs is given up after the deadline', async () => {
    const server = (await tmux('display-message', '-p', '#{pid}')).trim();
    await fleet.host.mustAs(USER, ['kill', '-STOP', server]);
    try {
      const ran = await fleet.run(['plan', '--detailed-exitcode', '-f', '/etc/fleet.yaml']);
      expect(ran.code).toBe(3);
      expect(ran.stdout + ran.stderr).toMatch(/tmux gave no answer within 5 s/);
      const clients = await fleet.host.mustAs(USER, ['sh', '-c', 'pgrep -cx "tmux: client" || true']);
      expect(clients.trim()).toBe('0');
      await refuses(3, /tmux gave no answer within 5 s/);
    } finally {
      await fleet.host.mustAs(USER, ['kill', '-CONT', server]);
    }
  });

  test('a socket that may not be opened is denied, not absent', async () => {
    await fleet.host.mustAs(USER, ['chmod', '000', socket()]);
    try {
      await refuses(3, /denied|permission/i);
    } finally {
      await fleet.host.mustAs(USER, ['chmod', '700', socket()]);
    }
  });

  test('a server that answers “access not allowed” with exit 0 is denied, not empty', async () => {
    const other = stubRoster({ layout: 'fleet', supervisor: 'none', socket: 'theirs', agents: ['omega'], more: [] });
    await fleet.host.mustRoot(['sh', '-c', 'cat >/etc/theirs.yaml'], other);
    expectSuccess(await fleet.run(['apply', '-y', '-f', '/etc/theirs.yaml']));
    await fleet.host.mustAs(USER, ['tmux', '-L', 'theirs', 'kill-server']);
    const theirs = `/tmp/tmux-${fleet.host.uid(USER)}/theirs`;
    await fleet.host.mustRoot(['tmux', '-S', theirs, 'new-session', '-d', '-s', 'x', 'exec sleep infinity']);
    await fleet.host.mustRoot(['chmod', '666', theirs]);
    const raw = await fleet.host.as(USER, ['tmux', '-L', 'theirs', 'list-sessions']);
    expect({ code: raw.code, out: raw.stdout }).toEqual({ code: 0, out: '' });
    expect(raw.stderr).toContain('access not allowed');
    try {
      await refuses(3, /not allowed|denied/i, {}, '/etc/theirs.yaml');
    } finally {
      await fleet.host.mustRoot(['tmux', '-S', theirs, 'kill-server']);
      await fleet.host.mustRoot(['rm', '-f', theirs]);
    }
  });

  test('a tmux that answers nonsense is not believed', async () => {
    await fleet.host.write(USER, 'bin/tmux', '#!/bin/sh\necho "%%% hello;world"\nexit 0\n', '755');
    await refuses(3, /tmux/i, { env: { PATH: `${home}/bin:/usr/bin:/bin` } });
    await fleet.host.mustAs(USER, ['rm', '-r', 'bin']);
  });

  test('no user manager where units are wanted: only linger and files are planned, and the rest is told as not observed', async () => {
    const roster = stubRoster({ layout: 'mosaic', socket: 'units', agents: ['omega'], more: [] });
    await fleet.host.write(USER, 'units.yaml', roster);
    const units = fleetOn(fleet.host, USER, 'units.yaml');
    const none = `/run/user/${fleet.host.uid(USER)} does not exist: no user manager runs`;
    const unseen = [
      'tmux-server/units unobserved: server missing, left alone: mosaic-tmux-holder.service was not observed',
      `unit/mosaic-tmux-holder.service no-runtime-directory: ${none}`,
      `unit/mosaic-agent@omega.service no-runtime-directory: ${none}`,
      `session/omega no-runtime-directory: session missing, left alone: units: ${none}`,
    ].map((row) => `lab/${USER}/${row}`);
    const plans = async (changes: readonly string[]): Promise<void> => {
      const { plan, code } = await units.plan();
      expect({
        changes: driftOf(plan),
        blocked: plan.blocked,
        unknown: plan.unknown.map(({ address, why, detail }) => `${address} ${why}: ${detail}`),
        hosts: plan.hosts.map(({ status, error }) => `${status} ${error}`),
        code,
      }).toEqual({ changes, blocked: [], unknown: unseen, hosts: [`partial units: ${none}`], code: 3 });
      const text = await units.run(['plan', '-f', 'units.yaml']);
      expect([text.code, text.stdout.split('\n').filter((line) => /^[?+~!-]/.test(line))]).toEqual([
        3,
        [
          ...changes.map((change) => expect.stringContaining(`lab/${USER}/${change.split(' ')[0]} `)),
          ...unseen.map((row) => `? ${row.replace(/ ([a-z-]+): .*/, '  not observed ($1)')}`),
        ],
      ]);
    };

    await plans(['env-file/omega env-file-missing', `linger/${USER} linger-disabled`]);
    await fleet.host.mustRoot(['sh', '-c', `touch /var/lib/systemd/linger/${USER}`]); // lingers, but its manager is not up
    await plans(['env-file/omega env-file-missing']);
    const ran = await units.apply();
    expect([ran.code, ran.stdout]).toEqual([3, expect.stringContaining(`? lab/${USER}/session/omega  not observed`)]);
    expect((await fleet.host.as(USER, ['ls', `/tmp/tmux-${fleet.host.uid(USER)}/units`])).code).not.toBe(0);
    await plans([]);
    await units.applyTouchesNothing(3);
    await fleet.host.mustRoot(['rm', `/var/lib/systemd/linger/${USER}`]);
    await fleet.host.mustAs(USER, ['rm', 'units.yaml']);
  });

  test('a full disk: an error, and nothing was started', async () => {
    await withHome('size=64k', async () => {
      await fleet.host.as(USER, ['sh', '-c', 'dd if=/dev/zero of=filler bs=1k count=100 2>/dev/null']);
      await startsNothing(/ENOSPC|no space/i);
    });
  });

  test('a read-only home: an error, and nothing was started', async () => {
    await withHome('size=1m,ro', () => startsNothing(/EROFS|read-only/i));
  });

  /** Runs with another, empty home of these mount options, and another socket than the fleet's. */
  const withHome = async (options: string, run: () => Promise<void>): Promise<void> => {
    const uid = fleet.host.uid(USER);
    const roster = stubRoster({ layout: 'fleet', supervisor: 'none', socket: 'full', agents: ['tiny'], more: [] });
    const plain = roster.replace('~/src', '/tmp').replace('~/dogfood-agent.py', '/opt/dogfood-agent.py');
    await fleet.host.mustRoot(['sh', '-c', 'cat >/etc/full.yaml'], plain);
    await fleet.host.mustRoot(['cp', `${home}/dogfood-agent.py`, '/opt/dogfood-agent.py']);
    await fleet.host.mustRoot(['mount', '-t', 'tmpfs', '-o', `mode=700,uid=${uid},${options}`, 'tmpfs', home]);
    try {
      await run();
    } finally {
      await fleet.host.mustRoot(['umount', '-l', home]);
    }
  };
  const startsNothing = async (says: RegExp): Promise<void> => {
    const ran = await fleet.run(['apply', '-y', '-f', '/etc/full.yaml']);
    expect(ran.stdout + ran.stderr).toMatch(says);
    expect(ran.stderr).not.toMatch(/bug in fleet/);
    expect(ran.code, ran.stdout + ran.stderr).toBe(1);
    expect((await fleet.host.as(USER, ['tmux', '-N', '-L', 'full', 'list-sessions'])).code).not.toBe(0);
  };
});
