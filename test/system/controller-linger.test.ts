/** `fleet install` where linger is off: without it the controller would end with the last logout. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootHost, type Host } from './harness/host.ts';
import type { Login } from './harness/login.ts';
import { describeOnHost } from './harness/on-host.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const USERS = ['friday', 'karen'];

describeOnHost('install without linger', () => {
  let host: Host;
  const install = async (user: string, login: Login) => {
    await installStub(host, user);
    await host.write(user, 'fleet.yaml', stubRoster({ layout: 'fleet', socket: user, agents: ['alpha'], more: [] }));
    return host.fleet(user, ['install', '-f', 'fleet.yaml'], { login });
  };
  const lingers = async (user: string): Promise<boolean> =>
    (await host.root(['test', '-e', `/var/lib/systemd/linger/${user}`])).code === 0;

  beforeAll(async () => {
    host = await bootHost({ hostname: 'lab', users: USERS.map((name) => ({ name, linger: false })) });
  });
  afterAll(async () => {
    await host?.destroy();
  });

  test('switches it on and says so: the controller outlives the last logout', async () => {
    const login = await host.login('friday');
    const ran = await install('friday', login);
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('switched linger on for friday')]);
    expect(await lingers('friday')).toBe(true);
    await login.close();
    await host.managerSettled('friday');
    expect(await host.mustAs('friday', ['systemctl', '--user', 'is-active', 'fleet.service'])).toBe('active\n');
  });

  test('says what root must do where that is refused, and runs until then', async () => {
    const rule =
      'polkit.addRule(function (action) {\n  if (/set-self-linger/.test(action.id)) return polkit.Result.NO;\n});\n';
    await host.mustRoot(
      ['sh', '-c', 'cat >/etc/polkit-1/rules.d/00-no-linger.rules; systemctl try-restart polkit'],
      rule,
    );
    const ran = await install('karen', await host.login('karen'));
    expect([ran.code, ran.stderr]).toEqual([7, expect.stringContaining('as root: loginctl enable-linger karen')]);
    expect(await lingers('karen')).toBe(false);
    expect(await host.mustAs('karen', ['systemctl', '--user', 'is-active', 'fleet.service'])).toBe('active\n');
  });
});
