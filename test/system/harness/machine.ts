/**
 * One machine: a disk and a systemd booted from it by systemd-nspawn.
 *
 *   keeper                                       holds the disk, also while the power is off
 *     \- systemd-nspawn                          one power cycle
 *          \- systemd, pid 1 inside ("leader")    one boot
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execute, must, note, until } from './execute.ts';
import { exited, type Keeper, startKeeper } from './keeper.ts';
import { initBelow, killHard, ownDepth } from './processes.ts';

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

const BOOT_DEADLINE_MS = 60_000;

export async function makeMachine(hostname: string): Promise<Machine> {
  const keeper = await startKeeper();
  const log = join(keeper.base, 'console.log');
  let nspawn: ChildProcess | null = null;
  let leader: number | null = null;

  const waitForBoot = async (): Promise<void> => {
    leader = await until('systemd is pid 1', () => bootOf(nspawn, log), BOOT_DEADLINE_MS);
    const isUp = ['nsenter', '-t', String(leader), '-a', 'systemctl', 'is-system-running'];
    const look = async (): Promise<true | null> =>
      ['running', 'degraded'].includes((await execute(isUp)).stdout.trim()) ? true : null;
    await until('the host is up', look, BOOT_DEADLINE_MS).catch((error: Error) => {
      throw new Error(`${error.message}\n${readConsole(log)}`);
    });
  };

  const machine: Machine = {
    hostname,
    disk: keeper.disk,
    chroot: (argv, input) =>
      must([...keeper.enter, 'chroot', keeper.root, ...argv], input === undefined ? {} : { input }),
    async powerOn() {
      note(`power on ${hostname}`);
      nspawn = startNspawn(keeper, hostname, log);
      await waitForBoot();
    },
    async powerOff() {
      note(`power off ${hostname}`);
      if (nspawn === null) return;
      if (leader !== null) killHard(leader);
      await exited(nspawn);
      nspawn = null;
      leader = null;
    },
    async reboot() {
      note(`reboot ${hostname}`);
      await execute(['nsenter', '-t', String(leader), '-a', 'systemctl', 'reboot']);
      // Told to keep its unit, nspawn ends with every boot (exit 133) and leaves the next one to its caller.
      await until('the host has gone down', () => (nspawn?.exitCode === null ? null : true), BOOT_DEADLINE_MS);
      await machine.powerOn();
    },
    destroy: () => keeper.end(),
    leader() {
      if (leader === null) throw new Error(`harness: ${hostname} has no power`);
      return leader;
    },
  };
  return machine;
}

/** Pid of the systemd of this boot, null while there is none yet. */
function bootOf(nspawn: ChildProcess | null, log: string): number | null {
  if (nspawn?.exitCode !== null) throw new Error(`systemd-nspawn ended:\n${readConsole(log)}`);
  return initBelow(nspawn.pid ?? 0, ownDepth() + 2);
}

/**
 * In control groups of its own: a transient scope where this machine's own systemd makes them, else the directories of
 * the keeper. nspawn itself cannot ask for a scope: it would name its child by a pid that only holds in its namespace.
 */
function startNspawn(keeper: Keeper, hostname: string, log: string): ChildProcess {
  const name = basename(keeper.base).toLowerCase();
  const nspawn = [
    ...['systemd-nspawn', '--quiet', '-b', '-D', keeper.root, '--register=no', '--keep-unit'],
    ...[`--machine=${name}`, `--hostname=${hostname}`, '--private-network'],
    ...['--link-journal=no', '--resolv-conf=off', '--timezone=off'],
  ];
  const hasSystemd = existsSync('/run/systemd/system');
  const scope = ['systemd-run', '--quiet', '--scope', '--collect', '-p', 'Delegate=yes'];
  const files = hasSystemd ? [] : keeper.groups.map((group) => join(group, 'cgroup.procs'));
  const script =
    'log=$1; shift; while [ "$1" != -- ]; do echo $$ >"$1" || exit 1; shift; done; shift; exec "$@" >>"$log" 2>&1';
  const argv = ['-c', script, 'nspawn', log, ...files, '--', ...(hasSystemd ? scope : []), ...keeper.enter, ...nspawn];
  return spawn('sh', argv, { stdio: 'ignore' });
}

function readConsole(path: string): string {
  appendFileSync(path, '');
  return readFileSync(path, 'utf8').slice(-3000);
}
