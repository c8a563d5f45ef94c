/**
 * One machine: a disk (an overlay of / on a tmpfs) and a systemd booted from it by systemd-nspawn.
 *
 *   keeper process, in a mount namespace of its own   holds the disk, also while the power is off
 *     \- systemd-nspawn                                one power cycle
 *          \- systemd, pid 1 inside ("leader")          one boot
 *
 * Keeper and nspawn have the parent-death signal SIGKILL, and the leader ends with nspawn: nothing outlives the test run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeGroups } from './cgroup.ts';
import { execute, must, note, until } from './execute.ts';
import { makeDirectory, removeDirectory } from './leftovers.ts';

export interface Machine {
  readonly hostname: string;
  /** Runs a program on the disk, booted or not, by chroot. */
  chroot(argv: readonly string[], input?: string): Promise<string>;
  /** Where the disk can be read and written from outside, for plain paths without links. */
  readonly disk: string;
  powerOn(): Promise<void>;
  /** The power cable is pulled. The disk stays. */
  powerOff(): Promise<void>;
  /** Orderly, as `systemctl reboot` does it. */
  reboot(): Promise<void>;
  /** Ends it and removes all of it. May be called twice. */
  destroy(): Promise<void>;
  /** Pid of its systemd on this machine. */
  leader(): number;
}

const SETUP = `set -e
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t tmpfs -o size=2g,mode=755 tmpfs "$1/memory"
mkdir "$1/memory/upper" "$1/memory/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/memory/upper,workdir=$1/memory/work" "$1/root"
echo ready
exec sleep infinity`;

const live = new Set<() => void>();
process.on('exit', () => {
  for (const end of live) end();
});

export async function makeMachine(hostname: string): Promise<Machine> {
  const { path, groups } = makeDirectory(makeGroups);
  const base = path;
  await must(['mkdir', join(base, 'memory'), join(base, 'root')]);
  const keeper = await startKeeper(base);
  const enter = ['nsenter', `--mount=/proc/${keeper.pid}/ns/mnt`];
  let nspawn: ChildProcess | null = null;
  let leader: number | null = null;
  const console = join(base, 'console.log');

  const end = (): void => {
    nspawn?.kill('SIGKILL');
    keeper.kill('SIGKILL');
  };
  live.add(end);

  const waitForBoot = async (before: number | null): Promise<void> => {
    const deadlineMs = 60_000;
    leader = await until(
      'systemd is pid 1',
      () => {
        if (nspawn?.exitCode !== null) throw new Error(`systemd-nspawn ended:\n${readConsole(console)}`);
        const found = leaderOf(nspawn.pid ?? 0);
        return found !== before ? found : null;
      },
      deadlineMs,
    );
    await until(
      'the host is up',
      async () => {
        const state = await execute(['nsenter', '-t', String(leader), '-a', 'systemctl', 'is-system-running']);
        return ['running', 'degraded'].includes(state.stdout.trim()) ? true : null;
      },
      deadlineMs,
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${readConsole(console)}`);
    });
  };

  const machine: Machine = {
    hostname,
    disk: `/proc/${keeper.pid}/root${join(base, 'root')}`,
    chroot: (argv, input) =>
      must([...enter, 'chroot', join(base, 'root'), ...argv], input === undefined ? {} : { input }),
    async powerOn() {
      note(`power on ${hostname}`);
      nspawn = startNspawn({ base, enter, groups, hostname, console });
      await waitForBoot(null);
    },
    async powerOff() {
      note(`power off ${hostname}`);
      if (nspawn === null) return;
      const ended = exited(nspawn);
      nspawn.kill('SIGKILL');
      if (leader !== null) killQuietly(leader);
      await ended;
      await until('its processes are gone', () => (leader === null || !existsSync(`/proc/${leader}`) ? true : null));
      nspawn = null;
      leader = null;
    },
    async reboot() {
      note(`reboot ${hostname}`);
      const before = leader;
      await execute(['nsenter', '-t', String(before), '-a', 'systemctl', 'reboot']);
      // Told to keep its unit, nspawn leaves the second boot to its caller (exit 133); else it boots again by itself.
      const ended = await until('the host has gone down', () => {
        if (nspawn === null || nspawn.exitCode !== null) return 'nspawn';
        return existsSync(`/proc/${before}`) ? null : 'leader';
      });
      if (ended === 'nspawn') await machine.powerOn();
      else await waitForBoot(before);
    },
    async destroy() {
      if (!live.delete(end)) return;
      await machine.powerOff();
      const ended = exited(keeper);
      keeper.kill('SIGKILL');
      await ended;
      removeDirectory(base, groups);
    },
    leader() {
      if (leader === null) throw new Error(`harness: ${hostname} has no power`);
      return leader;
    },
  };
  return machine;
}

async function startKeeper(base: string): Promise<ChildProcess> {
  const argv = [
    '--pdeathsig',
    'KILL',
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    SETUP,
    'keeper',
    base,
  ];
  const keeper = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  keeper.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  await new Promise<void>((resolve, reject) => {
    keeper.stdout?.once('data', () => resolve());
    keeper.once('exit', () =>
      reject(new Error(`harness: no overlay of / can be mounted here (root with CAP_SYS_ADMIN?): ${errors}`)),
    );
  });
  return keeper;
}

function startNspawn(from: {
  readonly base: string;
  readonly enter: readonly string[];
  readonly groups: readonly string[];
  readonly hostname: string;
  readonly console: string;
}): ChildProcess {
  // Without a systemd of its own the outer machine has nobody who would make a scope for the container.
  const keepUnit = existsSync('/run/systemd/system') ? [] : ['--keep-unit'];
  const join_groups = keepUnit.length === 0 ? [] : from.groups.map((group) => join(group, 'cgroup.procs'));
  const nspawn = [
    ...['systemd-nspawn', '--quiet', '-b', '-D', join(from.base, 'root'), '--register=no', ...keepUnit],
    ...[`--machine=${from.base.split('/').at(-1)?.toLowerCase()}`, `--hostname=${from.hostname}`],
    ...['--private-network', '--link-journal=no', '--resolv-conf=off', '--timezone=off'],
  ];
  const script =
    'log=$1; shift; while [ "$1" != -- ]; do echo $$ >"$1" || exit 1; shift; done; shift; exec "$@" >>"$log" 2>&1';
  const argv = [
    '--pdeathsig',
    'KILL',
    'sh',
    '-c',
    script,
    'nspawn',
    from.console,
    ...join_groups,
    '--',
    ...from.enter,
    ...nspawn,
  ];
  return spawn('setpriv', argv, { stdio: ['ignore', 'ignore', 'ignore'] });
}

/** The child of systemd-nspawn that is pid 1 in a namespace of its own. */
function leaderOf(nspawn: number): number | null {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8');
      const parent = /^PPid:\t(\d+)$/m.exec(status)?.[1];
      if (Number(parent) === nspawn && /^NSpid:.*\t1$/m.test(status)) return Number(entry);
    } catch {
      // ended while we looked
    }
  }
  return null;
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // gone already
  }
}

function readConsole(path: string): string {
  appendFileSync(path, '');
  return readFileSync(path, 'utf8').slice(-3000);
}
