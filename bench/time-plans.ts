/** Times whole commands, one after the other in turn, so that what else the machine does falls on all of them alike. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expandHome } from '../src/spec/home.ts';
import { layoutOf } from '../src/spec/layout.ts';
import { loadRoster } from '../src/spec/load.ts';

const FLEET = '/opt/fleet/fleet.cjs';

export interface PlanTimes {
  /** Milliseconds of each round. */
  readonly node: readonly number[];
  readonly plan: readonly number[];
  /** `fleet apply -y --json` of a fleet that is as wanted. */
  readonly apply: readonly number[];
  readonly loop: readonly number[];
  readonly validate: readonly number[];
  /** Largest resident set of `fleet plan`, in KiB. */
  readonly peakKib: number;
}

export function timePlans(roster: string, rounds: number): PlanTimes {
  const loop = join(userInfo().homedir, 'loop.sh');
  writeFileSync(loop, loopScript(roster));
  const commands = {
    node: [process.execPath, '-e', '0'],
    plan: [process.execPath, FLEET, 'plan', '--json', '-f', roster],
    apply: [process.execPath, FLEET, 'apply', '-y', '--json', '-f', roster],
    loop: ['bash', loop],
    validate: [process.execPath, FLEET, 'validate', roster],
  };
  const samples = { node: [0], plan: [0], apply: [0], loop: [0], validate: [0] };
  for (const list of Object.values(samples)) list.pop();
  // The loop takes minutes at a thousand agents: what is held against each other beside it stands close together.
  const measured = ['node', 'plan', 'apply', 'validate', 'loop'] as const;
  for (const name of ['node', 'plan', 'apply', 'validate'] as const) milliseconds(commands[name]);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of measured) samples[name].push(milliseconds(commands[name]));
  }
  return { ...samples, peakKib: peakOf(commands.plan) };
}

/** What people do today: asks systemd, tmux and the heartbeat of each agent by itself. */
function loopScript(path: string): string {
  const roster = loadRoster(path);
  if (!roster.ok) throw new Error(`bench: ${JSON.stringify(roster.error)}`);
  const layout = layoutOf(roster.value.layout);
  const directory = expandHome(layout.heartbeatDirectory, userInfo().homedir);
  const socket = roster.value.tmux.socketName ?? 'default';
  return [
    `for agent in ${roster.value.agents.map((agent) => agent.name).join(' ')}; do`,
    `  systemctl --user show -p ActiveState -p SubState -p UnitFileState "${layout.agentUnit('$agent')}"`,
    `  tmux -L ${socket} list-panes -t "=$agent:" -F '#{pane_pid} #{pane_current_command} #{pane_dead}'`,
    `  cat "${directory}/$agent.hb"`,
    'done',
    '',
  ].join('\n');
}

function milliseconds(argv: readonly string[]): number {
  const started = process.hrtime.bigint();
  const [program = '', ...args] = argv;
  const { status, stderr } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  const took = Number(process.hrtime.bigint() - started) / 1e6;
  if (status !== 0) throw new Error(`bench: ${argv.join(' ')} ended with ${status}: ${stderr}`);
  return took;
}

function peakOf(argv: readonly string[]): number {
  const script =
    'import resource, subprocess, sys\n' +
    'subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)\n' +
    'print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n';
  const { stdout, status } = spawnSync('python3', ['-c', script, ...argv], { encoding: 'utf8' });
  if (status !== 0) throw new Error('bench: the peak memory could not be measured');
  return Number(stdout);
}
