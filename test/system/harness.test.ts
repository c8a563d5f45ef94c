/** The harness keeps its word: what the other system tests build on. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootHost, type Host } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';

describeOnHost('harness', () => {
  let host: Host;
  beforeAll(async () => {
    host = await bootHost({
      hostname: 'w-jarvis',
      users: [
        { name: 'jarvis', linger: true },
        { name: 'friday', linger: false },
      ],
    });
  });
  afterAll(() => host?.destroy());

  test('the host has its name, and a systemd that is up', async () => {
    expect(await host.mustRoot(['hostname'])).toBe('w-jarvis\n');
    expect((await host.root(['systemctl', 'is-system-running'])).stdout).toMatch(/running|degraded/);
  });

  test('a lingering user has a manager, another has none', async () => {
    expect((await host.as('jarvis', ['systemctl', '--user', 'is-system-running'])).stdout).toBe('running\n');
    const friday = await host.as('friday', ['systemctl', '--user', 'is-system-running']);
    expect(friday.stderr).toMatch(/No such file|No medium/);
    expect(friday.code).not.toBe(0);
  });

  test('a login brings up a manager, which ends with the logout', async () => {
    const login = await host.login('friday');
    const group = await host.mustAs('friday', ['cat', '/proc/self/cgroup'], { login });
    expect(group).toMatch(/user\.slice\/user-\d+\.slice\/session-\w+\.scope/);
    expect((await host.as('friday', ['systemctl', '--user', 'is-system-running'])).stdout).toBe('running\n');
    await login.close();
    await host.managerGone('friday');
  });

  test('a user may switch her own linger on and off', async () => {
    await host.mustAs('friday', ['loginctl', 'enable-linger', 'friday']);
    await host.managerSettled('friday');
    await host.mustAs('friday', ['loginctl', 'disable-linger', 'friday']);
    await host.managerGone('friday');
  });

  test('programs get input, environment, exit codes and a terminal', async () => {
    expect(await host.mustAs('jarvis', ['cat'], { input: 'hello' })).toBe('hello');
    expect(await host.mustAs('jarvis', ['pwd'])).toBe('/home/jarvis\n');
    const env = await host.mustAs('jarvis', ['env'], { env: { FOO: 'a b' } });
    expect(env).toContain('FOO=a b\n');
    expect(env).toContain(`XDG_RUNTIME_DIR=/run/user/${host.uid('jarvis')}\n`);
    expect(await host.mustAs('jarvis', ['env'], { bare: true })).not.toContain('XDG_RUNTIME_DIR');
    expect((await host.as('jarvis', ['sh', '-c', 'exit 7'])).code).toBe(7);
    expect(await host.mustAs('jarvis', ['tty'], { tty: true })).toMatch(/^\/dev\/pts\//);
  });

  test('a program over its deadline is ended, its children too', async () => {
    const ran = await host.as('jarvis', ['sh', '-c', 'sleep 1234 & wait'], { deadlineMs: 300 });
    expect(ran.code).toBeNull();
    expect((await host.root(['pgrep', '-f', 'sleep 1234'])).stdout).toBe('');
  });

  test('a unit that starts a tmux server is back after a reboot, and the disk is kept', async () => {
    await host.write('jarvis', '.config/systemd/user/holder.service', HOLDER);
    await host.mustAs('jarvis', ['systemctl', '--user', 'enable', '--now', 'holder.service']);
    // By the kernel's clock: a host is back within the second that tmux counts in.
    const began = `sed 's/.*) //' "/proc/$(tmux -L probe display-message -p '#{pid}')/stat" | cut -d ' ' -f 20`;
    const server = ['sh', '-c', began];
    const before = await host.mustAs('jarvis', server);
    const boot = await host.mustRoot(['cat', '/proc/sys/kernel/random/boot_id']);

    await host.reboot();
    await host.managerSettled('jarvis');

    expect(await host.mustAs('jarvis', server)).not.toBe(before);
    expect(await host.mustAs('jarvis', ['tmux', '-L', 'probe', 'list-sessions', '-F', '#S'])).toBe('_holder\n');
    expect(await host.mustRoot(['cat', '/proc/sys/kernel/random/boot_id'])).not.toBe(boot);
  });

  test('power can be lost and comes back', async () => {
    const before = host.leader();
    await host.powerOff();
    expect(existsSync(`/proc/${before}`)).toBe(false);
    await host.powerOn();
    await host.managerSettled('jarvis');
    expect(await host.mustAs('jarvis', ['tmux', '-L', 'probe', 'list-sessions', '-F', '#S'])).toBe('_holder\n');
  });

  test('nothing is left after it', async () => {
    const other = await bootHost({ users: [] });
    const leader = other.leader();
    const directory = dirname(other.disk.replace(/^\/proc\/\d+\/root/, ''));
    expect(existsSync(directory)).toBe(true);
    await other.destroy();
    expect(existsSync(directory)).toBe(false);
    expect(existsSync(`/proc/${leader}`)).toBe(false);
  });
});

const HOLDER = `[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
ExecStart=/usr/bin/tmux -L probe new-session -d -s _holder sleep infinity

[Install]
WantedBy=default.target
`;
