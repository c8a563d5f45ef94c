/**
 * What a machine is made of that outlives its power cycles: a directory, control groups, and the keeper, pid 1 of
 * mount and pid namespaces of its own, in which the disk is mounted (an overlay of / on a tmpfs) and everything runs.
 *
 * The keeper gets SIGKILL when the test run ends, however that ends: the kernel then ends every process in the namespace
 * and takes the mounts away. (Measured on systemd 252: the systemd inside outlives a killed systemd-nspawn.)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeGroups } from './cgroup.ts';
import { until } from './execute.ts';
import { makeDirectory, removeDirectory } from './leftovers.ts';
import { initBelow, killHard, ownDepth } from './processes.ts';

export interface Keeper {
  readonly base: string;
  /** Mount point of the disk, inside. */
  readonly root: string;
  /** The same, from outside: for plain paths without links. */
  readonly disk: string;
  readonly groups: readonly string[];
  /** Start of a command line that runs the rest inside. */
  readonly enter: readonly string[];
  /** Ends everything inside and removes what is left. May be called twice. */
  end(): Promise<void>;
}

const SETUP = `set -e
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t tmpfs -o size=2g,mode=755 tmpfs "$1/memory"
mkdir "$1/memory/upper" "$1/memory/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/memory/upper,workdir=$1/memory/work" "$1/root"
echo ready
exec sleep infinity`;

const live = new Set<number>();
process.on('exit', () => {
  for (const pid of live) killHard(pid);
});
// The test runner was killed: this worker ends with it, and every keeper with this worker.
process.once('disconnect', () => {
  if (live.size > 0) killHard(process.pid);
});

export async function startKeeper(): Promise<Keeper> {
  const { path: base, groups } = makeDirectory(makeGroups);
  const root = join(base, 'root');
  for (const directory of [root, join(base, 'memory')]) mkdirSync(directory);
  const child = spawnKeeper(base);
  await setUp(child);
  const init = await until('the keeper is there', () => initBelow(child.pid ?? 0, ownDepth() + 1));
  live.add(init);
  return {
    base,
    root,
    groups,
    disk: `/proc/${init}/root${root}`,
    enter: ['nsenter', `--mount=/proc/${init}/ns/mnt`, `--pid=/proc/${init}/ns/pid`],
    async end() {
      if (!live.delete(init)) return;
      const ended = exited(child);
      killHard(init);
      await ended;
      removeDirectory(base, groups);
    },
  };
}

function spawnKeeper(base: string): ChildProcess {
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  const argv = ['--pdeathsig', 'KILL', 'unshare', ...namespaces, 'sh', '-c', SETUP, 'keeper', base];
  return spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function setUp(child: ChildProcess): Promise<void> {
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', () =>
      reject(new Error(`harness: no overlay of / can be mounted here (root with CAP_SYS_ADMIN?): ${errors}`)),
    );
  });
}

export function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
