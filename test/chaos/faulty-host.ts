/**
 * A user with a home, a tmux server and a fleet of her own, and the built command run as her, with something broken in
 * its way: another `tmux`, a runtime directory that is none, a full disk, a file system that says no. Where the tests run
 * as root she is nobody of this machine, so that permissions hold; else she is who runs them.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(fileURLToPath(new URL('../..', import.meta.url)));
const SOCKET = 'fleet-chaos';

export const AS_ROOT = process.getuid?.() === 0;

/** Thrown by the command's own calls of `fs`: `code` for paths that `path` (a regular expression) fits. */
export interface FileFault {
  readonly path: string;
  readonly code: string;
  /** Names of functions of node:fs. */
  readonly calls: readonly string[];
  /** So many calls go well before. Default 0. */
  readonly after?: number;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Run {
  readonly env?: Readonly<Record<string, string>>;
  readonly fault?: FileFault;
  /** A shell command that ends in `exec "$@"`. */
  readonly shell?: string;
}

/** Loaded before the command: who she is, and what her files answer. */
const PRELOAD = `
const os = require('node:os'), fs = require('node:fs');
const me = JSON.parse(process.env.CHAOS_USER);
os.userInfo = () => me;
const fault = process.env.CHAOS_FAULT ? JSON.parse(process.env.CHAOS_FAULT) : null;
if (fault !== null) {
  const path = new RegExp(fault.path);
  const names = new Map();
  let left = fault.after ?? 0;
  const hits = (arg) => {
    const name = typeof arg === 'number' ? (names.get(arg) ?? '') : String(arg);
    return path.test(name) && left-- <= 0 ? name : null;
  };
  const wrap = (holder, call) => {
    const real = holder[call];
    if (typeof real !== 'function') return;
    holder[call] = wrapped(holder, call, real);
    if (typeof real.native === 'function') holder[call].native = wrapped(holder, call, real.native);
  };
  const wrapped = (holder, call, real) =>
    function (...args) {
      const hit = fault.calls.includes(call) ? hits(args[0]) : null;
      if (hit !== null) {
        const error = Object.assign(new Error(fault.code + ': made up, ' + call + " '" + hit + "'"), { code: fault.code, syscall: call, path: hit });
        if (holder === fs.promises) return Promise.reject(error);
        if (typeof args.at(-1) === 'function') return void process.nextTick(args.at(-1), error);
        throw error;
      }
      const made = real.apply(this, args);
      if (call === 'openSync') names.set(made, String(args[0]));
      return made;
    };
  // What it calls below node:fs, with the releases where it does (src/observe/system-calls.ts), and node:fs itself too.
  const below = { openSync: 'open', readSync: 'read', closeSync: 'close', statSync: 'stat', lstatSync: 'lstat', fstatSync: 'fstat', readlinkSync: 'readlink' };
  process.noDeprecation = true;
  const binding = /^20\\./.test(process.versions.node) ? process.binding('fs') : null;
  for (const [call, name] of Object.entries(binding === null ? {} : below)) binding[name] = wrapped(binding, call, binding[name]);
  for (const call of Object.keys(fs)) if (!(binding !== null && call in below) && /^(?:[a-z]+Sync|open|read|readFile|stat|lstat|readdir|readlink)$/i.test(call)) wrap(fs, call);
  for (const call of Object.keys(fs.promises)) wrap(fs.promises, call);
}
`;

export class FaultyHost {
  readonly base = mkdtempSync(join(tmpdir(), 'fleet-chaos-'));
  readonly home = join(this.base, 'home');
  readonly bin = join(this.base, 'bin');
  readonly uid: number;
  private readonly dist = join(this.base, 'dist');
  /** Where units' sessions would be too; the user's own is free where she is made up. */
  private readonly tmuxTmpdir = AS_ROOT ? null : join(this.base, 'tmux');
  private readonly children = new Set<ChildProcess>();

