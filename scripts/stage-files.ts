/** The files of a fleet as fleet itself would write them, for the benches and for the build's stage. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { wantedEnv } from '../src/spec/agent-env.ts';
import { renderArgvFile } from '../src/spec/argv-file.ts';
import { mergeEnvFile } from '../src/spec/env-file.ts';
import { expandHome } from '../src/spec/home.ts';
import { LAUNCHER_PATH, renderLauncher } from '../src/spec/launcher.ts';
import { layoutOf } from '../src/spec/layout.ts';
import { loadRoster } from '../src/spec/load.ts';
import type { AgentSpec, Roster } from '../src/spec/model.ts';
import { renderUnitFiles } from '../src/spec/unit-file.ts';

export function readRoster(path: string): Roster {
  const loaded = loadRoster(path);
  if (!loaded.ok) throw new Error(`stage: ${JSON.stringify(loaded.error)}`);
  return loaded.value;
}

/** Unit files and launcher, and the files of these agents. */
export function writeFleetFiles(roster: Roster, agents: readonly AgentSpec[], home: string): void {
  const layout = layoutOf(roster.layout);
  for (const [name, content] of Object.entries(renderUnitFiles(roster, roster.agents, home))) {
    write(`${home}/.config/systemd/user/${name}`, content, 0o644);
  }
  write(expandHome(LAUNCHER_PATH, home), renderLauncher(), 0o700);
  for (const agent of agents) {
    write(expandHome(layout.envFile(agent.name), home), mergeEnvFile(null, wantedEnv(roster, agent, home)), 0o600);
    write(expandHome(layout.argvFile(agent.name), home), renderArgvFile(roster, agent, home), 0o600);
  }
}

/** One fresh heartbeat for each agent that has a pane; `panes` as `#{session_name} #{pane_pid}`. */
export function writeHeartbeats(roster: Roster, home: string, panes: string): void {
  const directory = expandHome(layoutOf(roster.layout).heartbeatDirectory, home);
  const pids = new Map(panes.split('\n').map((line) => [line.split(' ')[0], line.split(' ')[1]]));
  for (const { name } of roster.agents) {
    const beat = `ts=${Math.floor(Date.now() / 1000)}\npid=${pids.get(name)}\nstatus=ok\n`;
    write(`${directory}/${name}.hb`, beat, 0o600);
  }
}

function write(path: string, content: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, content, { mode });
}
