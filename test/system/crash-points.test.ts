/**
 * `fleet apply` killed by SIGKILL at every moment of every effect, with real units: apply after apply, until one ends by
 * itself. Each kind of moment has a user, a manager and a tmux server of its own; one more is never disturbed.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Ran } from './harness/execute.ts';
import { bootHost, type Host } from './harness/host.ts';
import { bootFleetOfRecord, OPERATOR_LINES, panePids, STUBS, USER } from './harness/mosaic.ts';
import { describeOnHost } from './harness/on-host.ts';

const PRELOAD = readFileSync(new URL('../chaos/preload.cjs', import.meta.url), 'utf8');
const MOMENTS = ['begun', 'doing', 'done', 'made'] as const;
const UNDISTURBED = 'undisturbed';
const USERS = [...MOMENTS, UNDISTURBED];

const rosterOf = (agents: readonly string[]): string => `version: 1
fleet: crash
tmux: { socket_name: crash }
runtimes:
  stub: { command: [~/stub], match: { exe: sleep }, beats: false }
defaults: { working_directory: ~/src, runtime: stub }
agents:
${agents.map((agent) => `  - { ${agent} }`).join('\n')}
`;

/** What must be the same however it came about: no pids, ids, times and plans. */
const STATE = `
find .config .local/share -type f | sort | while read -r file; do echo "== $file"; cat "$file"; done
find .config/systemd -type l | sort
tmux -L crash list-panes -a -F '#{session_name} #{@fleet_spec} #{pane_dead} #{pane_current_command}' | sort
for unit in $(systemctl --user list-units --plain --no-legend 'fleet-*' | cut -d' ' -f1 | sort); do
  systemctl --user show "$unit" -p Id -p ActiveState -p SubState -p UnitFileState -p NeedDaemonReload
done
find .local/state/fleet -type f | sort
sort starts
"$NODE" -e '
const { owned, sessions, interrupted } = JSON.parse(require("node:fs").readFileSync(process.argv[1]));
for (const [key, r] of Object.entries(owned)) console.log(key, r.agent, r.how, r.state, r.protect);
for (const [name, s] of Object.entries(sessions)) console.log(name, s.spec, s.done);
console.log(interrupted);
' .local/state/fleet/lab/crash/inventory.json
`;

async function stateOf(host: Host, user: string): Promise<string> {
  const text = await host.mustAs(user, ['sh', '-c', STATE], { env: { NODE: host.node } });
  return text.replaceAll(`/home/${user}`, '~').replaceAll(/\b[0-9a-f]{32}\b/g, 'spec');
}

/** Ids, creation times and pids of what is nobody's business: two sessions and a unit. */
function foreignTo(host: Host, user: string): Promise<string> {
  const script = `tmux -L other list-panes -a -F '#{pid} #{session_id} #{session_name} #{session_created} #{pane_pid}'
systemctl --user show foreign.service -p InvocationID -p MainPID`;
  return host.mustAs(user, ['sh', '-c', script]);
}

/** Kills apply after apply at this moment, each time at another point, until one ends by itself. */
async function killUntilDone(host: Host, user: string, moment: string, flags: readonly string[] = []): Promise<number> {
  for (let kills = 0; kills < 80; kills += 1) {
    const spent = `/home/${user}/spent`;
    const at = { FLEET_TEST_KILL: moment, FLEET_TEST_SPENT: spent, FLEET_TEST_CLOCK: '4' };
    const env = { ...at, NODE_OPTIONS: `--require /home/${user}/preload.cjs` };
    const ended = await host.fleet(user, ['apply', '-y', ...flags], { env, deadlineMs: 120_000 });
    if (wasKilled(ended)) continue;
    expect(ended.code, `${ended.stdout}\n${ended.stderr}`).toBe(0);
    return kills;
  }
  throw new Error('it does not get on');
}

const wasKilled = ({ code, stderr }: Ran): boolean => code === null || code === 137 || /Killed/.test(stderr);

