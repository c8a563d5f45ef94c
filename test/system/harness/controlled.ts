/**
 * A fleet of small agents under its controller, other people's things beside it, and what tells without fleet's own word
 * how often each agent was started: the agents write it down themselves.
 */
import { expect } from 'vitest';
import type { StatusDocument } from '../../../src/reconcile/control/status.ts';
import { until } from './execute.ts';
import { bootHost, type Host } from './host.ts';
import { keepForFailure } from './on-host.ts';

export const SOCKET = 'fleet-control';
const OTHER = 'fleet-control-other';

/** Notes its start, then does what stands in `modes/NAME`; without that file it lives. */
const AGENT = `#!/bin/sh
echo "$FLEET_AGENT_NAME $$" >>~/starts
case $(cat ~/modes/$FLEET_AGENT_NAME 2>/dev/null) in
  at-once) exit 3 ;;
  after-1s) sleep 1; exit 1 ;;
  with-0) exit 0 ;;
esac
exec sleep infinity
`;

export interface Controlled {
  readonly host: Host;
  readonly user: string;
  /** Of the controller and the inventory; absolute. */
  readonly state: string;
  readonly sh: (script: string) => Promise<string>;
  readonly systemctl: (...args: readonly string[]) => Promise<string>;
  readonly writeRoster: (agents: readonly string[]) => Promise<void>;
  /** What an agent does from its next start on, null: it lives. */
  readonly setMode: (agent: string, mode: string | null) => Promise<void>;
  /** Pid of each agent's pane, of those that live. */
  readonly panes: () => Promise<Readonly<Record<string, number>>>;
  /** Pids of each agent's starts, oldest first. */
  readonly starts: () => Promise<Readonly<Record<string, readonly number[]>>>;
  /** Makes sessions on the fleet's server and on another, and a unit, that are nobody's business. */
  readonly makeForeign: () => Promise<void>;
  /** The identity of all of them. */
  readonly foreign: () => Promise<string>;
  /** 0 where there is none. */
  readonly controllerPid: () => Promise<number>;
  readonly status: () => Promise<StatusDocument>;
  readonly events: () => Promise<string>;
  readonly eventLike: (words: string, deadlineMs?: number) => Promise<string>;
  /** Waits until the controller that runs now says that all agents are ready and nothing waits, and plan finds nothing. */
  readonly well: (deadlineMs?: number) => Promise<void>;
  readonly destroy: () => Promise<void>;
}

export interface ControlledOptions {
  readonly user: string;
  readonly agents: readonly string[];
  /** YAML of `restart:` of every agent. */
  readonly restart: string;
  readonly linger?: boolean;
}

export async function bootControlled({ user, agents, restart, linger = true }: ControlledOptions): Promise<Controlled> {
  const host = await bootHost({ hostname: 'lab', users: [{ name: user, linger }] });
  const controlled = controlledOn(host, user, restart);
  await host.write(user, 'agent', AGENT, '755');
  await controlled.sh('mkdir -p src modes && touch starts');
  await controlled.writeRoster(agents);
  return controlled;
}

/** The same with its controller installed, all agents well, and something foreign beside them, which it tells. */
export async function bootInstalled(options: ControlledOptions): Promise<{ fleet: Controlled; foreign: string }> {
  const fleet = await bootControlled(options);
  try {
    const installed = await fleet.host.fleet(fleet.user, ['install', '-f', 'fleet.yaml']);
    expect([installed.code, installed.stderr]).toEqual([0, '']);
    await fleet.well();
    await fleet.makeForeign();
    return { fleet, foreign: await fleet.foreign() };
  } catch (failed) {
    await fleet.destroy();
    throw failed;
  }
}

