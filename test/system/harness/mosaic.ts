/** The fleet of record: a Mosaic fleet on host w-jarvis as it was found, with stand-ins for what is not ours. */
import { readFileSync } from 'node:fs';
import { until } from './execute.ts';
import { type Fleet, fleetOn } from './fleet.ts';
import { bootHost, type Host } from './host.ts';

export const SOCKET = 'mosaic-factory';
export const USER = 'jarvis';
export const STUBS = ['dogfood-coder', 'dogfood-orchestrator', 'dogfood-reviewer'] as const;
export const AGENTS = ['canary-pi', ...STUBS] as const;
export const HOLDER = 'mosaic-tmux-holder.service';
/** What an operator wrote into each env file by hand. */
export const OPERATOR_LINES = '# kept by hand\nHTTPS_PROXY=http://proxy.example:3128\n';

const HOME = `/home/${USER}`;
const ROSTER = `${HOME}/fleet.yaml`;
const FIXTURES = new URL('../fixtures/', import.meta.url);

export const ROSTER_TEXT = `version: 1
fleet: mosaic
layout: mosaic
tmux:
  socket_name: ${SOCKET}
  holder_session: _holder
hosts:
  w-jarvis: {}
tenants:
  jarvis: { user: jarvis }
defaults:
  host: w-jarvis
  tenant: jarvis
  working_directory: ~/src
runtimes:
  dogfood:
    command: [python3, ~/.config/mosaic/fleet/dogfood-agent.py]
    match: { script: dogfood-agent.py }
    beats: true
agents:
  - { name: canary-pi, runtime: pi }
  - { name: dogfood-coder, runtime: dogfood }
  - { name: dogfood-orchestrator, runtime: dogfood, class: orchestrator }
  - { name: dogfood-reviewer, runtime: dogfood }
`;

export const unitOf = (agent: string): string => `mosaic-agent@${agent}.service`;
export const envFileOf = (agent: string): string => `${HOME}/.config/mosaic/fleet/agents/${agent}.env`;

/** The fleet as it was found: every pane runs the stub, nothing is enabled, all was started by hand. */
export async function bootFleetOfRecord(): Promise<Fleet> {
  const host = await bootHost({ hostname: 'w-jarvis', users: [{ name: USER, linger: true }] });
  try {
    await installMosaic(host, USER);
    await writeEnvFiles(host);
    await host.write(USER, ROSTER, ROSTER_TEXT);
    await host.mustAs(USER, ['systemctl', '--user', 'daemon-reload']);
    await host.mustAs(USER, ['systemctl', '--user', 'start', HOLDER, ...AGENTS.map(unitOf)]);
    await beating(host, AGENTS);
    return fleetOn(host, USER, ROSTER);
  } catch (error) {
    await host.destroy();
    throw error;
  }
}

/** The fleet of record after its first apply. */
export async function bootRepairedFleet(): Promise<Fleet> {
  const fleet = await bootFleetOfRecord();
  const ran = await fleet.apply();
  if (ran.code !== 0) {
    await fleet.host.destroy();
    throw new Error(`the first apply gave ${ran.code}:\n${ran.stdout}\n${ran.stderr}`);
  }
  return fleet;
}

/** What Mosaic and npm put into a home: launcher, stub, units, and stand-ins of `mosaic` and pi on npm's own PATH. */
export async function installMosaic(host: Host, user: string): Promise<void> {
  const home = `/home/${user}`;
  const put = (fixture: string, path: string, mode: string): Promise<void> =>
    host.write(user, `${home}/${path}`, readFileSync(new URL(fixture, FIXTURES), 'utf8'), mode);
  const npm = '.npm-global/lib/node_modules/@earendil-works/pi-coding-agent';
  await put('start-agent-session.sh', '.config/mosaic/tools/fleet/start-agent-session.sh', '755');
  await put('dogfood-agent.py', '.config/mosaic/fleet/dogfood-agent.py', '755');
  await put('mosaic-tmux-holder.service', '.config/systemd/user/mosaic-tmux-holder.service', '644');
  await put('mosaic-agent@.service', '.config/systemd/user/mosaic-agent@.service', '644');
  await put('mosaic', '.npm-global/bin/mosaic', '755');
  await put('pi-coding-agent/package.json', `${npm}/package.json`, '644');
  await put('pi-coding-agent/pi.cjs', `${npm}/pi.cjs`, '755');
  const links = `ln -s ../lib/node_modules/@earendil-works/pi-coding-agent/pi.cjs pi && ln -s ${host.node} node`;
  await host.mustAs(user, ['sh', '-c', `cd ~/.npm-global/bin && ${links} && mkdir -p ~/src`]);
}

async function writeEnvFiles(host: Host): Promise<void> {
  for (const agent of AGENTS) {
    const lines = [
      `MOSAIC_AGENT_NAME=${agent}`,
      `MOSAIC_AGENT_CLASS=${agent === 'dogfood-orchestrator' ? 'orchestrator' : 'worker'}`,
      `MOSAIC_AGENT_RUNTIME=${agent === 'canary-pi' ? 'pi' : 'dogfood'}`,
      'MOSAIC_AGENT_MODEL=',
      OPERATOR_LINES.trimEnd(),
      `MOSAIC_AGENT_WORKDIR=${HOME}/src`,
      'MOSAIC_AGENT_COMMAND="python3 ~/.config/mosaic/fleet/dogfood-agent.py"',
      `MOSAIC_TMUX_SOCKET=${SOCKET}`,
    ];
    await host.write(USER, envFileOf(agent), `${lines.join('\n')}\n`, '600');
    // Written long before anything was started, as in life: a session newer than its env file was started from it.
    await host.mustAs(USER, ['touch', '-d', '-1 hour', envFileOf(agent)]);
  }
}

/** Waits until each of these agents has a heartbeat. */
export async function beating(host: Host, agents: readonly string[]): Promise<void> {
  await until('every agent has a heartbeat', async () => {
    const listed = (await host.as(USER, ['ls', `${HOME}/.config/mosaic/fleet/run`])).stdout.split('\n');
    return agents.every((agent) => listed.some((file) => file === `${agent}.hb` || file === `${agent}.hb.native`))
      ? true
      : null;
  });
}

/** tmux on the fleet's socket, as the fleet's user. */
export function tmux(host: Host, args: readonly string[]): Promise<string> {
  return host.mustAs(USER, ['tmux', '-L', SOCKET, ...args]);
}

/** Pid of each session's first pane, by session. */
export async function panePids(host: Host): Promise<Readonly<Record<string, string>>> {
  const listed = await tmux(host, ['list-panes', '-a', '-F', '#{session_name} #{pane_pid}']);
  return Object.fromEntries(
    listed
      .trim()
      .split('\n')
      .map((line) => line.split(' ')),
  );
}