  constructor(uid: number) {
    this.uid = AS_ROOT ? uid : (process.getuid?.() ?? 0);
    chmodSync(this.base, 0o755);
    execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), this.dist], { stdio: 'pipe' });
    for (const path of [this.home, this.bin, join(this.home, 'src')]) this.directory(path, 0o700);
    if (this.tmuxTmpdir !== null) this.directory(this.tmuxTmpdir, 0o700);
    chmodSync(this.bin, 0o755);
    writeFileSync(join(this.base, 'preload.cjs'), PRELOAD);
    this.script('stub', 'while :; do sleep 1; done');
    // Without a child, which would be there at one look and not at the next.
    this.script('other', 'while :; do read line; done');
  }

  directory(path: string, mode: number): void {
    mkdirSync(path, { recursive: true, mode });
    chownSync(path, this.uid, this.gid);
  }
  file(path: string, content: string, mode = 0o600): string {
    const whole = path.startsWith('/') ? path : join(this.home, path);
    writeFileSync(whole, content);
    chmodSync(whole, mode);
    chownSync(whole, this.uid, this.gid);
    return whole;
  }
  private script(name: string, body: string): void {
    this.file(name, `#!/bin/sh\n${body}\n`, 0o755);
  }
  private get gid(): number {
    return AS_ROOT ? this.uid : (process.getgid?.() ?? 0);
  }

  /** Another `tmux` first on PATH; `real` in it is the path of the true one. */
  fakeTmux(name: string, body: string, mode = 0o755): string {
    const directory = join(this.bin, name);
    this.directory(directory, 0o755);
    const real = execFileSync('sh', ['-c', 'command -v tmux'], { encoding: 'utf8' }).trim();
    writeFileSync(join(directory, 'tmux'), `#!/bin/sh\nreal=${real}\n${body}\n`);
    chmodSync(join(directory, 'tmux'), mode);
    return directory;
  }

  async fleet(args: readonly string[], run: Run = {}): Promise<Ran> {
    const command = [
      process.execPath,
      '--require',
      join(this.base, 'preload.cjs'),
      join(this.dist, 'fleet.cjs'),
      ...args,
    ];
    const words = run.shell === undefined ? command : ['/bin/bash', '-c', run.shell, 'bash', ...command];
    const [program = '', ...rest] = words;
    const user = { username: 'chaos', uid: this.uid, gid: this.gid, homedir: this.home, shell: '/bin/sh' };
    const env = {
      ...this.env,
      CHAOS_USER: JSON.stringify(user),
      ...(run.fault === undefined ? {} : { CHAOS_FAULT: JSON.stringify(run.fault) }),
      ...run.env,
    };
    const ids = AS_ROOT ? { uid: this.uid, gid: this.gid } : {};
    const child = spawn(program, rest, { env, ...ids, cwd: this.home, stdio: ['ignore', 'pipe', 'pipe'] });
    this.children.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    this.children.delete(child);
    return { code: typeof code === 'number' ? code : null, stdout, stderr };
  }

  get env(): Record<string, string> {
    const path = process.env['PATH'] ?? '/usr/bin:/bin';
    const own = this.tmuxTmpdir === null ? {} : { TMUX_TMPDIR: this.tmuxTmpdir };
    return { PATH: path, HOME: this.home, LANG: 'C.UTF-8', ...own };
  }

  tmux(...args: readonly string[]): string {
    const ids = AS_ROOT ? { uid: this.uid, gid: this.gid } : {};
    const stdio: ('ignore' | 'pipe')[] = ['ignore', 'pipe', 'pipe'];
    return execFileSync('tmux', ['-u', '-L', SOCKET, ...args], {
      env: this.env,
      ...ids,
      cwd: '/',
      encoding: 'utf8',
      stdio,
    }).trim();
  }

  /** Server, sessions, panes and their processes: what nobody may have touched. */
  sessions(): string {
    const format = '#{pid} #{start_time} #{session_name} #{session_id} #{session_created} #{pane_id} #{pane_pid}';
    return this.tmux('list-panes', '-a', '-F', format);
  }

  /** Paths, sizes and times of all files that are hers, but for the lease, which every apply takes. */
  files(): string {
    const below = (directory: string): readonly string[] =>
      readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) return below(path);
        if (!entry.isFile() || path.includes('/.local/state/fleet/')) return [];
        return [`${path} ${statSync(path).mode.toString(8)} ${readFileSync(path, 'utf8').length}`];
      });
    return below(this.home).toSorted().join('\n');
  }

  /** Ends her server and no other. */
  close(): void {
    for (const child of this.children) child.kill('SIGKILL');
    const pids: number[] = [];
    try {
      pids.push(...this.tmux('list-panes', '-a', '-F', '#{pane_pid}').split('\n').map(Number));
      this.tmux('kill-server');
    } catch {
      // Never started, or ended by itself.
    }
    for (const pid of pids) {
      try {
        if (pid > 1) process.kill(pid, 'SIGKILL');
      } catch {
        // Gone with its session.
      }
    }
    rmSync(this.base, { recursive: true, force: true });
    if (AS_ROOT) rmSync(`/tmp/tmux-${this.uid}`, { recursive: true, force: true });
  }
}

export const SOCKET_NAME = SOCKET;