describeOnHost('killed at every moment, with real units', () => {
  let host: Host;
  const write = async (agents: readonly string[]): Promise<void> => {
    for (const user of USERS) await host.write(user, 'fleet.yaml', rosterOf(agents));
  };
  /** All users side by side: what each ends in, and how often it was killed. */
  const applied = async (flags: readonly string[] = []) => {
    const foreign = await Promise.all(USERS.map((user) => foreignTo(host, user)));
    const kills = await Promise.all(USERS.map((user) => killUntilDone(host, user, user, flags)));
    const plans = await Promise.all(USERS.map((user) => host.fleet(user, ['plan', '--detailed-exitcode', ...flags])));
    expect(plans.map(({ code, stderr }) => [code, stderr])).toEqual(USERS.map(() => [0, '']));
    expect(await Promise.all(USERS.map((user) => foreignTo(host, user)))).toEqual(foreign);
    const states = await Promise.all(USERS.map((user) => stateOf(host, user)));
    const wanted = states.at(-1);
    for (const [index, user] of USERS.entries())
      expect({ user, state: states[index] }).toEqual({ user, state: wanted });
    return Object.fromEntries(USERS.map((user, index) => [user, kills[index] ?? 0]));
  };

  beforeAll(async () => {
    host = await bootHost({ hostname: 'lab', users: USERS.map((name) => ({ name, linger: true })) });
    for (const user of USERS) {
      await host.write(user, 'preload.cjs', PRELOAD);
      await host.write(user, 'stub', '#!/bin/sh\necho "$FLEET_AGENT_NAME" >>~/starts\nexec sleep infinity\n', '755');
      await host.mustAs(user, ['mkdir', 'src']);
      await host.mustAs(user, ['tmux', '-L', 'other', 'new-session', '-d', '-s', 'a1', 'sleep', 'infinity']);
      await host.mustAs(user, ['systemd-run', '--user', '--quiet', '--unit=foreign', 'sleep', 'infinity']);
    }
  });
  afterAll(() => host?.destroy());

  test('a first apply of four agents', async () => {
    await write(['name: a1', 'name: a2', 'name: a3', 'name: a4']);
    const kills = await applied();
    expect(kills).toMatchObject({ [UNDISTURBED]: 0, begun: expect.any(Number) });
    // Launcher, two unit files, a reload, five units enabled, the server, and three things for each agent.
    expect(kills['begun']).toBeGreaterThanOrEqual(20);
    expect(kills['doing']).toBeGreaterThanOrEqual(20);
  });

  test('another command, an agent less, an agent more, units disabled and a server killed by somebody', async () => {
    await write(['name: a1', 'name: a2, args: [new]', 'name: a3', 'name: a5']);
    for (const user of USERS) {
      await host.mustAs(user, ['sh', '-c', 'rm -f spent; tmux -L crash kill-server']);
      await host.mustAs(user, [
        'systemctl',
        '--user',
        'disable',
        '--quiet',
        'fleet-agent@a1.service',
        'fleet-tmux.service',
      ]);
    }
    const kills = await applied(['--prune']);
    expect(kills['begun']).toBeGreaterThanOrEqual(10);
  }, 240_000);
});

describeOnHost('killed at every moment, in layout mosaic', () => {
  test.each(['doing', 'done'])(
    '%s: the fleet of record is repaired, other agents and the operator’s lines untouched',
    async (moment) => {
      const { host, ...fleet } = await bootFleetOfRecord();
      try {
        const before = await panePids(host);
        await host.write(USER, 'preload.cjs', PRELOAD);
        expect(await killUntilDone(host, USER, moment)).toBeGreaterThanOrEqual(4);
        await fleet.expectClean();
        const after = await panePids(host);
        expect(STUBS.map((name) => after[name])).toEqual(STUBS.map((name) => before[name]));
        expect(after['canary-pi']).not.toBe(before['canary-pi']);
        const env = await host.mustAs(USER, ['cat', '.config/mosaic/fleet/agents/canary-pi.env']);
        expect(env).toContain(OPERATOR_LINES);
      } finally {
        await host.destroy();
      }
    },
    240_000,
  );
});
