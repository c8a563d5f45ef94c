/**
 * Everything that fleet looks through, failing in every way known, under plan and under apply: what could not be seen is
 * unknown, nothing that hangs on it is done, the exit code says so, and the rest is repaired as if nothing were wrong.
 *
 * The fleet: `good` is as wanted, but for a key in its env file; `bad` runs another program and would be restarted.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Plan } from '../../src/diff/plan.ts';
import { tmuxLacking } from '../reconcile/real-host.ts';
import { AS_ROOT, FaultyHost, type Run, SOCKET_NAME } from './faulty-host.ts';
import { report } from './suite.ts';

const lacking = tmuxLacking();
const began = performance.now();
const counts = { cells: 0, held: 0 };
/** Nobody of this machine, nor of another run of this suite: her sockets and her runtime directory lie where hers alone do. */
const UID = 300_000 + (process.pid % 100_000);
const RUNTIME = `/run/user/${UID}`;

let host: FaultyHost;
let envFile: string;
let right: string;
let drifted: string;

const roster = (supervisor: string): string => `version: 1
supervisor: ${supervisor}
tmux: { socket_name: ${SOCKET_NAME} }
runtimes:
  stub: { command: [~/stub], match: { script: ~/stub }, beats: false }
  other: { command: [~/other], match: { script: ~/other }, beats: false }
defaults: { working_directory: ~/src, runtime: stub${supervisor === 'none' ? '' : ', boot: false'} }
agents:
  - { name: good }
  - { name: bad }
`;
/** One more, of whom nothing is there but what a hidden server may hold: see `hidden`. */
const THIRD = '  - { name: third }\n';

beforeAll(async () => {
  if (lacking !== null) return;
  host = new FaultyHost(UID);
  host.file('fleet.yaml', roster('none'));
  host.file('units.yaml', roster('systemd'));
  host.file('third.yaml', roster('none') + THIRD);
  const up = await host.fleet(['apply', '-y']);
  expect(up.code, up.stderr).toBe(0);
  envFile = `${host.home}/.config/fleet/agents/good.env`;
  right = readFileSync(envFile, 'utf8');
  drifted = right.replace('worker', 'edited');
  await breakBad();
}, 120_000);

afterAll(() => {
  host?.close();
  const seconds = (performance.now() - began) / 1000;
  report({
    suite: 'observers fail',
    rounds: counts.cells,
    violations: counts.cells - counts.held,
    seed: null,
    seconds,
    counts: {},
  });
});

/** Waits until it is believed: a young process is looked at twice. */
async function breakBad(): Promise<void> {
  host.tmux('respawn-pane', '-k', '-t', '=bad:', '-c', `${host.home}/src`, '/bin/sh', `${host.home}/other`);
  for (const deadline = Date.now() + 120_000; ; ) {
    const { stdout } = await host.fleet(['plan']);
    if (stdout.includes('runtime-mismatch')) return;
    if (Date.now() > deadline) throw new Error(`bad is not told to be wrong: ${stdout}`);
  }
}

interface Fault extends Run {
  readonly roster?: string;
  /** Makes it, and gives how to undo it. */
  readonly make?: () => (() => void) | Promise<() => void>;
  /** Exit codes of plan and of apply. */
  readonly plan: readonly number[];
  readonly apply: readonly number[];
  /** Kinds of what may be planned. */
  readonly may: readonly string[];
  /** What apply leaves of good's env file. */
  readonly file: 'repaired' | 'left' | 'either';
  /** bad is restarted all the same: nothing of it hangs on what fails. */
  readonly restarts?: true;
  /** Only root can make it. */
  readonly root?: true;
}

const tmuxSays = (name: string, body: string, mode?: number): Fault => ({
  ...UNSEEN_TMUX,
  make: () => {
    env['PATH'] = `${host.fakeTmux(name, body, mode)}:${process.env['PATH']}`;
    return () => {};
  },
});

/** Filled in by `make`, for paths that are known only then. */
const env: Record<string, string> = {};
let fault: Run['fault'] | undefined;

