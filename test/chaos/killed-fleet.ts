/**
 * A fleet without supervisor in a home and on tmux servers of its own, the real command that is applied to it and killed
 * at a moment told by its journal, and what is there afterwards.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clearStage } from '../../src/cli/demo/stage.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PRELOADS = ['preload.cjs', 'preload-faults.cjs'].map((name) => fileURLToPath(new URL(name, import.meta.url)));

/** The command as published, built anew into a directory of its own; the caller removes that. */
export function buildFleet(): string {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-dist-'));
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), join(directory, 'dist')], { stdio: 'pipe' });
  return directory;
}

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Moment {
  readonly name: string;
  readonly address: string;
  readonly action: string;
}

export const SOCKET = 'fleet-crash';
/** Sessions of nobody's on it, and one of an agent's name. */
const FOREIGN = 'fleet-crash-other';

export class KilledFleet {
  readonly home = mkdtempSync(join(tmpdir(), 'fleet-crash-'));
  private readonly dist: string;
  private readonly byHand = new Set<string>();
  private readonly env: NodeJS.ProcessEnv;

  constructor(dist: string) {
    this.dist = join(dist, 'dist');
    mkdirSync(join(this.home, 'tmux'), { mode: 0o700 });
    mkdirSync(join(this.home, 'src'));
    const here = { FLEET_TEST_HOME: this.home, FLEET_TEST_CLOCK: '4', TMUX_TMPDIR: join(this.home, 'tmux') };
    const tmp = {
      TMPDIR: this.home,
      HOME: this.home,
      NODE_OPTIONS: PRELOADS.map((file) => `--require ${file}`).join(' '),
    };
    this.env = { PATH: process.env['PATH'], LANG: 'C.UTF-8', TERM: 'xterm', ...here, ...tmp };
    this.agentProgram('stub', 'sleep infinity');
    this.agentProgram('other', 'tail -f /dev/null');
  }

  /** Each start is told by one line in `starts`. */
  private agentProgram(name: string, words: string): void {
    const path = join(this.home, name);
    writeFileSync(path, `#!/bin/sh\necho "$FLEET_AGENT_NAME" >>'${join(this.home, 'starts')}'\nexec ${words}\n`);
    chmodSync(path, 0o755);
  }

  roster(agents: readonly string[], more = ''): void {
    this.write(
      'fleet.yaml',
      `version: 1
fleet: crash
supervisor: none
tmux: { socket_name: ${SOCKET} }
runtimes:
  stub: { command: [~/stub], match: { exe: sleep }, beats: false }
  other: { command: [~/other], match: { exe: tail }, beats: false }
defaults: { working_directory: ~/src, runtime: stub }
${more}agents:
${agents.map((agent) => `  - { ${agent} }`).join('\n')}
`,
    );
  }
  write(path: string, content: string): void {
    writeFileSync(join(this.home, path), content, { mode: 0o600 });
  }
  remove(path: string): void {
    rmSync(join(this.home, path), { force: true });
  }

