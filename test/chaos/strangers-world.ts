/** A fleet among other people's sessions: on its own socket, under every name that could be taken for one of its own, and on others. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fleet } from '../../src/cli/fleet.ts';
import { type RunProgram, runProgram } from '../../src/observe/run.ts';
import { inventoryPath } from '../../src/reconcile/inventory.ts';
import { type Bench, openBench, type Ran } from '../cli/harness.ts';

export const SOCKET = 'fleet-strangers';
/** On the roster now and then. `claimed` is also the name of a session that somebody else made. */
export const AGENTS = ['web', 'db', 'claimed'] as const;

/** Prefixes and longer forms of agents' names, patterns, ids as names, names that tmux changes or cannot address. */
const NAMES = [
  ...['w', 'we', 'web2', 'web-prod', 'web_1', 'WEB', 'd', 'db-old', 'claim', 'claimed2', '_hold', '_holder2'],
  ...['*', 'w*', 'we?', '[w]eb', '=web', '=x', '$0', '$1', '@1', '%0', '{last}', '!', '+', '-', '~', 'web.1', 'db:0'],
  ...['web-watch-123', '#{session_name}', 'a,b}', "it's", 'wéb', 'two words', 'web ', 'claimed'],
];
const OTHER_SOCKETS = ['default', 'fleet-strangers2', 'fleet-stranger'];

export class StrangersWorld {
  readonly bench: Bench;
  /** Names as tmux has them. */
  readonly names: readonly string[];
  /** Waiting costs a tenth of what it seems to: the clock runs ahead with it. */
  private ahead = 0;

  constructor() {
    this.bench = openBench();
    mkdirSync(join(this.bench.directory, 'tmux'), { mode: 0o700 });
    for (const name of NAMES) this.make(SOCKET, name);
    for (const socket of OTHER_SOCKETS) for (const name of [...AGENTS, '_holder', 'w']) this.make(socket, name);
    this.forge();
    this.names = this.listed(SOCKET, '#{session_name}');
  }

  /** Detached, and alive for as long as the suite. A name that tmux refuses is nobody's. */
  private make(socket: string, name: string): void {
    try {
      this.tmux(socket, 'new-session', '-d', '-s', name.replaceAll('#', '##'), 'exec sleep 1000000');
    } catch {
      // Two names that become one after tmux's own renaming.
    }
  }

  /** Marks that are another's, nobody's, or everybody's at once. */
  private forge(): void {
    const [web2] = this.listed(SOCKET, '#{session_id} #{session_name} #{pid} #{session_created}').flatMap((line) => {
      const [id, name, pid, created] = line.split(' ');
      return name === 'web2' ? [{ id: id ?? '', pid: pid ?? '', created: created ?? '' }] : [];
    });
    if (web2 === undefined) throw new Error('no session web2');
    const real = `${web2.pid}/${web2.id}/${web2.created}`;
    this.tmux(SOCKET, 'set-option', '-g', '@fleet_mark', `ours/web/${real}`);
    this.tmux(SOCKET, 'set-option', '-t', '=we:', '@fleet_mark', `ours/web/${real}`);
    this.tmux(SOCKET, 'set-option', '-t', '=web-prod:', '@fleet_mark', 'ours/web');
    this.tmux(SOCKET, 'set-option', '-t', '=db-old:', '@fleet_mark', 'ours/db/');
    this.tmux(
      SOCKET,
      'set-option',
      '-F',
      '-t',
      '=web2:',
      '@fleet_mark',
      `theirs/web/#{pid}/#{session_id}/#{session_created}`,
    );
  }

  /** For all windows at once: tmux's formats then show it in place of any session's own. */
  markAllWindows(set: boolean): void {
    const value = set ? ['@fleet_mark', 'ours/db/1/$0/1'] : ['-u', '@fleet_mark'];
    this.tmux(SOCKET, 'set-option', '-gw', ...value);
  }

  tmux(socket: string, ...args: readonly string[]): string {
    const env = { ...process.env, TMUX_TMPDIR: join(this.bench.directory, 'tmux'), TMUX: '' };
    const words = ['-u', '-f', '/dev/null', '-L', socket, ...args];
    return execFileSync('tmux', words, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trimEnd();
  }

  private listed(socket: string, format: string): readonly string[] {
    return this.tmux(socket, 'list-sessions', '-F', format).split('\n');
  }

  /** Of each session that was there before the fleet: server, id, creation, panes and their processes, size, own options. */
  foreign(): string {
    const format =
      '#{pid} #{start_time} #{session_id} #{session_created} #{session_name}|#{pane_id} #{pane_pid} #{pane_dead} #{window_width}x#{window_height}';
    const own = new Set(this.names);
    const here = this.tmux(SOCKET, 'list-panes', '-a', '-F', format).split('\n');
    const name = (line: string): string => line.split(' ').slice(4).join(' ').split('|')[0] ?? '';
    const elsewhere = OTHER_SOCKETS.flatMap((socket) =>
      this.tmux(socket, 'list-panes', '-a', '-F', format).split('\n'),
    );
    const marks = ['we', 'web-prod', 'db-old', 'web2'].map((s) => `${s}: ${this.optionsOf(s)}`);
    return [...here.filter((line) => own.has(name(line))), ...elsewhere, ...marks].sort().join('\n');
  }

  private optionsOf(session: string): string {
    try {
      return this.tmux(SOCKET, 'show-options', '-t', `=${session}:`);
    } catch {
      return 'it is gone';
    }
  }

  roster(agents: readonly string[]): void {
    const entries = agents.map((a) => `  - { ${a}, runtime: sleeper }\n`).join('');
    writeFileSync(
      join(this.bench.directory, 'fleet.yaml'),
      `version: 1
fleet: ours
supervisor: none
tmux: { socket_name: ${SOCKET} }
defaults: { working_directory: ${this.bench.directory} }
runtimes:
  sleeper: { command: [sleep, '1000000'], match: { exe: sleep }, beats: false }
agents: ${entries === '' ? '[]' : `\n${entries}`}
`,
    );
  }

  loseInventory(): void {
    rmSync(inventoryPath(this.bench.home, 'w-jarvis', 'ours'), { force: true });
  }

  async run(...argv: readonly string[]): Promise<Ran> {
    const inPrivate: RunProgram = (program, args, options) =>
      runProgram(program, args, {
        ...options,
        env: { TMUX_TMPDIR: join(this.bench.directory, 'tmux'), ...options.env },
      });
    const { context, ran } = this.bench.context({
      run: inPrivate,
      env: { ...process.env, TMUX_TMPDIR: join(this.bench.directory, 'tmux') },
      now: () => Date.now() + this.ahead,
      delay: (ms) => {
        this.ahead += ms * 0.9;
        return new Promise((resolve) => setTimeout(resolve, ms * 0.1));
      },
    });
    return ran(await fleet([...argv, '-f', join(this.bench.directory, 'fleet.yaml')], context));
  }

  /** Ends these servers and no others. */
  close(): void {
    for (const socket of [SOCKET, ...OTHER_SOCKETS]) {
      try {
        this.tmux(socket, 'kill-server');
      } catch {
        // It has ended by itself.
      }
    }
    this.bench.remove();
  }
}
