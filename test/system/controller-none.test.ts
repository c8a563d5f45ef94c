/** The controller as a service where no units supervise the agents: it makes the sessions, and they are not its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { METRICS as ALL_METRICS } from '../../src/reconcile/metrics/metrics.ts';
import { until } from './harness/execute.ts';
import { bootHost, type Host } from './harness/host.ts';
import { describeOnHost, keepForFailure } from './harness/on-host.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const USER = 'vision';
const SOCKET = 'plain';
const AGENTS = ['alpha', 'beta'];
const ROSTER = `/home/${USER}/rosters/fleet.yaml`;
const STATE = `/home/${USER}/.local/state/fleet/lab/lab-fleet`;
const METRICS = `/home/${USER}/metrics.sock`;

describeOnHost('the controller without units', () => {
  let host: Host;
  const sh = (script: string): Promise<string> => host.mustAs(USER, ['sh', '-c', script]);
  const systemctl = (...args: readonly string[]): Promise<string> =>
    host.mustAs(USER, ['systemctl', '--user', ...args]);
  const paneOf = async (agent: string): Promise<number | null> => {
    const format = '#{pane_pid} #{pane_dead}';
    const shown = await host.as(USER, ['tmux', '-L', SOCKET, 'list-panes', '-t', `=${agent}:`, '-F', format]);
    const [pid, dead] = shown.stdout.trim().split(' ');
    return shown.code === 0 && dead === '0' ? Number(pid) : null;
  };
  const panes = () => Promise.all(AGENTS.map(paneOf));
  const controllerPid = async (): Promise<number> =>
    Number(await systemctl('show', '-p', 'MainPID', '--value', 'fleet.service'));
  const cgroupOf = async (pid: number): Promise<string> => (await sh(`cat /proc/${pid}/cgroup`)).trim();
  const eventLike = (words: string) =>
    until(`an event with ${words}`, async () => {
      const text = await sh(`cat ${STATE}/events.jsonl 2>/dev/null || true`);
      keepForFailure('events.jsonl', text);
      return text.split('\n').find((line) => line.includes(words)) ?? null;
    });
  const git = (...args: readonly string[]): Promise<string> =>
    host.mustAs(USER, ['git', '-C', 'rosters', '-c', 'user.name=t', '-c', 'user.email=t@t', ...args]);
  const commit = async (agents: readonly string[]): Promise<void> => {
    const text = stubRoster({ layout: 'fleet', supervisor: 'none', socket: SOCKET, agents, more: [] });
    await host.write(USER, 'rosters/fleet.yaml', text);
    await git('add', '-A');
    await git('commit', '-qm', 'agents');
  };

  beforeAll(async () => {
    host = await bootHost({ hostname: 'lab', users: [{ name: USER, linger: true }] });
    await installStub(host, USER);
    await sh('mkdir rosters && git -C rosters init -q -b main');
    await commit(AGENTS);
    const args = ['install', '-f', ROSTER, '--git', 'main', '--metrics', `unix:${METRICS}`];
    const ran = await host.fleet(USER, args);
    expect([ran.code, ran.stderr]).toEqual([0, '']);
  });
  afterAll(async () => {
    keepForFailure(
      'journal.txt',
      await host?.mustAs(USER, ['journalctl', '--user', '-u', 'fleet.service', '--no-pager']).catch(() => ''),
    );
    await host?.destroy();
  });

  test('the tmux server that it brings up is outside of its own unit', async () => {
    await until('all are up', async () => ((await panes()).every((pid) => pid !== null) ? true : null));
    const server = Number(await host.mustAs(USER, ['tmux', '-L', SOCKET, 'display-message', '-p', '#{pid}']));
    for (const pid of [server, ...(await panes())]) expect(await cgroupOf(pid ?? 0)).not.toContain('fleet.service');
    expect(await cgroupOf(await controllerPid())).toContain('fleet.service');
  });

  test('agents inherit nothing of what systemd told the controller alone', async () => {
    const [pid] = await panes();
    expect(await sh(`tr '\\0' '\\n' </proc/${pid}/environ`)).not.toMatch(/^(NOTIFY_SOCKET|WATCHDOG_|JOURNAL_STREAM)/m);
  });

  test('its end, however it comes, leaves the sessions alone', async () => {
    const before = await panes();
    await systemctl('kill', '--signal=KILL', '--kill-whom=all', 'fleet.service');
    await until('it is back', async () => ((await controllerPid()) > 0 ? true : null));
    await systemctl('stop', 'fleet.service');
    await systemctl('start', 'fleet.service');
    expect(await panes()).toEqual(before);
  });

  test('a loop that hangs is ended by the watchdog, and comes back', async () => {
    await host.write(USER, '.config/systemd/user/fleet.service.d/fast.conf', '[Service]\nWatchdogSec=8s\n');
    await systemctl('daemon-reload');
    await systemctl('restart', 'fleet.service');
    const pid = await controllerPid();
    // Longer than the watchdog's time: it is fed while all goes on.
    const fed = Date.now() + 17_000;
    await until('it lives on', async () => (Date.now() > fed ? true : null));
    expect(await controllerPid()).toBe(pid);
    await host.mustAs(USER, ['kill', '-STOP', String(pid)]);
    await until('another one', async () => {
      const now = await controllerPid();
      return now > 0 && now !== pid ? now : null;
    });
    await sh('rm -r .config/systemd/user/fleet.service.d');
    await systemctl('daemon-reload');
    await systemctl('restart', 'fleet.service');
  });

  test('it follows the branch, and not the checkout', async () => {
    await host.write(USER, 'rosters/fleet.yaml', 'version: 1\nagents: []\n');
    await git('checkout', '-q', 'fleet.yaml');
    AGENTS.push('gamma');
    await commit(AGENTS);
    await until('gamma is up', () => paneOf('gamma'));
  });

  test('history that was rewritten is refused, and said how to accept', async () => {
    const before = await panes();
    await git('reset', '-q', '--hard', 'HEAD~1');
    await eventLike('does not descend');
    await until('the status says how to accept it', async () => {
      const status = await host.fleet(USER, ['status', '-f', ROSTER]);
      return status.stdout.includes('to accept it: rm') ? status : null;
    });
    expect(await panes()).toEqual(before);
  });

  test('metrics are served on a socket of this user alone', async () => {
    const ask = `require('http').get({socketPath: '${METRICS}', path: '/metrics'}, r => r.pipe(process.stdout))`;
    // The repair of gamma ends when that has settled.
    const text = await until('a repair is told', async () => {
      const now = await host.mustAs(USER, [host.node, '-e', ask]);
      keepForFailure('metrics.txt', now);
      return now.includes('fleet_agent_restarts_total{agent="gamma"} 1') ? now : null;
    });
    expect(text).toContain('fleet_agents{condition="Ready"} 3');
    expect(text).toContain('fleet_roster_valid 0');
    expect(text).toMatch(/fleet_pass_duration_seconds_count\{scope="full"\} \d+/);
    expect(await sh(`stat -c %a ${METRICS}`)).toBe('600\n');
    expect(Number(/^fleet_heartbeat_age_seconds (\S+)$/m.exec(text)?.[1])).toBeLessThan(60);
    const told = (name: string): boolean => new RegExp(`^${name}(?:_count)?[{ ]`, 'm').test(text);
    // Nothing waits now; all else has a value.
    expect(ALL_METRICS.map(({ name }) => name).filter((name) => !told(name))).toEqual(['fleet_held_changes']);
  });
});
