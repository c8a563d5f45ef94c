/** A booted Linux host for tests: users, linger, logins, the built command, and running things as somebody. */
import {
  accessSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execute, type Ran, until } from './execute.ts';
import { type Login, openLogin } from './login.ts';
import { type Machine, makeMachine } from './machine.ts';

export interface HostOptions {
  readonly hostname?: string;
  /** Each gets a home and bash. */
  readonly users: readonly { readonly name: string; readonly linger: boolean }[];
}

export interface AsOptions {
  readonly input?: string;
  /** Added to what a login would have; an empty value is an empty variable. */
  readonly env?: Readonly<Record<string, string>>;
  /** Without XDG_RUNTIME_DIR, as cron runs things. */
  readonly bare?: boolean;
  /** With a terminal (made by script(1)); output and errors then come together on stdout. */
  readonly tty?: boolean;
  /** Inside this login's control group. */
  readonly login?: Login;
  readonly deadlineMs?: number;
}

export interface Host extends Machine {
  /** Runs a program as a user in her home, with the environment of a fresh login, outside any login session. */
  as(user: string, argv: readonly string[], options?: AsOptions): Promise<Ran>;
  /** `as`, for what must succeed: standard output. */
  mustAs(user: string, argv: readonly string[], options?: AsOptions): Promise<string>;
  root(argv: readonly string[], input?: string): Promise<Ran>;
  mustRoot(argv: readonly string[], input?: string): Promise<string>;
  /** The built command. */
  fleet(user: string, args: readonly string[], options?: AsOptions): Promise<Ran>;
  uid(user: string): number;
  /** A login session of logind, until it is closed. */
  login(user: string): Promise<Login>;
  /** Waits until the user's manager has come up and has no job left. */
  managerSettled(user: string): Promise<void>;
  /** Waits until the user has no manager any more. */
  managerGone(user: string): Promise<void>;
  write(user: string, path: string, content: string, mode?: string): Promise<void>;
  /** Node on the host, as `fleet` runs it. */
  readonly node: string;
}

/** The built command; FLEET_DIST names another build of it to be tested. */
const DIST = process.env['FLEET_DIST'] ?? fileURLToPath(new URL('../../../dist/', import.meta.url));
const SNAPSHOT = fileURLToPath(new URL('../fixtures/snapshot.cjs', import.meta.url));
const PATH = '/usr/local/bin:/usr/bin:/bin';

export async function bootHost(options: HostOptions): Promise<Host> {
  const machine = await makeMachine(options.hostname ?? 'testhost');
  try {
    const node = await prepareDisk(machine, options);
    await machine.powerOn();
    const host = hostOn(machine, node, await readUids(machine, options));
    for (const user of options.users) if (user.linger) await host.managerSettled(user.name);
    return host;
  } catch (error) {
    await machine.destroy();
    throw error;
  }
}

async function readUids(machine: Machine, options: HostOptions): Promise<ReadonlyMap<string, number>> {
  const uids = new Map<string, number>();
  for (const { name } of options.users) uids.set(name, Number(await machine.chroot(['id', '-u', name])));
  return uids;
}

function hostOn(machine: Machine, node: string, uids: ReadonlyMap<string, number>): Host {
  const inside = (): readonly string[] => ['nsenter', '-t', String(machine.leader()), '-a', 'env', '-i'];
  const uid = (user: string): number => {
    const found = uids.get(user);
    if (found === undefined) throw new Error(`harness: no user ${user} on ${machine.hostname}`);
    return found;
  };
  const rootEnv = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C.UTF-8'];

  const host: Host = {
    ...machine,
    node,
    uid,
    root: (argv, input) =>
      execute([...inside(), ...rootEnv, ...argv], {
        shown: ['root@', machine.hostname, ...argv],
        ...(input === undefined ? {} : { input }),
      }),
    async mustRoot(argv, input) {
      return succeeded(await host.root(argv, input));
    },
    as(user, argv, as = {}) {
      const env = Object.entries(environmentOf(user, uid(user), as)).map(([name, value]) => `${name}=${value}`);
      const command = as.tty ? ['script', '-qec', argv.map(shellQuote).join(' '), '/dev/null'] : argv;
      const joined = as.login === undefined ? [] : ['sh', '-c', as.login.joinScript, 'login'];
      const full = [...inside(), PATH_OF_ROOT, ...joined, 'runuser', '-u', user, '--', 'env', '-i', ...env];
      return execute([...full, 'sh', '-c', 'cd && exec "$@"', 'as', ...command], {
        shown: [`${user}@`, machine.hostname, ...argv],
        ...(as.input === undefined ? {} : { input: as.input }),
        ...(as.deadlineMs === undefined ? {} : { deadlineMs: as.deadlineMs }),
      });
    },
    async mustAs(user, argv, as) {
      return succeeded(await host.as(user, argv, as));
    },
    fleet: (user, args, as) => host.as(user, [node, '/opt/fleet/fleet.cjs', ...args], as),
    login: (user) => openLogin(host, user),
    async managerSettled(user) {
      await until(`${user}'s manager is up`, async () => {
        const state = await host.as(user, ['systemctl', '--user', 'is-system-running']);
        if (!['running', 'degraded'].includes(state.stdout.trim())) return null;
        const jobs = await host.as(user, ['systemctl', '--user', 'list-jobs', '--no-legend']);
        return jobs.stdout.trim() === '' ? true : null;
      });
    },
    async managerGone(user) {
      await until(`${user}'s manager is gone`, async () => {
        const active = await host.root(['systemctl', 'is-active', `user@${uid(user)}.service`]);
        return ['inactive', 'failed'].includes(active.stdout.trim()) && !existsOnHost(machine, `/run/user/${uid(user)}`)
          ? true
          : null;
      });
    },
    async write(user, path, content, mode = '644') {
      const script = 'mkdir -p "$(dirname "$1")" && cat >"$1.tmp" && chmod "$2" "$1.tmp" && mv "$1.tmp" "$1"';
      await host.mustAs(user, ['sh', '-c', script, 'write', path, mode], { input: content });
    },
  };
  return host;
}

