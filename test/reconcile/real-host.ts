/**
 * A fleet without supervisor on a tmux server of its own (TMUX_TMPDIR), in a home of its own: the real observation, the
 * real launcher, the real process table. Its agents are shell scripts.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { buildPlan } from '../../src/diff/build-plan.ts';
import type { Plan } from '../../src/diff/plan.ts';
import type { PlanPolicy } from '../../src/diff/policy.ts';
import { observe } from '../../src/observe/observe.ts';
import { runProgram } from '../../src/observe/run.ts';
import type { Observed } from '../../src/observe/state.ts';
import { applyPlan } from '../../src/reconcile/apply.ts';
import { diskFiles } from '../../src/reconcile/files/disk.ts';
import { inventoryPath, readInventory } from '../../src/reconcile/inventory.ts';
import type { ApplyResult } from '../../src/reconcile/outcome.ts';
import type { ApplyPorts } from '../../src/reconcile/ports.ts';
import { processControl } from '../../src/reconcile/process-control.ts';
import type { Roster } from '../../src/spec/model.ts';
import { POLICY, roster } from '../diff/world.ts';

const SOCKET = 'fleet-test-reconcile';

/** `agents`: entries of the list, as YAML. */
export const rosterOf = (agents: string): string => `
version: 1
supervisor: none
tmux: { socket_name: ${SOCKET} }
runtimes:
  stub: { command: [~/stub], match: { script: ~/stub }, beats: false }
  deaf: { command: [~/deaf], match: { script: ~/deaf }, beats: false }
  other: { command: [~/other], match: { script: ~/other }, beats: false }
  dies: { command: [~/dies], match: { script: ~/dies }, beats: false }
defaults: { working_directory: ~/src, runtime: stub }
agents:
${agents}
`;

/** Null where this machine has tmux, else why the tests that need it cannot run. */
export function tmuxLacking(): string | null {
  try {
    execFileSync('tmux', ['-V']);
    return null;
  } catch {
    return 'tmux is not installed';
  }
}

export class RealHost {
  readonly base = mkdtempSync(join(tmpdir(), 'fleet-reconcile-'));
  readonly home = join(this.base, 'home');
  roster: Roster;
  /** Called before each program is run, with its words. */
  meanwhile: (words: string) => void = () => {};
  /** Waits are so many times shorter than they are for people: between two looks, and before a young process is judged. */
  hurry = 1;
  private readonly env: Record<string, string | undefined>;

  constructor(agents: string) {
    mkdirSync(join(this.base, 'tmux'), { mode: 0o700 });
    mkdirSync(join(this.home, 'src'), { recursive: true });
    this.env = { ...process.env, TMUX_TMPDIR: join(this.base, 'tmux') };
    const script = (name: string, body: string) =>
      writeFileSync(join(this.home, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    script('stub', 'while :; do sleep 1; done');
    script('other', 'while :; do sleep 1; done');
    script('deaf', "trap '' HUP INT TERM\nwhile :; do sleep 1; done");
    script('dies', 'echo boom; exit 3');
    this.roster = roster(rosterOf(agents));
  }
  /** Another roster for the same host. */
  use(agents: string): void {
    this.roster = roster(rosterOf(agents));
  }

  tmux(...args: readonly string[]): string {
    const words = ['-u', '-L', SOCKET, ...args];
    return execFileSync('tmux', words, { env: this.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  }
  /** A client in control mode, with nobody to read what it is told. */
  attach(session: string): ChildProcess {
    const stdio = ['pipe', 'ignore', 'ignore'] as const;
    const client = spawn('tmux', ['-C', '-L', SOCKET, 'attach', '-t', `=${session}`], {
      env: this.env,
      stdio: [...stdio],
    });
    for (const deadline = Date.now() + 60_000; ; ) {
      if (this.tmux('list-clients', '-F', '#{session_name}').split('\n').includes(session)) return client;
      if (Date.now() > deadline) throw new Error(`no client came to ${session}`);
    }
  }
  /** fleet's launcher, as a person or another fleet would call it. */
  launch(...words: readonly string[]): void {
    const launcher = join(this.home, '.local/share/fleet/launch');
    execFileSync('/bin/sh', [launcher, ...words], { env: { ...this.env, HOME: this.home }, stdio: 'ignore' });
  }
  sessions(): readonly string[] {
    return this.tmux('list-sessions', '-F', '#{session_name}').split('\n').toSorted();
  }
  panePid(session: string): number {
    return Number(this.tmux('display-message', '-p', '-t', `=${session}:`, '#{pane_pid}'));
  }

  observe(agents: readonly string[] | null = null): Promise<Observed> {
    const request = { roster: this.roster, host: 'here', tenant: 'me', deadlineMs: 10_000 };
    const { run, now, delay } = this.ports;
    const user = this.user;
    return observe(agents === null ? request : { ...request, agents }, {
      run,
      now,
      delay,
      uid: user.uid,
      user,
      env: this.env,
    });
  }
  async plan(policy: Partial<PlanPolicy> = {}): Promise<Plan> {
    const memory = readInventory(inventoryPath(this.home, 'here', this.roster.fleet));
    if (!memory.ok) throw new Error(memory.error.detail);
    const observed = await this.observe();
    return buildPlan({
      roster: this.roster,
      observed,
      memory: memory.value,
      policy: { ...POLICY, ...policy },
      toolVersion: '0',
    });
  }
  apply(plan: Plan, settleMs = 300): Promise<ApplyResult> {
    return applyPlan({
      plan,
      roster: this.roster,
      host: 'here',
      tenant: 'me',
      user: this.user,
      policy: POLICY,
      ports: this.ports,
      signal: new AbortController().signal,
      settleMs,
      onEvent: () => {},
    });
  }

  private get user() {
    const { username, uid } = userInfo();
    return { name: username, uid, home: this.home };
  }
  private get ports(): ApplyPorts {
    return {
      run: (program, args, options) => {
        this.meanwhile([program, ...args].join(' '));
        return runProgram(program, args, { ...options, env: { TMUX_TMPDIR: join(this.base, 'tmux'), ...options.env } });
      },
      observe: (agents) => this.observe(agents),
      files: diskFiles,
      processes: processControl(),
      now: Date.now,
      delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms / this.hurry)),
    };
  }

  /** Ends this server and no other, and whatever of its panes outlives it. */
  close(): void {
    const pids: number[] = [];
    try {
      pids.push(...this.tmux('list-panes', '-a', '-F', '#{pane_pid}').split('\n').map(Number));
      this.tmux('kill-server');
    } catch {
      // It has ended by itself.
    }
    for (const pid of pids) {
      try {
        if (pid > 1) process.kill(-pid, 'SIGKILL');
      } catch {
        // Gone with its session.
      }
    }
    rmSync(this.base, { recursive: true, force: true });
  }
}
