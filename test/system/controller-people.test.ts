/** The controller beside people: who disables and closes what it keeps, who is attached, who applies, and who upgrades it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bootInstalled, type Controlled, SOCKET } from './harness/controlled.ts';
import { until } from './harness/execute.ts';
import { describeOnHost } from './harness/on-host.ts';

const AGENTS = ['alpha', 'beta', 'gamma', 'delta'];
/** A look at everything comes at most so often: what is repaired sooner was told by an event. Milliseconds. */
const BEFORE_FULL_LOOK_MS = 40_000;

describeOnHost('the controller and people', () => {
  let fleet: Controlled;
  let foreign = '';
  const ran = (...args: readonly string[]) => fleet.host.fleet(fleet.user, args);
  const counts = async (): Promise<Readonly<Record<string, number>>> => {
    const starts = await fleet.starts();
    return Object.fromEntries(AGENTS.map((agent) => [agent, starts[agent]?.length ?? 0]));
  };
  /** Its first look is at everything, and the next but a minute later. */
  const freshController = async (): Promise<void> => {
    await fleet.systemctl('restart', 'fleet.service');
    await fleet.well();
  };
  const waiting = (agent: string) =>
    until(`${agent} waits`, async () => (await fleet.status()).agents[agent]?.waiting[0] ?? null);

  beforeAll(async () => {
    const restart = '{ backoff: 1s, max_backoff: 1s, limit: 1000, window: 2h }';
    ({ fleet, foreign } = await bootInstalled({ user: 'edith', agents: AGENTS, restart }));
  });
  afterAll(async () => {
    await fleet?.destroy();
  });

  test.each([
    ['a unit is disabled', 'systemctl --user disable --quiet fleet-agent@alpha.service', 'boot-disabled'],
    ['a unit is stopped', 'systemctl --user stop fleet-agent@alpha.service', 'session/alpha'],
    ['a session is closed', `tmux -L ${SOCKET} kill-session -t =alpha`, 'session/alpha'],
    ['a pane’s program ends', `tmux -L ${SOCKET} send-keys -t =alpha: C-c`, 'session/alpha'],
  ])('%s: seen and repaired at once, without the look at everything', async (_what, script, repair) => {
    await freshController();
    const told = (await fleet.events()).length;
    await fleet.sh(script);
    const since = async () => (await fleet.events()).slice(told).split('\n');
    await until(
      'repaired',
      async () => (await since()).find((line) => line.includes('"repaired"') && line.includes(repair)) ?? null,
      BEFORE_FULL_LOOK_MS,
    );
    await fleet.well();
    expect(await fleet.foreign()).toBe(foreign);
  });

  test('who disables a unit a third time after it was enabled is told and left alone, until she says otherwise', async () => {
    const unit = 'fleet-agent@delta.service';
    const state = async (): Promise<string> =>
      (await fleet.host.as(fleet.user, ['systemctl', '--user', 'is-enabled', unit])).stdout.trim();
    const [panes, before] = [await fleet.panes(), await counts()];
    // The first repair was its enabling when the controller was installed.
    for (const _round of [1, 2]) {
      await fleet.systemctl('disable', '--quiet', unit);
      await until(
        'it is enabled again',
        async () => ((await state()) === 'enabled' ? true : null),
        BEFORE_FULL_LOOK_MS,
      );
      await fleet.well();
    }
    await fleet.systemctl('disable', '--quiet', unit);
    const stalled = (): Promise<string> =>
      until('it is told', async () => {
        const { conditions } = (await fleet.status()).agents['delta'] ?? { conditions: [] };
        return conditions.find((c) => c.type === 'Stalled' && c.reason === 'Contested')?.message ?? null;
      });
    await stalled();
    await freshController();
    expect(await stalled()).not.toBe('');
    const plan = await ran('plan', '-f', 'fleet.yaml');
    expect([plan.code, plan.stdout]).toEqual([0, expect.stringContaining('contested')]);
    expect([await state(), await fleet.panes(), await counts()]).toEqual(['disabled', panes, before]);
    expect((await ran('reset', 'delta', '-f', 'fleet.yaml')).code).toBe(0);
    await until('it is enabled again', async () => ((await state()) === 'enabled' ? true : null), BEFORE_FULL_LOOK_MS);
    await fleet.well();
  });

  test('what waits for who is attached is left alone and shown, over a restart, and done when she has gone', async () => {
    const tmux = (...args: readonly string[]) => fleet.host.mustAs(fleet.user, ['tmux', '-L', SOCKET, ...args]);
    const viewer = fleet.host.as(fleet.user, ['tmux', '-L', SOCKET, 'attach', '-t', '=beta'], { tty: true });
    await until('somebody is attached', async () => (await tmux('list-clients')) || null);
    await fleet.sh("sed -i 's/{ name: beta }/{ name: beta, args: [other] }/' fleet.yaml");
    const first = await waiting('beta');
    expect(first).toMatchObject({ action: 'restart', why: 'attached', since: expect.any(String) });
    const [panes, before] = [await fleet.panes(), await counts()];
    await fleet.systemctl('restart', 'fleet.service');
    for (const _look of [1, 2]) {
      const { passes } = (await fleet.status()).controller;
      await fleet.systemctl('reload', 'fleet.service');
      await until('another look', async () => ((await fleet.status()).controller.passes !== passes ? true : null));
    }
    expect((await waiting('beta')).since).toBe(first.since);
    const shown = await ran('status', '-f', 'fleet.yaml');
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringMatching(/beta .* waits for \d+[sm], attached: /)]);
    expect([await fleet.panes(), await counts()]).toEqual([panes, before]);
    await tmux('detach-client', '-s', '=beta');
    await viewer;
    await until(
      'it is restarted',
      async () => ((await fleet.panes())['beta'] !== panes['beta'] ? true : null),
      BEFORE_FULL_LOOK_MS,
    );
    await fleet.well();
    expect(await counts()).toEqual({ ...before, beta: (before['beta'] ?? 0) + 1 });
  });

  test('who applies while it repairs waits her turn: each agent is started once, whoever does it', async () => {
    for (const _round of [1, 2, 3]) {
      const [panes, before] = [await fleet.panes(), await counts()];
      await fleet.sh(`kill -9 ${AGENTS.map((agent) => panes[agent]).join(' ')}`);
      const applied = await Promise.all(
        [1, 2, 3].map(() => ran('apply', '-y', '--lock-timeout', '1m', '-f', 'fleet.yaml')),
      );
      expect(applied.map(({ code, stderr }) => (code === 0 ? '' : stderr))).toEqual(['', '', '']);
      await fleet.well();
      expect(await counts()).toEqual(Object.fromEntries(AGENTS.map((agent) => [agent, (before[agent] ?? 0) + 1])));
    }
    expect(await fleet.foreign()).toBe(foreign);
  });

  test('who upgrades it touches no session: another build in another place, and in the same one', async () => {
    const readySince = async () =>
      (await fleet.status()).agents['alpha']?.conditions.find((c) => c.type === 'Ready')?.last_transition;
    const [panes, before, pid] = [await fleet.panes(), await counts(), await fleet.controllerPid()];
    const since = await readySince();
    await fleet.host.mustRoot(['cp', '-a', '/opt/fleet', '/opt/fleet-next']);
    const next = [fleet.host.node, '/opt/fleet-next/fleet.cjs'];
    const installed = await fleet.host.as(fleet.user, [...next, 'install', '-f', 'fleet.yaml']);
    expect([installed.code, installed.stdout]).toEqual([0, expect.stringContaining('restarted fleet.service')]);
    await fleet.well();
    const upgraded = await fleet.controllerPid();
    expect(upgraded).not.toBe(pid);
    expect(await fleet.sh(`tr '\\0' ' ' </proc/${upgraded}/cmdline`)).toContain('/opt/fleet-next/fleet.cjs run');
    expect([await fleet.panes(), await counts(), await readySince()]).toEqual([panes, before, since]);

    await fleet.host.mustRoot(['sh', '-c', 'rm -r /opt/fleet-next && cp -a /opt/fleet /opt/fleet-next']);
    await freshController();
    expect([await fleet.panes(), await counts(), await fleet.foreign()]).toEqual([panes, before, foreign]);
    await fleet.sh(`kill -9 ${panes['gamma']}`);
    await until(
      'gamma is back',
      async () => ((await fleet.panes())['gamma'] ?? panes['gamma']) !== panes['gamma'] || null,
    );
    await fleet.well();
    expect(await counts()).toEqual({ ...before, gamma: (before['gamma'] ?? 0) + 1 });
  });
});