const UNSEEN_TMUX = { plan: [3], apply: [3], may: ['env-file'], file: 'repaired' } as const;
const UNSEEN_UNITS = { ...UNSEEN_TMUX, roster: 'units.yaml', may: ['env-file', 'unit-file'], root: true } as const;

const pid = (session: string): string => host.tmux('display-message', '-p', '-t', `=${session}:`, '#{pane_pid}');

function breaksFiles(
  path: () => string,
  code: string,
  calls: readonly string[],
  after = 0,
): NonNullable<Fault['make']> {
  return () => {
    fault = { path: path(), code, calls, after };
    return () => {};
  };
}

const READS = [
  'openSync',
  'readdirSync',
  'readFileSync',
  'readlinkSync',
  'readSync',
  'open',
  'readFile',
  'readlink',
  'lstatSync',
  'statSync',
];

function closed(path: () => string): NonNullable<Fault['make']> {
  return () => {
    const there = path();
    chmodSync(there, 0o000);
    return () => chmodSync(there, 0o700);
  };
}

/** A file system of a few pages over the directory, with what was in it, and no room for more. */
function full(directory: () => string): NonNullable<Fault['make']> {
  return () => {
    const over = directory();
    const copy = `${host.base}/copy`;
    execFileSync('cp', ['-a', over, copy]);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', over]);
    execFileSync('cp', ['-a', `${copy}/.`, over]);
    try {
      writeFileSync(`${over}/filler`, Buffer.alloc(1 << 20));
    } catch {
      // Full: as much as there was room for.
    }
    return () => {
      const kept = existsSync(`${over}/fleet/agents/good.env`) ? readFileSync(`${over}/fleet/agents/good.env`) : null;
      execFileSync('umount', [over]);
      rmSync(copy, { recursive: true, force: true });
      if (kept !== null) host.file(envFile, kept.toString());
    };
  };
}

// biome-ignore lint/suspicious/noConfusingVoidType: what fills it may give back how to undo that, or nothing
function runtimeDirectory(fill: (path: string) => void | (() => void), owner = UID): NonNullable<Fault['make']> {
  return () => {
    if (existsSync(RUNTIME)) throw new Error(`${RUNTIME} is there: it belongs to somebody`);
    mkdirSync(RUNTIME, { recursive: true, mode: 0o700 });
    const undo = fill(RUNTIME);
    chownSync(RUNTIME, owner, owner);
    return () => {
      undo?.();
      rmSync(RUNTIME, { recursive: true, force: true });
    };
  };
}

/** Somebody listens on the bus who says this, or nothing at all. */
function bus(answer: string | null): NonNullable<Fault['make']> {
  return runtimeDirectory((path) => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (answer !== null) socket.end(answer);
    });
    server.listen(`${path}/bus`, () => chownSync(`${path}/bus`, UID, UID));
    return () => void server.close();
  });
}

/**
 * A session of the agent that is missing lives on a socket that nobody named, whose file is gone; `broken` of its server
 * cannot be read. `by`: words that tmux is started by, as root.
 */
function hidden(broken: ((server: string) => string) | null, by: readonly string[] = []): NonNullable<Fault['make']> {
  return () => {
    const args = ['-L', 'away', '-f', '/dev/null', 'new-session', '-d', '-s', 'third', 'exec sleep 600'];
    const [program, ...words] = [...by, 'tmux'];
    if (program === undefined || by.length === 0) host.tmux(...args);
    else execFileSync(program, [...words, ...args], { env: host.env, cwd: '/' });
    const [server, socket] = host.tmux('-L', 'away', 'display-message', '-p', '#{pid} #{socket_path}').split(' ') as [
      string,
      string,
    ];
    rmSync(socket);
    if (broken !== null) fault = { path: broken(server), code: 'EMFILE', calls: READS, after: 0 };
    return () => {
      // It lives still: nobody ended it.
      process.kill(Number(server), 'SIGTERM');
    };
  };
}

const UNSEEN_THIRD = {
  roster: 'third.yaml',
  plan: [3],
  apply: [3],
  may: ['env-file', 'session'],
  file: 'repaired',
  restarts: true,
} as const;

/** With a capability that the others of hers have not: it lists its files, and shows none of them. */
const CAPABLE = [
  ...['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'],
  ...['--inh-caps=+net_bind_service', '--ambient-caps=+net_bind_service'],
];