function controlledOn(host: Host, user: string, restart: string): Controlled {
  const state = `/home/${user}/.local/state/fleet/lab/lab-fleet`;
  const sh: Controlled['sh'] = (script) => host.mustAs(user, ['sh', '-c', script]);
  const systemctl: Controlled['systemctl'] = (...args) => host.mustAs(user, ['systemctl', '--user', ...args]);
  const events = async (): Promise<string> => {
    const text = await sh(`cat ${state}/events.jsonl 2>/dev/null || true`);
    keepForFailure('events.jsonl', text);
    return text;
  };
  const status = async (): Promise<StatusDocument> => {
    const text = await sh(`cat ${state}/status.json`);
    keepForFailure('status.json', text);
    return JSON.parse(text) as StatusDocument;
  };
  const controllerPid = async (): Promise<number> =>
    Number((await host.as(user, ['systemctl', '--user', 'show', '-p', 'MainPID', '--value', 'fleet.service'])).stdout);
  return {
    host,
    user,
    state,
    sh,
    systemctl,
    writeRoster: (agents) => host.write(user, 'fleet.yaml', rosterOf(agents, restart)),
    async setMode(agent, mode) {
      await sh(mode === null ? `rm -f modes/${agent}` : `echo ${mode} >modes/${agent}`);
    },
    async panes() {
      const format = '#{session_name} #{pane_dead} #{pane_pid} #{@fleet_mark}';
      const listed = await host.as(user, ['tmux', '-L', SOCKET, 'list-panes', '-a', '-F', format]);
      const rows = listed.stdout.split('\n').map((line) => line.split(' '));
      const ours = rows.filter(([name, dead, , mark]) => dead === '0' && mark?.startsWith(`lab-fleet/${name}/`));
      return Object.fromEntries(ours.map(([name, , pid]) => [name ?? '', Number(pid)])) as Record<string, number>;
    },
    async starts() {
      const text = await sh('cat starts');
      keepForFailure('starts.txt', text);
      const rows = text.trim().split('\n').filter(Boolean);
      const names = [...new Set(rows.map((row) => row.split(' ')[0] ?? ''))];
      const pidsOf = (agent: string) =>
        rows.flatMap((row) => (row.startsWith(`${agent} `) ? Number(row.split(' ')[1]) : []));
      return Object.fromEntries(names.map((agent) => [agent, pidsOf(agent)]));
    },
    async makeForeign() {
      await sh(`tmux -L ${OTHER} new-session -d -s alpha sleep infinity
tmux -L ${SOCKET} new-session -d -s guest sleep infinity
tmux -L ${SOCKET} new-session -d -s alpha-notes sleep infinity
systemd-run --user --quiet --unit=foreign sleep infinity`);
    },
    foreign: () =>
      sh(`for socket in ${OTHER} ${SOCKET}; do
  tmux -L $socket list-panes -a -F "$socket #{pid} #{session_id} #{session_name} #{session_created} #{pane_pid} #{@fleet_mark}"
done | grep -E '^${OTHER} | guest | alpha-notes '
systemctl --user show foreign.service -p InvocationID -p MainPID`),
    controllerPid,
    status,
    events,
    eventLike: (words, deadlineMs) =>
      until(
        `an event with ${words}`,
        async () => (await events()).split('\n').find((line) => line.includes(words)) ?? null,
        deadlineMs,
      ),
    async well(deadlineMs = 60_000) {
      await until(
        'all is ready and nothing waits',
        async () => {
          const [pid, now] = [await controllerPid(), await status().catch(() => null)];
          if (pid === 0 || now?.controller.pid !== pid) return null;
          const ready = now.conditions.some((c) => c.type === 'Ready' && c.status === 'True');
          return ready && Object.values(now.agents).every((agent) => agent.waiting.length === 0) ? true : null;
        },
        deadlineMs,
      );
      const plan = await host.fleet(user, ['plan', '--detailed-exitcode', '-f', 'fleet.yaml']);
      keepForFailure('plan.txt', plan.stdout);
      expect([plan.code, plan.stdout]).toEqual([0, expect.anything()]);
    },
    async destroy() {
      const log = ['journalctl', '--user', '-u', 'fleet.service', '--no-pager', '-n', '300'];
      keepForFailure('journal.txt', await host.mustAs(user, log).catch(() => ''));
      await host.destroy();
    },
  };
}

function rosterOf(agents: readonly string[], restart: string): string {
  return `version: 1
fleet: lab-fleet
tmux: { socket_name: ${SOCKET}, holder_session: _holder }
runtimes:
  stub: { command: [~/agent], match: { exe: sleep }, beats: false }
defaults: { runtime: stub, working_directory: ~/src, restart: ${restart} }
agents:
${agents.map((name) => `  - { name: ${name} }`).join('\n')}
`;
}
