/**
 * The demo's own little world: one temporary directory with a home, a private tmux directory, stub agents and a roster.
 * Everything started in it carries the directory in its environment (TMUX_TMPDIR), by which it is found and ended again.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Stage {
  readonly directory: string;
  readonly home: string;
  readonly tmuxTmpdir: string;
  readonly roster: string;
  /** Another program than the roster wants anywhere, to be found in the wrong place. */
  readonly impostor: string;
}

export const DEMO_SOCKET = 'fleet-demo';

/**
 * A stub agent: beats every 5 s, and else waits. `wait` lets the shell die at once when it is ended.
 * A heartbeat is replaced atomically, as docs/contract.md, section 7, wants it.
 */
const AGENT = `#!/bin/sh
# A stand-in for an agent: writes heartbeats and waits.
beat="$HEARTBEATS/$FLEET_AGENT_NAME.hb"
echo "$FLEET_AGENT_NAME is at work"
while :; do
  printf 'ts=%s\\npid=%s\\nstatus=ok\\n' "$(date +%s)" "$$" >"$beat.new" && mv "$beat.new" "$beat"
  sleep 5 </dev/null &
  wait $!
done
`;

const IMPOSTOR = `#!/bin/sh
# What somebody started in the wrong pane.
echo "I am not the agent you are looking for"
while :; do sleep 60 </dev/null & wait $!; done
`;

const roster = (directory: string, heartbeats: string): string => `version: 1
fleet: demo
supervisor: none
tmux:
  socket_name: ${DEMO_SOCKET}
defaults:
  working_directory: ${directory}/work
runtimes:
  stub:
    command: [${directory}/bin/agent.sh]
    match: { script: agent.sh }
  impostor:
    command: [${directory}/bin/impostor.sh]
    match: { script: impostor.sh }
agents:
  - { name: scout, runtime: stub, env: { HEARTBEATS: ${heartbeats} } }
  - { name: builder, runtime: stub, env: { HEARTBEATS: ${heartbeats} } }
  - { name: reviewer, runtime: stub, env: { HEARTBEATS: ${heartbeats} } }
`;

export function setStage(): Stage {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-demo-'));
  const home = join(directory, 'home');
  const heartbeats = join(home, '.local/state/fleet/run');
  const tmuxTmpdir = join(directory, 'tmux');
  for (const path of [heartbeats, tmuxTmpdir, join(directory, 'work'), join(directory, 'bin')]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
  const stage = {
    directory,
    home,
    tmuxTmpdir,
    roster: join(directory, 'fleet.yaml'),
    impostor: join(directory, 'bin/impostor.sh'),
  };
  writeFileSync(join(directory, 'bin/agent.sh'), AGENT, { mode: 0o700 });
  writeFileSync(stage.impostor, IMPOSTOR, { mode: 0o700 });
  writeFileSync(stage.roster, roster(directory, heartbeats), { mode: 0o600 });
  return stage;
}

type Kill = (pid: number) => void;

/** Ends whatever was started on the stage, by its environment, and removes the directory. Synchronous: also at exit. */
export function clearStage(stage: Stage, kill: Kill): void {
  // What is ended may just be starting something: look until nothing is left, within bounds.
  for (let round = 0; round < 50; round++) {
    const left = startedOn(stage);
    if (left.length === 0) break;
    for (const pid of left) kill(pid);
  }
  rmSync(stage.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
}

/** Processes of this user with the stage's tmux directory in their environment. Zombies have none. */
export function startedOn(stage: Stage, procRoot = '/proc'): readonly number[] {
  const wanted = `TMUX_TMPDIR=${stage.tmuxTmpdir}`;
  return readdirSync(procRoot)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environmentOf(`${procRoot}/${pid}/environ`).includes(wanted));
}

function environmentOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\0');
  } catch {
    // Another user's, or gone by now: none of ours.
    return [];
  }
}
