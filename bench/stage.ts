/** Makes a fleet as its roster says, with what fleet itself renders, faster than `fleet apply` which waits for each agent. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { readRoster, writeFleetFiles, writeHeartbeats } from '../scripts/stage-files.ts';
import { expandHome } from '../src/spec/home.ts';
import { layoutOf } from '../src/spec/layout.ts';

/** Units started at a time: each runs a launcher, and tmux serves one client after the other. */
const AT_A_TIME = 16;

export function stage(path: string): number {
  const roster = readRoster(path);
  const layout = layoutOf(roster.layout);
  const { homedir: home } = userInfo();
  const missing = roster.agents.filter((agent) => !existsSync(expandHome(layout.envFile(agent.name), home)));
  writeFleetFiles(roster, missing, home);
  const units = missing.map((agent) => layout.agentUnit(agent.name));
  systemctl('daemon-reload');
  systemctl('enable', layout.holderUnit, ...units);
  systemctl('start', layout.holderUnit);
  for (let at = 0; at < units.length; at += AT_A_TIME) systemctl('start', ...units.slice(at, at + AT_A_TIME));
  const socket = roster.tmux.socketName ?? 'default';
  const list = ['-L', socket, 'list-panes', '-a', '-F', '#{session_name} #{pane_pid}'];
  writeHeartbeats(roster, home, execFileSync('tmux', list, { encoding: 'utf8' }));
  return missing.length;
}

function systemctl(...args: readonly string[]): void {
  execFileSync('systemctl', ['--user', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}
