/** A home, a tmux server of its own, processes that run fleet in it, and the hands of a person at that server. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Ran } from '../cli/harness.ts';

export const AGENTS = ['one', 'two', 'three'] as const;
const SOCKET = 'fleet-together';

const rosterIn = (directory: string): string => `version: 1
fleet: together
supervisor: none
tmux: { socket_name: ${SOCKET} }
defaults: { working_directory: ${directory} }
runtimes:
  sleeper: { command: [sleep, '1000000'], match: { exe: sleep }, beats: false }
agents:
${AGENTS.map((name) => `  - { name: ${name}, runtime: sleeper }`).join('\n')}
`;

export interface Session {
  readonly id: string;
  readonly name: string;
  /** Seconds. */
  readonly created: string;
  /** The agent in fleet's mark of just this session, or null. */
  readonly agent: string | null;
}

export class World {
  readonly directory: string;
  readonly roster: string;
  private readonly env: NodeJS.ProcessEnv;
  private readonly runners: Runner[] = [];
  private readonly program: string;

  constructor(parent: string, program: string) {
    this.program = program;
    this.directory = mkdtempSync(join(parent, 'world-'));
    const tmuxDirectory = join(this.directory, 'tmux');
    mkdirSync(tmuxDirectory, { mode: 0o700 });
    this.roster = join(this.directory, 'fleet.yaml');
    writeFileSync(this.roster, rosterIn(this.directory));
    const here = { FLEET_TEST_HOME: this.directory, TMPDIR: this.directory, TMUX_TMPDIR: tmuxDirectory };
    this.env = { PATH: process.env['PATH'], LANG: 'C.UTF-8', TERM: 'xterm', HOME: this.directory, ...here };
  }

  /** Of a process of its own, `index` says which. Null where it was killed. */
  fleet(index: number, ...argv: readonly string[]): Promise<Ran | null> {
    return this.runner(index).run([...argv, '-f', this.roster]);
  }

  /** The runner is another process afterwards. */
  kill(index: number): void {
    this.runners[index]?.end();
  }

  /** Empty where it failed: there may be no server. */
  tmux(...words: readonly string[]): Promise<string> {
    return new Promise((resolve) => {
      execFile('tmux', ['-u', '-N', '-L', SOCKET, ...words], { env: this.env, timeout: 300_000 }, (_, stdout) =>
        resolve(stdout.trimEnd()),
      );
    });
  }

  async sessions(): Promise<readonly Session[]> {
    const format = '#{session_id}\t#{session_name}\t#{session_created}\t#{pid}\t#{@fleet_mark}';
    const listed = await this.tmux('list-sessions', '-F', format);
    return listed.split('\n').flatMap((line) => {
      const [id = '', name = '', created = '', pid = '', mark = ''] = line.split('\t');
      if (id === '') return [];
      const ours = mark.startsWith('together/') && mark.endsWith(`/${pid}/${id}/${created}`);
      return [{ id, name, created, agent: ours ? (mark.split('/')[1] ?? null) : null }];
    });
  }

  async close(): Promise<void> {
    for (const runner of this.runners) runner.end();
    await this.tmux('kill-server');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }

  private runner(index: number): Runner {
    const there = this.runners[index];
    if (there !== undefined && !there.ended) return there;
    const fresh = new Runner(this.program, this.env);
    this.runners[index] = fresh;
    return fresh;
  }
}

class Runner {
  ended = false;
  private readonly child: ChildProcess;
  private readonly lines: Interface;

  constructor(program: string, env: NodeJS.ProcessEnv) {
    const child = spawn(process.execPath, [program], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.child = child;
    this.lines = createInterface({ input: child.stdout });
    child.stdin.on('error', () => {});
    child.once('exit', () => {
      this.ended = true;
    });
  }

  /** One at a time. */
  run(argv: readonly string[]): Promise<Ran | null> {
    return new Promise((resolve) => {
      const onLine = (line: string): void => {
        this.child.off('close', onClose);
        const ran: Ran = JSON.parse(line);
        resolve(ran);
      };
      const onClose = (): void => resolve(null);
      this.lines.once('line', onLine);
      this.child.once('close', onClose);
      this.child.stdin?.write(`${JSON.stringify(argv)}\n`);
    });
  }

  /** By the one signal that nobody can prepare for. */
  end(): void {
    this.ended = true;
    this.child.kill('SIGKILL');
  }
}
