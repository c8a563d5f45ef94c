/** A home and tmux servers of a test's own: the launcher, installed as fleet installs it, and agents to start by it. */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { renderArgvFile } from '../../src/spec/argv-file.ts';
import { mergeEnvFile, wantedEnv } from '../../src/spec/env-file.ts';
import { expandHome } from '../../src/spec/home.ts';
import { LAUNCHER_PATH, renderLauncher } from '../../src/spec/launcher.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import type { AgentSpec } from '../../src/spec/model.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PrivateFleet {
  readonly root: string;
  readonly home: string;
  readonly launcher: string;
  /** Writes what fleet writes for the agent; `foreign` are the operator's lines of its env file. */
  install(agent: AgentSpec, foreign?: string): void;
  launch(...words: string[]): Promise<Ended>;
  /** The same with variables of the caller's, and another shell than /bin/sh. */
  launchWith(options: { env?: NodeJS.ProcessEnv; shell?: readonly string[] }, ...words: string[]): Promise<Ended>;
  /** tmux on the default socket of this fleet; never starts a server. */
  tmux(...words: string[]): Promise<Ended>;
  tmuxOn(socket: string, ...words: string[]): Promise<Ended>;
  close(): Promise<void>;
}

export const OWNER = 'test-fleet';

export function openPrivateFleet(): PrivateFleet {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-launcher-')));
  const home = join(root, 'home');
  const sockets = new Set(['default']);
  const launcher = expandHome(LAUNCHER_PATH, home);
  const base = { HOME: home, TMUX_TMPDIR: root, PATH: process.env['PATH'], LANG: 'C.UTF-8', TERM: 'xterm' };
  write(launcher, renderLauncher(), 0o755);
  const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv) => {
    for (const [index, word] of args.entries()) if (args[index - 1] === '-L') sockets.add(word);
    return execute(program, args, env);
  };
  const tmuxOn = (socket: string, ...words: string[]) => run('tmux', ['-u', '-N', '-L', socket, ...words], base);
  return {
    root,
    home,
    launcher,
    tmuxOn,
    tmux: (...words) => tmuxOn('default', ...words),
    install: (agent, foreign = '') => {
      const roster = { fleet: OWNER, layout: 'fleet' } as const;
      const layout = layoutOf('fleet');
      sockets.add(agent.socket ?? 'default');
      write(expandHome(layout.envFile(agent.name), home), mergeEnvFile(foreign, wantedEnv(roster, agent, home)), 0o600);
      write(expandHome(layout.argvFile(agent.name), home), renderArgvFile(roster, agent, home), 0o600);
    },
    launch: (...words) => execute('/bin/sh', [launcher, ...words], base),
    launchWith: ({ env = {}, shell = ['/bin/sh'] }, ...words) => {
      const [program = '/bin/sh', ...options] = shell;
      if (words[0] === 'holder') for (const socket of words.slice(3)) sockets.add(socket);
      return execute(program, [...options, launcher, ...words], { ...base, ...env });
    },
    close: async () => {
      for (const socket of [...sockets, 'one', 'two']) {
        if (existsSync(join(root, `tmux-${process.getuid?.() ?? 0}`, socket))) await tmuxOn(socket, 'kill-server');
      }
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function execute(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env, timeout: 25_000, maxBuffer: 1 << 24 };
    execFile(program, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

function write(path: string, content: string, mode: number): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}

/** The value, once it is there and accepted; fails with the last one seen when ten seconds have passed. */
export async function eventually<T>(look: () => T | Promise<T>, accept: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 25_000;
  for (;;) {
    const value = await look();
    if (accept(value)) return value;
    if (Date.now() > deadline) throw new Error(`not in time; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function cmdline(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
}

export function environ(pid: number): Readonly<Record<string, string>> {
  const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').slice(0, -1);
  return Object.fromEntries(entries.map((entry) => [entry.split('=', 1)[0], entry.slice(entry.indexOf('=') + 1)]));
}

/** Gone, or a zombie that only waits to be counted. */
export function isGone(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

/** Pids of a process group, those left out that have ended and wait to be counted. */
export function livingIn(group: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const [state, , pgrp] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      return state !== 'Z' && Number(pgrp) === group;
    } catch {
      return false;
    }
  });
}