const FAULTS: Readonly<Record<string, Fault>> = {
  'tmux is not there': {
    ...UNSEEN_TMUX,
    make: () => {
      const only = `${host.bin}/only`;
      mkdirSync(only, { recursive: true });
      rmSync(`${only}/flock`, { force: true });
      symlinkSync(execFileSync('sh', ['-c', 'command -v flock'], { encoding: 'utf8' }).trim(), `${only}/flock`);
      env['PATH'] = only;
      return () => {};
    },
  },
  'tmux may not be executed': {
    ...UNSEEN_TMUX,
    make: () => {
      const only = host.fakeTmux('closed', 'exit 0', 0o600);
      rmSync(`${only}/flock`, { force: true });
      symlinkSync(execFileSync('sh', ['-c', 'command -v flock'], { encoding: 'utf8' }).trim(), `${only}/flock`);
      env['PATH'] = only;
      return () => {};
    },
  },
  'tmux hangs': tmuxSays('hangs', 'exec sleep 600'),
  'tmux denies, and exits 0': tmuxSays('denies', 'echo "access not allowed" >&2; exit 0'),
  'tmux says nothing, and exits 0': tmuxSays('mute', 'exit 0'),
  'tmux denies': tmuxSays('refuses', 'echo "error connecting to /x (Permission denied)" >&2; exit 1'),
  'a server of another protocol': tmuxSays('old', 'echo "protocol version mismatch (client 8, server 7)" >&2; exit 1'),
  'a server that is too new': tmuxSays('new', 'echo "server version is too new for client" >&2; exit 1'),
  'tmux prints garbage': tmuxSays('garbage', 'head -c 3000 /dev/urandom; exit 0'),
  'tmux says something unknown': tmuxSays('odd', 'echo "what?" >&2; exit 1'),
  'tmux fails and says nothing': tmuxSays('silent', 'exit 1'),
  'tmux is killed': tmuxSays('killed', 'kill -9 $$'),
  'tmux says that another socket has no server': tmuxSays('elsewhere', 'echo "no server running on /x" >&2; exit 1'),
  'tmux says that there is no server, while it lives': {
    ...tmuxSays('liar', 'echo "no server running on $TMUX_TMPDIR/tmux-$(id -u)/fleet-chaos" >&2; exit 1'),
    // Its socket's file seems to be gone: it is asked to make it again, and nothing besides.
    ...{ plan: [3], apply: [7], may: ['env-file', 'tmux-server'] },
  },
  'tmux loses the server, twice': tmuxSays('lost', 'echo "lost server" >&2; exit 1'),
  'the answer is cut off after 100 bytes': tmuxSays('short', '$real "$@" | head -c 100'),
  'the answer is cut off before its end': tmuxSays('cut', '$real "$@" | head -c -20'),
  'the answer comes twice': tmuxSays('twice', 'in=$(cat); for i in 1 2; do printf "%s\\n" "$in" | $real "$@"; done'),
  'the answer never ends': tmuxSays('flood', 'exec yes'),
  'a C locale': {
    ...{ plan: [0], apply: [0], may: ['env-file', 'session'], file: 'repaired', restarts: true },
    env: { LC_ALL: 'C', LANG: 'C', LANGUAGE: 'C' },
  },
  'a process is gone between two reads': {
    // Then it has ended, and that is what is repaired.
    ...{ plan: [0], apply: [0], may: ['env-file', 'session'], file: 'repaired', restarts: true },
    make: breaksFiles(() => `^/proc/${pid('bad')}/`, 'ENOENT', READS, 2),
  },
  "a process's facts are denied": {
    ...{ plan: [3], apply: [3], may: ['env-file'], file: 'repaired' },
    make: breaksFiles(() => `^/proc/${pid('bad')}/(environ|exe|cwd|cmdline)`, 'EACCES', READS),
  },
  'the process table cannot be listed': {
    ...{ plan: [3], apply: [3], may: ['env-file'], file: 'repaired' },
    make: breaksFiles(() => '^/proc/?$', 'EMFILE', ['readdirSync', 'openSync', 'opendirSync', 'readdir']),
  },
  'who listens on which socket cannot be read': {
    ...{ plan: [0], apply: [0], may: ['env-file', 'session'], file: 'repaired', restarts: true },
    make: breaksFiles(() => '^/proc/self/net/unix$', 'EMFILE', READS),
  },
  'who listens on which socket cannot be read, and an agent is missing': {
    ...UNSEEN_THIRD,
    make: hidden(() => '^/proc/self/net/unix$'),
  },
  'the files of a server cannot be told, and an agent is missing': {
    ...UNSEEN_THIRD,
    make: hidden((server) => `^/proc/${server}/fd/`),
  },
  'the files of a server cannot be listed, and an agent is missing': {
    ...UNSEEN_THIRD,
    make: hidden((server) => `^/proc/${server}/fd`),
  },
  'a server shows no files, and an agent is missing': { ...UNSEEN_THIRD, root: true, make: hidden(null, CAPABLE) },
  'a server shows neither its files nor its network namespace, and an agent is missing': {
    ...UNSEEN_THIRD,
    root: true,
    make: hidden(null, ['unshare', '--net', ...CAPABLE]),
  },
  'the env file cannot be read (EIO)': {
    ...{ plan: [3], apply: [3, 7], may: ['session'], file: 'left', restarts: true },
    make: breaksFiles(() => '/good\\.env$', 'EIO', READS),
  },
  'the env file cannot be read (EMFILE)': {
    ...{ plan: [3], apply: [3, 7], may: ['session'], file: 'left', restarts: true },
    make: breaksFiles(() => '/good\\.env$', 'EMFILE', READS),
  },
  'the directory of env files is closed': {
    ...{ plan: [3], apply: [3, 1], may: [], file: 'left' },
    make: closed(() => `${host.home}/.config/fleet/agents`),
  },
  'no room for the env file': {
    ...{ plan: [0], apply: [7], may: ['env-file', 'session'], file: 'left', restarts: true },
    make: breaksFiles(() => 'good\\.env', 'ENOSPC', ['writeSync', 'writeFileSync', 'fsyncSync', 'write', 'writeFile']),
  },
  'a disk that is full': {
    ...{ plan: [0], apply: [7], may: ['env-file', 'session'], file: 'left', restarts: true, root: true },
    make: full(() => `${host.home}/.config`),
  },
  "a full disk under fleet's own records": {
    ...{ plan: [0], apply: [1, 7], may: ['env-file', 'session'], file: 'left', root: true },
    make: full(() => `${host.home}/.local/state`),
  },
  "fleet's own records may not be read": {
    ...{ plan: [1], apply: [1], may: [], file: 'left' },
    make: closed(() => `${host.home}/.local/state/fleet`),
  },
  'no runtime directory': { ...UNSEEN_UNITS },
  'no runtime directory, and a variable that names another': {
    ...UNSEEN_UNITS,
    env: { XDG_RUNTIME_DIR: '/run/user/0' },
  },
  'a runtime directory without a bus': { ...UNSEEN_UNITS, make: runtimeDirectory(() => {}) },
  "another user's runtime directory": { ...UNSEEN_UNITS, make: runtimeDirectory(() => {}, UID + 1) },
  'a bus that never answers': { ...UNSEEN_UNITS, make: bus(null) },
  'a bus that hangs up': { ...UNSEEN_UNITS, make: bus('') },
  'a bus that prints garbage': { ...UNSEEN_UNITS, make: bus('OK 0123\r\n\u0001\u0002garbage\r\n') },
  'a bus that rejects': { ...UNSEEN_UNITS, make: bus('REJECTED EXTERNAL\r\n') },
};

