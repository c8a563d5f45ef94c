/**
 * What fleet makes bears its mark from the first instant. tmux tells of a session (`session-created`) when the call that
 * made it is over and before it reads another one: a hook that writes down the mark then sees what the first other
 * could see.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from './harness/execute.ts';
import { expectSuccess, type Fleet, fleetOn } from './harness/fleet.ts';
import { bootHost, type Host } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const SOCKET = 'marked';
const SESSIONS = ['_holder', 'alpha', 'beta'];
const SEEN = '#{session_name} #{pid} #{session_id} #{session_created} #{@fleet_mark}';
/** Read by every server of the user before its first session is made. */
const HOOK = `set-hook -g session-created { run-shell "echo '${SEEN}' >>~/created" }\n`;
/** Writes down each call that makes a session, word by word. */
const TMUX = `#!/bin/sh
for word; do
  [ "$word" != new-session ] || { printf '%s|' "$@" | tr '\\n' ' '; echo; } >>~/calls
done
exec /usr/bin/tmux "$@"
`;

describeOnHost('marks', () => {
  let host: Host;
  const users = [
    ['layout fleet, by the launcher in units', 'friday', 'systemd'],
    ['supervisor none', 'karen', 'none'],
  ] as const;

  beforeAll(async () => {
    host = await bootHost({ hostname: 'lab', users: users.map(([, name]) => ({ name, linger: true })) });
    await host.mustRoot(['sh', '-c', 'cat >/usr/local/bin/tmux && chmod 755 /usr/local/bin/tmux'], TMUX);
  });
  afterAll(() => host?.destroy());

  test.each(users)('%s: no session is ever there without its mark', async (_what, user, supervisor) => {
    const fleet: Fleet = fleetOn(host, user, `/home/${user}/fleet.yaml`);
    const sh = (script: string): Promise<string> => host.mustAs(user, ['sh', '-c', script]);
    const here = async (): Promise<readonly string[]> =>
      (await host.mustAs(user, ['tmux', '-L', SOCKET, 'list-sessions', '-F', SEEN])).trim().split('\n').sort();
    /** Of just these sessions each was made once, by a call that marks it, and seen first with the mark that it has. */
    const made = async (names: readonly string[]): Promise<void> => {
      const sessions = (await here()).filter((line) => names.includes(line.split(' ')[0] ?? ''));
      for (const line of sessions) {
        const [name, pid, id, created, mark] = line.split(' ');
        expect(mark).toBe(`lab-fleet/${name}/${pid}/${id}/${created}`);
      }
      // The hook's own shell is a job beside the call that it tells of.
      const told = await until('the hook has told of each', async () => {
        const lines = (await sh('cat created 2>/dev/null || :')).trim().split('\n').sort();
        return lines.length >= sessions.length ? lines : null;
      });
      await sh('rm created');
      expect(told).toEqual(sessions);
      const calls = (await sh('cat calls && rm calls')).trim().split('\n');
      const named = (name: string): RegExp =>
        new RegExp(`\\|-s\\|${name}\\|.*\\|;\\|set-option\\|-F\\|-t\\|=${name}:\\|@fleet_mark\\|`);
      expect(calls.map((call) => names.find((name) => named(name).test(call))).sort()).toEqual([...names].sort());
    };
    await host.write(user, '.tmux.conf', HOOK);
    await installStub(host, user);
    const roster = stubRoster({ layout: 'fleet', supervisor, socket: SOCKET, agents: ['alpha', 'beta'], more: [] });
    await host.write(user, 'fleet.yaml', roster);
    expectSuccess(await fleet.apply());
    await made(SESSIONS);

    for (const name of ['alpha', '_holder']) {
      await sh(`tmux -L ${SOCKET} kill-session -t =${name}`);
      expectSuccess(await fleet.apply());
      await made([name]);
    }
    await fleet.expectClean();
  });
});
