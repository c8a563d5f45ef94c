/** What the controller takes where all is well: its passes, and its idleness. */
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, utimesSync, watch, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { readRoster } from '../scripts/stage-files.ts';
import { expandHome } from '../src/spec/home.ts';
import { layoutOf } from '../src/spec/layout.ts';
import {
  cpuOf,
  cpuOfRuns,
  HOME,
  millisecondsOf,
  now,
  pause,
  residentMiB,
  STATE,
  startController,
  stopController,
} from './controller-host.ts';

export interface PassCost {
  /** Milliseconds of processor time: of one full pass, its children and the status that it writes included. */
  readonly pass: number;
  /** The same of its first passes, in which V8 still compiles. */
  readonly early: number;
  /** Milliseconds from its trigger to the status that it wrote, the 200 ms for which changes are gathered included. */
  readonly took: number;
  readonly node: number;
  readonly mib: number;
}

/** Passes after which one is what it is for as long as the controller lives: two hours of a pass each minute. */
const WARM = 120;

/** Passes between which as many runs of node are measured: how fast a machine is changes from one minute to the next. */
const BLOCK = 10;

export async function timePasses(roster: string, passes: number): Promise<PassCost> {
  const pid = startController(roster);
  // A file that people steer it by: when it is touched everything is looked at.
  const fleet = ['/opt/fleet/fleet.cjs', 'pause', '--all', '--reason', 'bench', '-f', roster];
  execFileSync(process.execPath, fleet, { stdio: 'ignore' });
  execFileSync(process.execPath, ['/opt/fleet/fleet.cjs', 'resume', '--all', '-f', roster], { stdio: 'ignore' });
  await pause(5_000);
  const pass = async (): Promise<void> => {
    const before = passesOf();
    utimesSync(`${STATE}/pauses.json`, new Date(), new Date());
    for (const until = now() + 30_000; passesOf() === before; ) {
      if (now() > until) throw new Error('bench: no pass came');
      await pause(10);
    }
  };
  const cost = async (count: number): Promise<Pick<PassCost, 'pass' | 'took' | 'node'>> => {
    const sum = { pass: 0, took: 0, node: 0 };
    for (let done = 0; done < count; done += BLOCK) {
      const block = Math.min(BLOCK, count - done);
      const [began, used] = [now(), cpuOf(pid)];
      for (let i = 0; i < block; i += 1) await pass();
      sum.pass += cpuOf(pid) - used;
      sum.took += now() - began;
      sum.node += cpuOfRuns([process.execPath, '-e', '0'], block) * block;
    }
    return { pass: sum.pass / count, took: sum.took / count, node: sum.node / count };
  };
  for (let warm = 0; warm < 5; warm += 1) await pass();
  const early = await cost(passes);
  for (let warm = 5 + passes; warm < WARM; warm += 1) await pass();
  const settled = await cost(passes);
  const mib = residentMiB(pid);
  stopController();
  return { ...settled, early: early.pass, mib };
}

function passesOf(): number {
  return (JSON.parse(readFileSync(`${STATE}/status.json`, 'utf8')) as { controller: { passes: number } }).controller
    .passes;
}

export interface IdleCost {
  /** Of one core, 0 to 1, children that it waited for included. */
  readonly share: number;
  readonly mib: number;
}

/** Agents that beat once a second, each. */
export async function timeIdle(path: string, seconds: number): Promise<IdleCost> {
  const pid = startController(path);
  const roster = readRoster(path);
  const directory = expandHome(layoutOf(roster.layout).heartbeatDirectory, HOME);
  const files = roster.agents.map(({ name }) => {
    const file = `${directory}/${name}.hb`;
    return { file, rest: readFileSync(file, 'utf8').replace(/^ts=.*\n/m, '') };
  });
  const beat = setInterval(() => {
    for (const { file, rest } of files) {
      writeFileSync(`${file}.tmp`, `ts=${(Date.now() / 1000).toFixed(3)}\n${rest}`);
      renameSync(`${file}.tmp`, file);
    }
  }, 1_000);
  await pause(10_000);
  const [began, used] = [now(), cpuOf(pid)];
  await pause(seconds * 1_000);
  const share = (cpuOf(pid) - used) / (now() - began);
  clearInterval(beat);
  const mib = residentMiB(pid);
  stopController();
  return { share, mib };
}

export interface SaveTimes {
  /** Milliseconds from the roster's rename into place to the first file that is written because of it. */
  readonly effect: readonly number[];
  readonly node: readonly number[];
}

/** The class of one agent is changed whose session is left as it is (`on_change: keep`): its env file is written anew. */
export async function timeSaves(path: string, saves: number): Promise<SaveTimes> {
  const text = readFileSync(path, 'utf8');
  const first = '  - name: agent-0001\n';
  const withRound = (round: number): string =>
    text.replace(first, `  - { name: agent-0001, on_change: keep, class: "c${round}" }\n`);
  const env = expandHome(layoutOf('fleet').envFile('agent-0001'), HOME);
  const save = async (round: number): Promise<number> => {
    writeFileSync(`${path}.new`, withRound(round));
    const written = fileWritten(env);
    const began = now();
    renameSync(`${path}.new`, path);
    return (await written) - began;
  };
  startController(path);
  const times = { effect: [0], node: [0] };
  for (const list of Object.values(times)) list.pop();
  for (let round = 0; round <= saves; round += 1) {
    await pause(1_000);
    const took = await save(round);
    if (round > 0) times.effect.push(took);
    await pause(500);
    times.node.push(millisecondsOf([process.execPath, '-e', '0']));
  }
  // As it was, for the part that comes next.
  const written = fileWritten(env);
  writeFileSync(path, text);
  await written;
  stopController();
  return times;
}

/** When it is next renamed into place. */
function fileWritten(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`bench: ${path} was not written`)), 30_000);
    const watcher = watch(dirname(path), (_event, name) => {
      if (name !== basename(path)) return;
      clearTimeout(late);
      watcher.close();
      resolve(now());
    });
  });
}
