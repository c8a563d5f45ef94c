/** What hurts a controller on a real host: agents that do not stay up, a full disk, a hung tmux, rosters that are none. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootInstalled, type Controlled, SOCKET } from './harness/controlled.ts';
import { until } from './harness/execute.ts';
import { describeOnHost } from './harness/on-host.ts';

const LIMIT = 3;
const BAD = { 'at-once': 'at-once', 'after-1s': 'after-1s', 'with-0': 'with-0', night: 'at-once' } as const;
const NAMES = Object.keys(BAD);

describeOnHost('the controller in trouble', () => {
  let fleet: Controlled;
  let foreign = '';
  const ran = (args: readonly string[]) => fleet.host.fleet(fleet.user, args);
  const killAgents = (agents: readonly string[]): Promise<string> =>
    fleet.sh(`for agent in ${agents.join(' ')}; do
  kill -9 "$(tmux -L ${SOCKET} display-message -p -t "=$agent:" '#{pane_pid}')"
done`);
  const startsOf = async (agents: readonly string[]): Promise<readonly number[]> => {
    const starts = await fleet.starts();
    return agents.map((agent) => starts[agent]?.length ?? 0);
  };
  /** Agents of which the controller that runs now says that they crash in a loop. */
  const latched = async (): Promise<readonly string[]> => {
    const [pid, { controller, agents }] = [await fleet.controllerPid(), await fleet.status()];
    if (controller.pid !== pid) return [];
    return Object.entries(agents).flatMap(([name, { crash_loop }]) => (crash_loop === null ? [] : [name]));
  };
  const allLatched = (): Promise<true> =>
    until('all crash loops are known', async () => ((await latched()).length === NAMES.length ? true : null), 60_000);

  beforeAll(async () => {
    const restart = `{ backoff: 1s, max_backoff: 1s, limit: ${LIMIT}, window: 2h }`;
    ({ fleet, foreign } = await bootInstalled({ user: 'edith', agents: ['steady', ...NAMES], restart }));
  });
  afterAll(async () => {
    await fleet?.destroy();
  });

  test('agents that exit at once, after a second, with 0, or at night use up their starts, and no more', async () => {
    const steady = (await fleet.panes())['steady'];
    for (const [agent, mode] of Object.entries(BAD)) await fleet.setMode(agent, mode);
    await killAgents(NAMES);
    await allLatched();
    // The first of them brought it up when the controller was installed.
    expect(await startsOf(NAMES)).toEqual(NAMES.map(() => LIMIT));
    expect(await fleet.panes()).toEqual({ _holder: expect.any(Number), steady });
    const status = await ran(['status', '-f', 'fleet.yaml']);
    expect(status.code).toBe(7);
    for (const agent of NAMES) expect(status.stdout).toMatch(new RegExp(`${agent}.*CrashLoop`, 's'));
    expect(await fleet.foreign()).toBe(foreign);
  });

  test.each([
    ['its own crash', async () => void (await fleet.sh(`kill -9 ${await fleet.controllerPid()}`)), 0],
    // systemd starts each agent at boot, whatever became of it before.
    ['a reboot of the host', () => fleet.host.reboot(), 1],
  ])('the starts that are used up stay so over %s', async (_what, end, more) => {
    const before = await startsOf(NAMES);
    await end();
    await until('another controller', async () => ((await fleet.controllerPid()) > 0 ? true : null));
    await fleet.host.managerSettled(fleet.user);
    await allLatched();
    expect(await startsOf(NAMES)).toEqual(before.map((count) => count + more));
  });

  test('by day, when a person says so, they come up again', async () => {
    const before = await startsOf(NAMES);
    for (const agent of NAMES) await fleet.setMode(agent, null);
    const reset = await ran(['reset', '--all', '-f', 'fleet.yaml']);
    expect([reset.code, reset.stderr]).toEqual([0, '']);
    await fleet.well();
    expect(await startsOf(NAMES)).toEqual(before.map((count) => count + 1));
    await fleet.makeForeign();
    foreign = await fleet.foreign();
  });

  test('a unit that systemd starts no more, its start limit being hit, is started all the same', async () => {
    const unit = 'fleet-agent@night.service';
    const limit = '[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=2\n';
    await fleet.host.write(fleet.user, `.config/systemd/user/${unit}.d/limit.conf`, limit);
    await fleet.systemctl('daemon-reload');
    const others = await startsOf(NAMES.slice(0, 3));
    await fleet.sh(`touch PAUSED && mv PAUSED .local/state/fleet
for n in 1 2 3 4; do systemctl --user restart ${unit} || break; done`);
    expect(await fleet.systemctl('show', '-p', 'Result', '--value', unit)).toBe('start-limit-hit\n');
    const [before] = await startsOf(['night']);
    await fleet.sh('rm .local/state/fleet/PAUSED');
    await until('it is up', async () => (await fleet.panes())['night'] ?? null);
    await fleet.well();
    expect(await startsOf(['night'])).toEqual([(before ?? 0) + 1]);
    expect(await startsOf(NAMES.slice(0, 3))).toEqual(others);
    expect(await fleet.foreign()).toBe(foreign);
  });

  test.each([
    ['deleted', 'rm fleet.yaml'],
    ['emptied', ': >fleet.yaml'],
    ['replaced by nonsense', 'head -c 4096 /dev/urandom >fleet.yaml'],
    ['replaced by a directory', 'rm fleet.yaml && mkdir fleet.yaml'],
    ['made unreadable', 'chmod 000 fleet.yaml'],
  ])('a roster that is %s stays in force as it was', async (_what, script) => {
    const [good, panes, { roster }] = [await fleet.sh('cat fleet.yaml'), await fleet.panes(), await fleet.status()];
    await fleet.sh(script);
    const refused = await until('it is refused', async () => {
      const now = await fleet.status();
      return now.roster.refused === null ? null : now;
    });
    expect([refused.roster.sha256, Object.keys(refused.agents)]).toEqual([roster.sha256, ['steady', ...NAMES]]);
    expect(await fleet.panes()).toEqual(panes);
    await fleet.sh('rm -rf fleet.yaml');
    await fleet.host.write(fleet.user, 'fleet.yaml', good);
    await until('it is in force', async () => ((await fleet.status()).roster.refused === null ? true : null));
    await fleet.well();
    expect([await fleet.panes(), await fleet.foreign()]).toEqual([panes, foreign]);
  });

  test('SIGHUP looks at everything at once: also at what no event tells', async () => {
    // Its first look is at everything, and the next but a minute later.
    await fleet.systemctl('restart', 'fleet.service');
    const env = '.config/fleet/agents/steady.env';
    await fleet.sh(`rm ${env}`);
    await fleet.systemctl('reload', 'fleet.service');
    await until('it is there', async () =>
      (await fleet.host.as(fleet.user, ['test', '-e', env])).code === 0 ? 1 : null,
    );
    await fleet.well();
  });

  test('a tmux that hangs is not asked in vain for ever, and nothing is done that was not seen', async () => {
    const [panes, before] = [await fleet.panes(), await startsOf(['steady'])];
    const server = (await fleet.sh(`tmux -L ${SOCKET} display-message -p '#{pid}'`)).trim();
    // Whoever would tell that its process ended hangs too: only a look at everything finds out.
    await fleet.sh(`kill -STOP ${server} && kill -9 ${panes['steady']} && systemctl --user reload fleet.service`);
    await until('it says that it cannot see', async () => {
      const { agents } = await fleet.status();
      return agents['steady']?.conditions.some((c) => c.type === 'Ready' && c.status === 'Unknown') ? true : null;
    });
    expect(await startsOf(['steady'])).toEqual(before);
    await fleet.sh(`kill -CONT ${server}`);
    await until('steady is back', async () => {
      const now = await fleet.panes();
      return now['steady'] !== undefined && now['steady'] !== panes['steady'] ? now : null;
    });
    await fleet.well();
    expect(await startsOf(['steady'])).toEqual([(before[0] ?? 0) + 1]);
    expect({ ...(await fleet.panes()), steady: 0 }).toEqual({ ...panes, steady: 0 });
    expect(await fleet.foreign()).toBe(foreign);
  });

  test('of controllers that are started at the same time one stays, and the others say who', async () => {
    await fleet.systemctl('stop', 'fleet.service');
    const both = [1, 2].map(() => ran(['run', '-f', 'fleet.yaml']));
    const refused = await Promise.race(both);
    expect(refused.code).toBe(6);
    const [, winner] = /\bpid (\d+)/.exec(refused.stderr) ?? [];
    await fleet.sh(`kill -TERM ${winner}`);
    expect((await Promise.all(both)).map(({ code }) => code).sort()).toEqual([0, 6]);
  });

  test.each([
    ['the first TERM lets the effect under way end', 'kill -TERM', 0],
    ['the second one does not', 'kill -TERM %; sleep 0.2; kill -TERM', 143],
  ])('%s', async (_what, kill, code) => {
    const [panes, before] = [await fleet.panes(), await startsOf(['steady'])];
    const running = ran(['run', '-f', 'fleet.yaml']);
    const pid = await until('it is ready', async () => {
      const now = await fleet.status();
      const alive = (await fleet.host.as(fleet.user, ['kill', '-0', String(now.controller.pid)])).code === 0;
      return alive ? now.controller.pid : null;
    });
    await killAgents(['steady']);
    await until('steady is being brought up', async () => {
      const { conditions } = (await fleet.status()).agents['steady'] ?? { conditions: [] };
      return conditions.some((c) => c.type === 'Reconciling' && c.reason === 'Repairing') ? true : null;
    });
    await fleet.sh(`${kill.replaceAll('%', String(pid))} ${pid}`);
    const ended = await running;
    expect([ended.code, ended.stderr]).toEqual([code, expect.anything()]);
    const told = (await fleet.events()).split('\n').filter(Boolean).slice(-2).join('\n');
    expect(told.includes('"repaired"')).toBe(code === 0);
    await fleet.systemctl('start', 'fleet.service');
    await fleet.well();
    expect(await startsOf(['steady'])).toEqual([(before[0] ?? 0) + 1]);
    expect({ ...(await fleet.panes()), steady: 0 }).toEqual({ ...panes, steady: 0 });
    await fleet.systemctl('stop', 'fleet.service');
  });

  test('on a full disk nothing is started that cannot be counted, and it is when there is room', async () => {
    const root = `/home/${fleet.user}/.local/state/fleet`;
    await fleet.host.mustRoot([
      'sh',
      '-c',
      `cp -a ${root} /root/state && mount -t tmpfs -o size=2m,mode=700,uid=${fleet.host.uid(fleet.user)} none ${root} && cp -a /root/state/. ${root}`,
    ]);
    await fleet.systemctl('start', 'fleet.service');
    await fleet.well();
    const [panes, before] = [await fleet.panes(), await startsOf(['night'])];
    await fleet.sh(`cat /dev/zero >${root}/ballast 2>/dev/null || true`);
    await killAgents(['night']);
    const journal = ['journalctl', '--user', '-u', 'fleet.service', '--no-pager', '-n', '50', '-o', 'cat'];
    await until('it says why nothing is done', async () =>
      /counters\.json.*(?:ENOSPC|full|space)/.test(await fleet.host.mustAs(fleet.user, journal)) ? true : null,
    );
    expect(await startsOf(['night'])).toEqual(before);
    await fleet.sh(`rm ${root}/ballast`);
    await until('night is back', async () => (await fleet.panes())['night'] ?? null);
    await fleet.well();
    expect(await startsOf(['night'])).toEqual([(before[0] ?? 0) + 1]);
    expect({ ...(await fleet.panes()), night: 0 }).toEqual({ ...panes, night: 0 });
    expect(await fleet.foreign()).toBe(foreign);
  });
});