const PATH_OF_ROOT = 'PATH=/usr/sbin:/usr/bin:/sbin:/bin';

function environmentOf(user: string, uid: number, as: AsOptions): Readonly<Record<string, string>> {
  return {
    PATH,
    HOME: `/home/${user}`,
    USER: user,
    LOGNAME: user,
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    ...(as.tty ? { TERM: 'xterm' } : {}),
    ...(as.bare ? {} : { XDG_RUNTIME_DIR: `/run/user/${uid}` }),
    ...as.env,
  };
}

function succeeded(ran: Ran): string {
  if (ran.code !== 0) throw new Error(`harness: ${ran.argv.join(' ')} gave ${ran.code}: ${ran.stderr || ran.stdout}`);
  return ran.stdout;
}

function existsOnHost(machine: Machine, path: string): boolean {
  return existsSync(`/proc/${machine.leader()}/root${path}`);
}

function shellQuote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** A copy of this machine, without what it would start and whom it would serve, plus the command under test. */
async function prepareDisk(machine: Machine, options: HostOptions): Promise<string> {
  const at = (path: string): string => join(machine.disk, path);
  for (const entry of readdirSync(at('/etc/systemd/system'))) {
    if (entry.endsWith('.wants')) rmSync(at(`/etc/systemd/system/${entry}`), { recursive: true });
  }
  for (const path of ['/var/lib/systemd/linger', '/etc/resolv.conf'])
    rmSync(at(path), { recursive: true, force: true });
  for (const path of ['/var/lib/systemd/linger', '/etc/systemd/logind.conf.d', '/opt/fleet'])
    mkdirSync(at(path), { recursive: true });
  writeFileSync(at('/etc/fstab'), '');
  writeFileSync(at('/etc/machine-id'), `${crypto.randomUUID().replaceAll('-', '')}\n`);
  writeFileSync(at('/etc/hostname'), `${machine.hostname}\n`);
  writeFileSync(at('/etc/hosts'), `127.0.0.1 localhost ${machine.hostname}\n`);
  // The default of 10 s is how long a manager outlives the last logout; only the wait is shortened.
  writeFileSync(at('/etc/systemd/logind.conf.d/test.conf'), '[Login]\nUserStopDelaySec=1s\n');
  if (!existsSync(join(DIST, 'fleet.cjs'))) throw new Error('harness: dist/fleet.cjs is not built: npm run build');
  cpSync(DIST, at('/opt/fleet'), { recursive: true });
  copyFileSync(SNAPSHOT, at('/opt/snapshot.cjs'));
  for (const user of options.users) {
    await machine.chroot(['useradd', '--create-home', '--shell', '/bin/bash', user.name]);
    if (user.linger) writeFileSync(at(`/var/lib/systemd/linger/${user.name}`), '');
  }
  return nodeFor(machine);
}

/** This process's node where every user of the host can read it, else a copy. */
function nodeFor(machine: Machine): string {
  const path = process.execPath;
  if (statSync(path).dev === statSync('/').dev && readableByAll(path)) return path;
  const copy = '/usr/local/bin/node-of-tests';
  copyFileSync(path, join(machine.disk, copy), constants.COPYFILE_FICLONE);
  return copy;
}

function readableByAll(path: string): boolean {
  accessSync(path);
  const isOpen = (name: string, bits: number): boolean => (statSync(name).mode & bits) === bits;
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    if (!isOpen(parent, 0o001)) return false;
    if (parent === '/') return isOpen(path, 0o005);
  }
}