const CELLS = Object.entries(FAULTS).filter(([, what]) => AS_ROOT || what.root !== true);

/** So many files may be open: from where Node itself hardly starts to where all is well. */
const LIMITS = [17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 30, 32];

async function during<T>(
  what: Fault,
  args: readonly string[],
  look: (ran: Awaited<ReturnType<FaultyHost['fleet']>>) => T,
): Promise<T> {
  for (const key of Object.keys(env)) delete env[key];
  fault = undefined;
  host.file(envFile, drifted);
  const undo = await what.make?.();
  let ran: Awaited<ReturnType<FaultyHost['fleet']>>;
  try {
    const file = what.roster === undefined ? [] : ['-f', `${host.home}/${what.roster}`];
    const broken = fault ?? what.fault;
    ran = await host.fleet([...args, ...file], {
      ...(what.shell === undefined ? {} : { shell: what.shell }),
      ...(broken === undefined ? {} : { fault: broken }),
      env: { ...what.env, ...env },
    });
  } finally {
    undo?.();
  }
  return look(ran);
}

test.skipIf(AS_ROOT)('a full disk and another runtime directory can only be made by root: not run', () => {});

describe.skipIf(lacking !== null)('what fails', () => {
  test.each(CELLS)('%s: plan', async (_, what) => {
    counts.cells += 1;
    const before = `${host.sessions()}\n${host.files()}`;
    await during(what, ['plan', '--json'], ({ code, stdout, stderr }) => {
      expect(what.plan, `${stderr}${stdout}`).toContain(code);
      expect(stderr).not.toContain('bug in fleet');
      if (code === 1) return;
      const plan: Plan = JSON.parse(stdout);
      expect(plan.complete, stdout).toBe(code === 0);
      const kinds = new Set(plan.changes.map((c) => c.kind));
      expect([...kinds].filter((kind) => !what.may.includes(kind))).toEqual([]);
      expect(plan.changes.filter((c) => c.agent === 'bad').length > 0).toBe(what.may.includes('session'));
    });
    host.file(envFile, right);
    expect(`${host.sessions()}\n${host.files()}`.replaceAll(drifted, right)).toBe(before);
    counts.held += 1;
  });

  test.each(CELLS)('%s: apply', async (_, what) => {
    counts.cells += 1;
    const before = host.sessions();
    const goods = (sessions: string): string =>
      sessions
        .split('\n')
        .filter((line) => !line.includes(' bad '))
        .join('\n');
    await during(what, ['apply', '-y'], ({ code, stdout, stderr }) => {
      expect(what.apply, `${stderr}${stdout}`).toContain(code);
      expect(`${stdout}${stderr}`).not.toContain('bug in fleet');
      expect(goods(host.sessions()), 'an innocent was hurt').toBe(goods(before));
      if (what.restarts === undefined) expect(host.sessions(), `${stdout}${stderr}`).toBe(before);
      else expect(stderr).toMatch(/done +restart .*\/session\/bad/);
      const now = readFileSync(envFile, 'utf8');
      const expected = { repaired: [right], left: [drifted], either: [right, drifted] }[what.file];
      expect(expected, `${stdout}${stderr}`).toContain(now);
    });
    if (what.restarts === true) await breakBad();
    counts.held += 1;
  });

  test.each(LIMITS)('%d open files: plan and apply', async (limit) => {
    counts.cells += 2;
    const what: Fault = { plan: [], apply: [], may: [], file: 'either', shell: `ulimit -n ${limit}; exec "$@"` };
    const before = host.sessions();
    const well = await during(what, ['plan', '--json'], ({ code, stdout, stderr }) => {
      // Below some number Node itself does not start: then nothing is said.
      if (stdout === '') return false;
      expect([0, 1, 3], `${stderr}${stdout}`).toContain(code);
      const plan: Plan = JSON.parse(stdout);
      const blind = plan.unknown.some((u) => u.address.includes('/tmux-server/'));
      if (blind) expect(plan.changes.filter((c) => c.kind === 'session')).toEqual([]);
      return plan.complete;
    });
    const restarted = await during(what, ['apply', '-y', '--exclude', 'session/bad'], ({ code, stdout, stderr }) => {
      expect([0, 1, 3, 7, null, 133, 134].includes(code), `${code} ${stderr}${stdout}`).toBe(true);
      if (code === 0) expect(readFileSync(envFile, 'utf8')).toBe(right);
      else expect([right, drifted]).toContain(readFileSync(envFile, 'utf8'));
      return host.sessions() !== before;
    });
    expect(restarted, `plan was ${well ? '' : 'not '}complete`).toBe(false);
    counts.held += 2;
  });
});
