/**
 * The controller killed by SIGKILL at random moments, on a loaded host, while its agents are killed too. What tells of
 * starts are the agents' own notes, and not the controller's counters.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chooseSeed, LONG, randomFrom, report, rounds } from '../chaos/suite.ts';
import { bootControlled, type Controlled, SOCKET } from './harness/controlled.ts';
import { note } from './harness/execute.ts';
import { describeOnHost } from './harness/on-host.ts';

const AGENTS = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'];
const ROUNDS = rounds(15, 200);
/** From an agent's end to its session running again, settled, takes as long on a loaded machine. Milliseconds. */
const WITHIN_MS = 4_000;

describeOnHost('the controller killed at random', () => {
  const seed = chooseSeed();
  const random = randomFrom(seed);
  const started = performance.now();
  const counts = { 'controllers killed': 0, 'of them with an effect under way': 0, 'agents killed': 0, starts: 0 };
  let passed = 0;
  let fleet: Controlled;

  beforeAll(async () => {
    const restart = '{ backoff: 1s, max_backoff: 1s, limit: 1000, window: 2h }';
    fleet = await bootControlled({ user: 'edith', agents: AGENTS, restart });
    const installed = await fleet.host.fleet(fleet.user, ['install', '-f', 'fleet.yaml']);
    expect([installed.code, installed.stderr]).toEqual([0, '']);
    // A second between two of its lives is most of such a test's time.
    await fleet.host.write(
      fleet.user,
      '.config/systemd/user/fleet.service.d/soon.conf',
      '[Service]\nRestartSec=50ms\n',
    );
    await fleet.systemctl('daemon-reload');
    await fleet.well();
    await fleet.makeForeign();
  });
  afterAll(async () => {
    const seconds = (performance.now() - started) / 1000;
    report({ suite: 'controller killed', rounds: ROUNDS, violations: 1 - passed, seed, seconds, counts });
    await fleet?.destroy();
  });

  /** Kills up to two agents that have noted their start; which. */
  const killAgents = async (): Promise<readonly string[]> => {
    const order = AGENTS.map((agent) => ({ agent, at: random() })).sort((a, b) => a.at - b.at);
    const names = order.slice(0, Math.floor(random() * 3)).map(({ agent }) => agent);
    if (names.length === 0) return [];
    const killed = await fleet.sh(`for agent in ${names.join(' ')}; do
  pid=$(tmux -L ${SOCKET} display-message -p -t "=$agent:" '#{?pane_dead,,#{pane_pid}}' 2>/dev/null) || continue
  if grep -qx "$agent $pid" starts && kill -9 "$pid" 2>/dev/null; then echo "$agent"; fi
done`);
    return killed.split('\n').filter(Boolean);
  };

  /** After so many seconds; resolves when the next one runs. True where effects were under way. */
  const killController = async (seconds: number): Promise<boolean> => {
    const said = await fleet.sh(`pid() { systemctl --user show -p MainPID --value fleet.service; }
sleep ${seconds}; victim=$(pid); kill -9 "$victim"; ls ${fleet.state}
while now=$(pid); [ "$now" = 0 ] || [ "$now" = "$victim" ]; do sleep 0.05; done`);
    return said.includes('journal');
  };

  test(
    'starts an agent once for each of its ends, leaves all else alone, and ends in an empty plan',
    async () => {
      note(`seed ${seed}`);
      await fleet.sh(
        'for n in 1 2; do systemd-run --user --quiet --unit=load-$n -p Nice=5 sh -c "while :; do :; done"; done',
      );
      const [foreign, before] = [await fleet.foreign(), await fleet.panes()];
      const kills: Record<string, number> = {};
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const agent of await killAgents()) kills[agent] = (kills[agent] ?? 0) + 1;
        const busy = await killController((WITHIN_MS / 1000) * random() * random());
        counts['controllers killed'] += 1;
        if (busy) counts['of them with an effect under way'] += 1;
      }
      await fleet.well();
      const [starts, panes] = [await fleet.starts(), await fleet.panes()];
      counts['agents killed'] = Object.values(kills).reduce((sum, n) => sum + n, 0);
      for (const agent of AGENTS) {
        counts.starts += starts[agent]?.length ?? 0;
        expect([agent, starts[agent]?.length]).toEqual([agent, 1 + (kills[agent] ?? 0)]);
        expect([agent, panes[agent]]).toEqual([agent, starts[agent]?.at(-1)]);
        if (kills[agent] === undefined) expect([agent, panes[agent]]).toEqual([agent, before[agent]]);
      }
      expect(await fleet.foreign()).toBe(foreign);
      const told = await fleet.host.fleet(fleet.user, ['events', 'fleet.yaml', '--json']);
      expect([told.code, told.stderr]).toEqual([0, '']);
      passed = 1;
    },
    LONG ? 3_600_000 : 240_000,
  );
});
