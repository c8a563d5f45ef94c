/** Makes a fleet as its roster says, with what fleet itself renders, faster than `fleet apply` which waits for each agent. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { wantedEnv } from '../src/spec/agent-env.ts';
import { renderArgvFile } from '../src/spec/argv-file.ts';
import { mergeEnvFile } from '../src/spec/env-file.ts';
import { expandHome } from '../src/spec/home.ts';
import { LAUNCHER_PATH, renderLauncher } from '../src/spec/launcher.ts';
import { type Layout, layoutOf } from '../src/spec/layout.ts';
import { loadRoster } from '../src/spec/load.ts';
import type { Roster } from '../src/spec/model.ts';
import { renderUnitFiles } from '../src/spec/unit-file.ts';

/** Units started at a time: each runs a launcher, and tmux serves one client after the other. */
const AT_A_TIME = 16;

export function stage(path: string): number {
  const roster = readRoster(path);
  const layout = layoutOf(roster.layout);
  const { homedir: home } = userInfo();
  const missing = roster.agents.filter((agent) => !existsSync(expandHome(layout.envFile(agent.name), home)));
  const write = (file: string, content: string, mode: number): void => {
    mkdirSync(dirname(expandHome(file, home)), { recursive: true, mode: 0o700 });
    writeFileSync(expandHome(file, home), content, { mode });
  };
  for (const [name, content] of Object.entries(renderUnitFiles(roster, roster.agents, home))) {
    write(`~/.config/systemd/user/${name}`, content, 0o644);
  }
  write(LAUNCHER_PATH, renderLauncher(), 0o700);
  for (const agent of missing) {
    write(layout.envFile(agent.name), mergeEnvFile(null, wantedEnv(roster, agent, home)), 0o600);
    write(layout.argvFile(agent.name) ?? '', renderArgvFile(roster, agent, home), 0o600);
  }
  const units = missing.map((agent) => layout.agentUnit(agent.name));
  systemctl('daemon-reload');
  systemctl('enable', layout.holderUnit, ...units);
  systemctl('start', layout.holderUnit);
  for (let at = 0; at < units.length; at += AT_A_TIME) systemctl('start', ...units.slice(at, at + AT_A_TIME));
  beatAll(roster, layout, home);
  return missing.length;
}

function readRoster(path: string): Roster {
  const loaded = loadRoster(path);
  if (!loaded.ok) throw new Error(`bench: ${JSON.stringify(loaded.error)}`);
  return loaded.value;
}

function systemctl(...args: readonly string[]): void {
  execFileSync('systemctl', ['--user', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** One heartbeat for each agent, fresh for an hour. */
function beatAll(roster: Roster, layout: Layout, home: string): void {
  const socket = roster.tmux.socketName ?? 'default';
  const panes = execFileSync('tmux', ['-L', socket, 'list-panes', '-a', '-F', '#{session_name} #{pane_pid}'], {
    encoding: 'utf8',
  });
  const pids = new Map(panes.split('\n').map((line) => [line.split(' ')[0], line.split(' ')[1]]));
  const directory = expandHome(layout.heartbeatDirectory, home);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const agent of roster.agents) {
    const beat = `ts=${Math.floor(Date.now() / 1000)}\npid=${pids.get(agent.name)}\nstatus=ok\n`;
    writeFileSync(join(directory, `${agent.name}.hb`), beat, { mode: 0o600 });
  }
}