  /** The command. `test`: how the preloads are to disturb it, by variable without FLEET_. */
  run(args: readonly string[], test: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const child = this.start(args, test);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    const deadline = setTimeout(() => child.kill('SIGKILL'), 120_000);
    return new Promise((resolve) => {
      child.once('close', (code, signal) => {
        clearTimeout(deadline);
        resolve({ code, signal, stdout, stderr });
      });
    });
  }
  /** The same as a process to be signalled. `shell`: words that start it by `exec "$@"`. */
  start(args: readonly string[], test: Readonly<Record<string, string>> = {}, shell = 'exec "$@"') {
    const words = [join(this.dist, 'fleet.cjs'), ...args, '-f', join(this.home, 'fleet.yaml')];
    const asked = Object.entries(test).map(([name, value]) => [`FLEET_${name}`, value]);
    const env = { ...this.env, FLEET_TEST_MOMENTS: join(this.home, 'moments'), ...Object.fromEntries(asked) };
    const command = ['-c', shell, 'sh', process.execPath, ...words];
    return spawn('/bin/sh', command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  }
  apply(...flags: readonly string[]): Promise<Ended> {
    return this.run(['apply', '-y', ...flags]);
  }
  /** Of the last run since `forgetMoments`. */
  moments(): readonly Moment[] {
    const lines = readFileSync(join(this.home, 'moments'), 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => {
      const [name = '', address = '', action = ''] = line.split(' ');
      return { name, address, action };
    });
  }
  forgetMoments(): void {
    this.write('moments', '');
  }

  /** Empty where there is no server. */
  tmux(socket: string, ...words: readonly string[]): string {
    const { NODE_OPTIONS: _, ...env } = this.env;
    try {
      return execFileSync('tmux', ['-u', '-L', socket, ...words], { env, encoding: 'utf8', stdio: 'pipe' }).trimEnd();
    } catch {
      return '';
    }
  }
  /** An agent as a person starts it: the right program in the right directory, and no mark. */
  startByHand(name: string): void {
    const words = ['new-session', '-d', '-s', name, '-c', join(this.home, 'src'), 'sleep', 'infinity'];
    this.tmux(SOCKET, ...words);
    this.byHand.add(name);
  }
  /** On a server of their own, and on the fleet's where that is up: whatever fleet does, they stay what they are. */
  makeForeign(): void {
    for (const name of ['web', 'a1', 'mine']) this.tmux(FOREIGN, 'new-session', '-d', '-s', name, 'sleep', 'infinity');
    if (this.tmux(SOCKET, 'list-sessions') === '') return;
    for (const name of ['a1-by-hand', 'scratch'])
      this.tmux(SOCKET, 'new-session', '-d', '-s', name, 'sleep', 'infinity');
  }
  /**
   * Server, id, creation time and pane of each session that is not fleet's, hashed; and of those that were started by hand,
   * whose mark may come.
   */
  foreign(): string {
    const format = '#{pid} #{start_time} #{session_id} #{session_name} #{session_created} #{pane_pid} |#{@fleet_mark}';
    const listed = [FOREIGN, SOCKET].map((socket) => this.tmux(socket, 'list-panes', '-a', '-F', format));
    const lines = listed.flatMap((text) => text.split('\n')).filter((line) => line !== '');
    const theirs = lines.filter((line) => !line.includes('|crash/') || this.byHand.has(line.split(' ')[3] ?? ''));
    const unmarked = theirs.map((line) => line.slice(0, line.indexOf('|')));
    return createHash('sha256').update(unmarked.sort().join('\n')).digest('hex');
  }

  /** What must be the same however it came about: no pids, ids, times and plans. */
  state(): object {
    const format =
      '#{session_name}|#{@fleet_mark}|#{@fleet_spec}|#{pane_dead}|#{pane_current_command}|#{pane_current_path}';
    const panes = this.tmux(SOCKET, 'list-panes', '-a', '-F', format)
      .split('\n')
      .filter((line) => line.includes('|crash/'));
    const sessions = panes
      .map((line) => line.replace(/\|(crash\/[^/|]*)[^|]*\|/, '|$1|').replaceAll(this.home, '~'))
      .sort();
    return { sessions, files: this.files(), starts: this.starts(), ...this.memory() };
  }
  private files(): Readonly<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const top of ['.config', '.local/share']) {
      for (const path of readdirSync(this.in(top), { recursive: true, encoding: 'utf8' })) {
        try {
          found[join(top, path)] = readFileSync(this.in(top, path), 'utf8');
        } catch {
          // A directory.
        }
      }
    }
    return found;
  }
  private in(...path: readonly string[]): string {
    const full = join(this.home, ...path);
    if (!existsSync(full)) mkdirSync(full, { recursive: true });
    return full;
  }
  /** How often each agent was started. */
  private starts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    if (!existsSync(join(this.home, 'starts'))) return counts;
    for (const name of readFileSync(join(this.home, 'starts'), 'utf8').split('\n').filter(Boolean).sort()) {
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  }
  private memory(): object {
    const directory = join(this.home, '.local/state/fleet');
    const names = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort() : [];
    const inventory = names.find((name) => name.endsWith('inventory.json'));
    if (inventory === undefined) return { names };
    const { owned, sessions, interrupted } = JSON.parse(readFileSync(join(directory, inventory), 'utf8'));
    const records = Object.entries<Record<string, unknown>>(owned).map(([key, r]) => [
      key,
      r['agent'],
      r['how'],
      r['state'],
      r['protect'],
    ]);
    const started = Object.entries<Record<string, unknown>>(sessions).map(([key, s]) => [key, s['spec'], s['done']]);
    return { names: names.map((name) => relative('.', name)), owned: records, started, interrupted };
  }

  /** Ends whatever was started here, told by its environment, also what a killed fleet had begun; removes the home. */
  close(): void {
    const tmuxTmpdir = join(this.home, 'tmux');
    const stage = { directory: this.home, home: this.home, tmuxTmpdir, roster: '', impostor: '' };
    clearStage(stage, (pid) => {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone by itself.
      }
    });
  }
}
