/** `fleet install` and the controller on a booted host, under the user's own systemd. The tests build on one another. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StatusDocument } from '../../src/reconcile/control/status.ts';
import { until } from './harness/execute.ts';
import { bootHost, type Host } from './harness/host.ts';
import { describeOnHost, keepForFailure } from './harness/on-host.ts';
import { installStub, stubRoster } from './harness/stub-fleet.ts';

const USER = 'edith';
const SOCKET = 'watched';
const AGENTS = ['alpha', 'beta', 'gamma'];
const STATE = `/home/${USER}/.local/state/fleet/lab/lab-fleet`;

describeOnHost('the controller as a service', () => {
  let host: Host;
  const sh = (script: string): Promise<string> => host.mustAs(USER, ['sh', '-c', script]);
  const systemctl = (...args: readonly string[]): Promise<string> =>
    host.mustAs(USER, ['systemctl', '--user', ...args]);
  const write = (agents: readonly string[], more: readonly string[] = []): Promise<void> =>
    host.write(USER, 'fleet.yaml', stubRoster({ layout: 'fleet', socket: SOCKET, agents, more }));
  const events = async (): Promise<string> => {
    const text = await sh(`cat ${STATE}/events.jsonl 2>/dev/null || true`);
    keepForFailure('events.jsonl', text);
    return text;
  };
  const journal = async (): Promise<string> => {
    const text = await host.mustAs(USER, ['journalctl', '--user', '-u', 'fleet.service', '--no-pager', '-n', '200']);
    keepForFailure('journal.txt', text);
    return text;
  };
  /** Pid of the agent's pane, null where it has no session. */
  const paneOf = async (agent: string): Promise<number | null> => {
    const shown = await host.as(USER, [
      'tmux',
      '-L',
      SOCKET,
      'list-panes',
      '-t',
      `=${agent}:`,
      '-F',
      '#{pane_pid} #{pane_dead}',
    ]);
    const [pid, dead] = shown.stdout.trim().split(' ');
    return shown.code === 0 && dead === '0' ? Number(pid) : null;
  };
  const controllerPid = async (): Promise<number> =>
    Number(await systemctl('show', '-p', 'MainPID', '--value', 'fleet.service'));
  const panes = () => Promise.all(AGENTS.map(paneOf));
  const statusText = (): Promise<string> => sh(`cat ${STATE}/status.json`);
  /** Says the controller that runs now of the roster that is there now: a status file outlives both. */
  const allReady = () =>
    until('all is ready', async () => {
      const text = await statusText();
      keepForFailure('status.json', text);
      await events();
      const { controller, roster, conditions, agents } = JSON.parse(text) as StatusDocument;
      const current =
        controller.pid === (await controllerPid()) && (await sh('sha256sum fleet.yaml')).startsWith(roster.sha256);
      const idle = Object.values(agents).every(({ waiting }) => waiting.length === 0);
      return current && idle && conditions.some(({ reason }) => reason === 'AllReady') ? true : null;
    });
  const eventLike = (words: string) =>
    until(`an event with ${words}`, async () => {
      const found = (await events()).split('\n').find((line) => line.includes(words));
      return found ?? null;
    });
  const kill = async (agent: string): Promise<number> => {
    const pid = await paneOf(agent);
    await host.mustAs(USER, ['kill', '-9', String(pid)]);
    return until(`${agent} is back`, async () => {
      const now = await paneOf(agent);
      return now !== null && now !== pid ? now : null;
    });
  };

  beforeAll(async () => {
    host = await bootHost({ hostname: 'lab', users: [{ name: USER, linger: true }] });
    await installStub(host, USER);
    await write(AGENTS);
    const applied = await host.fleet(USER, ['apply', '-y', '-f', 'fleet.yaml']);
    expect([applied.code, applied.stderr]).toEqual([0, expect.stringContaining('session/alpha')]);
  });
  afterAll(async () => {
    await journal().catch(() => '');
    await host?.destroy();
  });

  test('install writes, enables and starts it; it finds nothing to do and says that all are ready', async () => {
    const before = await panes();
    const ran = await host.fleet(USER, ['install', '-f', 'fleet.yaml']);
    await journal();
    expect([ran.code, ran.stderr]).toEqual([0, '']);
    expect(await systemctl('is-enabled', 'fleet.service')).toBe('enabled\n');
    // Well within what user@.service is given here: a controller that hangs takes nobody with it.
    const manager = ['systemctl', 'show', '-p', 'TimeoutStopUSec', '--value', `user@${host.uid(USER)}.service`];
    expect([
      await systemctl('show', '-p', 'TimeoutStopUSec', '--value', 'fleet.service'),
      await host.mustRoot(manager),
    ]).toEqual(['1min\n', '2min\n']);
    await allReady();
    expect(await panes()).toEqual(before);
    expect(await systemctl('status', 'fleet.service')).toContain('Status: "3 of 3 agents ready"');
  });

  test('installing it again does nothing, and does not restart it', async () => {
    const pid = await controllerPid();
    const ran = await host.fleet(USER, ['install', '-f', 'fleet.yaml']);
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('nothing to do')]);
    expect(await controllerPid()).toBe(pid);
  });

  test('an agent that is killed comes back at once, and the others are left alone', async () => {
    const before = await panes();
    const back = await kill('alpha');
    expect(await panes()).toEqual([back, ...before.slice(1)]);
    await allReady();
  });

  test('a second controller is refused, and says who is there', async () => {
    const ran = await host.fleet(USER, ['run', '-f', 'fleet.yaml']);
    expect(ran.code).toBe(6);
    expect(ran.stderr).toContain(`pid ${await controllerPid()}`);
  });

  test.each([
    ['its lease is removed', `rm ${STATE}/controller`],
    ['its directory is moved away', `mv ${STATE} ${STATE}.away`],
  ])('when %s it ends and says so, and systemd starts the one that is there then', async (_what, script) => {
    const [before, pid] = [await panes(), await controllerPid()];
    await sh(script);
    await eventLike('this controller ends: The lease was taken away');
    const next = await until('the next one shows how it is', async () => {
      const [now, text] = [await controllerPid(), await sh(`cat ${STATE}/status.json 2>/dev/null || true`)];
      return now !== pid && text.includes(`"pid":${now},`) ? now : null;
    });
    await allReady();
    const second = await host.fleet(USER, ['run', '-f', 'fleet.yaml']);
    expect([second.code, second.stderr]).toEqual([6, expect.stringContaining(`pid ${next}`)]);
    const status = await host.fleet(USER, ['status', '-f', 'fleet.yaml']);
    expect([status.code, await controllerPid(), await panes()]).toEqual([0, next, before]);
    expect((await host.fleet(USER, ['plan', '--detailed-exitcode', '-f', 'fleet.yaml'])).code).toBe(0);
  });

  test('an invalid roster, and one that is gone, keep the last good one in force and say so', async () => {
    const good = await sh('cat fleet.yaml');
    await host.write(USER, 'fleet.yaml', 'version: 1\nagents: nonsense\n');
    await eventLike('roster-refused');
    await sh('rm fleet.yaml');
    await eventLike('does not exist');
    const before = await panes();
    // Also one that never saw a good roster with its own eyes.
    await host.mustAs(USER, ['kill', '-9', String(await controllerPid())]);
    await until('the controller is back', async () => ((await controllerPid()) > 0 ? true : null));
    const back = await kill('beta');
    expect(await panes()).toEqual([before[0], back, before[2]]);
    expect(JSON.parse(await statusText()).roster.refused.message).toContain('does not exist');
    await host.write(USER, 'fleet.yaml', good);
    await until('in force again', async () => (JSON.parse(await statusText()).roster.refused === null ? true : null));
  });

  test('a saved roster is put into force: an agent that is added comes up', async () => {
    await write([...AGENTS, 'delta']);
    await until('delta is up', () => paneOf('delta'));
  });

  test('its crash, stop, restart and upgrade touch no session', async () => {
    await allReady();
    const before = await panes();
    await host.mustAs(USER, ['kill', '-9', String(await controllerPid())]);
    await until('it is back', async () => ((await controllerPid()) > 0 ? true : null));
    await systemctl('restart', 'fleet.service');
    await systemctl('reload', 'fleet.service');
    await systemctl('stop', 'fleet.service');
    expect(await systemctl('show', '-p', 'Result', '--value', 'fleet.service')).toBe('success\n');
    await systemctl('start', 'fleet.service');
    await allReady();
    expect(await panes()).toEqual(before);
  });

  test('apply waits its turn while it runs, and finds its work done', async () => {
    const ran = await host.fleet(USER, ['apply', '-y', '-f', 'fleet.yaml']);
    expect([ran.code, ran.stderr]).toEqual([0, '']);
  });

  test('a PAUSED file stops every action at once, of apply too; without it all goes on', async () => {
    await sh('touch .local/state/fleet/PAUSED');
    const pid = await paneOf('gamma');
    await host.mustAs(USER, ['kill', '-9', String(pid)]);
    await eventLike('All actions are stopped');
    const ran = await host.fleet(USER, ['apply', '-y', '-f', 'fleet.yaml']);
    expect(ran.code).not.toBe(0);
    expect(await paneOf('gamma')).toBe(null);
    await sh('rm .local/state/fleet/PAUSED');
    await until('gamma is back', () => paneOf('gamma'));
  });

  test('an agent that is down is not ready, whoever wants it left so: status, plan and explain say it', async () => {
    const good = await sh('cat fleet.yaml');
    const left = good
      .replace('{ name: beta,', '{ name: beta, manage: warn,')
      .replace('{ name: gamma,', '{ name: gamma, manage: observe,');
    await host.write(USER, 'fleet.yaml', `${left}ignore: [{ target: delta, reason: known }]\n`);
    await systemctl('mask', 'fleet-agent@alpha.service');
    await until('nothing is under way', async () => (JSON.parse(await statusText()).queue.running === 0 ? true : null));
    await allReady();
    await sh(`for agent in alpha gamma delta; do tmux -L ${SOCKET} kill-session -t =$agent; done
tmux -L ${SOCKET} respawn-pane -k -t =beta: cat`);
    const down = await until('it says so', async () => {
      const { conditions, agents } = JSON.parse(await statusText()) as StatusDocument;
      const ready = Object.values(agents).map((a) => a.conditions.find(({ type }) => type === 'Ready'));
      if (ready.some((condition) => condition?.status !== 'False')) return null;
      return [...ready.map((condition) => condition?.reason), conditions[0]?.message];
    });
    const missing = 'SessionMissing';
    expect(down).toEqual([missing, 'RuntimeUnknown', missing, missing, 'alpha, beta, gamma, delta']);
    const status = await host.fleet(USER, ['status', '-f', 'fleet.yaml']);
    expect([status.code, status.stdout]).toEqual([7, expect.stringContaining('0 of 4 agents ready')]);
    const plan = await host.fleet(USER, ['plan', '-f', 'fleet.yaml']);
    expect([plan.code, plan.stdout]).toEqual([4, expect.stringContaining('session alpha is missing')]);
    for (const agent of ['alpha', 'gamma']) {
      const told = await host.fleet(USER, ['explain', '-f', 'fleet.yaml', `session/${agent}`]);
      expect([told.code, told.stdout]).toEqual([0, expect.stringContaining('seen: session-missing')]);
    }
    // It goes by what is wanted all the same: what is left alone stays so.
    expect(await Promise.all(['alpha', 'gamma', 'delta'].map(paneOf))).toEqual([null, null, null]);
    await systemctl('unmask', 'fleet-agent@alpha.service');
    await host.write(USER, 'fleet.yaml', good);
    await sh(`tmux -L ${SOCKET} kill-session -t =beta`);
    expect((await host.fleet(USER, ['reset', '--all', '-f', 'fleet.yaml'])).code).toBe(0);
    await allReady();
  });

  test('uninstall undoes just that', async () => {
    await allReady();
    const before = await panes();
    const ran = await host.fleet(USER, ['uninstall']);
    expect([ran.code, ran.stderr]).toEqual([0, '']);
    expect(await sh('ls .config/systemd/user')).not.toContain('fleet.service');
    expect(await panes()).toEqual(before);
    expect((await host.fleet(USER, ['uninstall'])).stdout).toBe('Not installed: nothing to do.\n');
  });

  test('a fleet.service that fleet did not write is refused and left as it is', async () => {
    const foreign = '[Service]\nExecStart=/bin/sleep infinity\n';
    await host.write(USER, '.config/systemd/user/fleet.service', foreign);
    for (const command of [['install', '-f', 'fleet.yaml'], ['uninstall']]) {
      const ran = await host.fleet(USER, command);
      expect(ran.code).toBe(4);
      expect(ran.stderr).toContain('does not bear');
    }
    expect(await sh('cat .config/systemd/user/fleet.service')).toBe(foreign);
  });
});
