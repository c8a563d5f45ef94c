/**
 * The one port through which programs are run. Every run has a deadline and ends with it, also where the program, or
 * a child of it that holds its pipes, does not: a stopped tmux server hangs its clients for ever.
 *
 * On node:child_process, not execa: with execa `fleet plan` for 20 agents took 30 ms of CPU more, as much as Node takes
 * to start (measured with `npm run bench -- --sizes 20` before and after), and of what execa offers nothing is used.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { UnknownCode } from './state.ts';

export type RunResult =
  | {
      readonly kind: 'exited';
      /** Exit code, or null where a signal ended it. */
      readonly code: number | null;
      readonly signal: string | null;
      readonly stdout: string;
      readonly stderr: string;
    }
  | { readonly kind: 'failed'; readonly why: UnknownCode; readonly detail: string };

export interface RunOptions {
  /** Milliseconds, from the start of the program to its end. */
  readonly deadlineMs: number;
  /** Standard input; without it the program reads nothing. */
  readonly input?: string;
  /**
   * Added to the caller's environment. Of that, what redirects tmux and what systemd told this very process alone are
   * not passed on: a tmux server would hand them to every agent.
   */
  readonly env?: Readonly<Record<string, string>>;
  /** A descriptor of this process that the program gets as its descriptor 3: the same open file description. */
  readonly descriptor3?: number;
  /** Per stream; more is a failure (`too-large`). Default 32 MiB. */
  readonly maxOutputBytes?: number;
}

/** Runs a program without a shell, in `/`, with no terminal. Never rejects. */
export type RunProgram = (program: string, args: readonly string[], options: RunOptions) => Promise<RunResult>;

const DEFAULT_MAX_OUTPUT = 32 * 1024 * 1024;

/** Process groups of programs that still run: they must not outlive this process. */
const groups = new Set<number>();
let cleansUp = false;

export const runProgram: RunProgram = (program, args, options) => {
  let child: ChildProcess;
  try {
    child = start(program, args, options);
  } catch (error) {
    // What spawn refuses before it tries: a NUL in an argument, too many open files.
    return Promise.resolve(notRun(program, error));
  }
  return new Promise((resolve) => {
    let finished = false;
    const finish = (result: RunResult): void => {
      // Its group's id may be another's by now.
      if (finished) return;
      finished = true;
      clearTimeout(timer);
      release(child, result);
      resolve(result);
    };
    const late = (): void => {
      const seconds = options.deadlineMs / 1000;
      finish({ kind: 'failed', why: 'timeout', detail: `${program} gave no answer within ${seconds} s` });
    };
    // Where this process itself had no turn for so long, the answer may be there unread: timers come before it.
    const timer = setTimeout(() => afterTurns(TURNS_TO_HEAR, late), options.deadlineMs);
    const limit = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT;
    const tooLarge = () =>
      finish({ kind: 'failed', why: 'too-large', detail: `${program} printed more than is read (${limit} bytes)` });
    const stdout = collect(child.stdout, limit, tooLarge);
    const stderr = collect(child.stderr, limit, tooLarge);
    child.on('error', (error) => finish(notRun(program, error)));
    child.on('close', (code, signal) => finish({ kind: 'exited', code, signal, stdout: stdout(), stderr: stderr() }));
  });
};

/** Turns of the event loop: one for each of two pipes and for the end itself. */
const TURNS_TO_HEAR = 4;

function afterTurns(turns: number, then: () => void): void {
  if (turns === 0) then();
  else setImmediate(() => afterTurns(turns - 1, then));
}

function start(program: string, args: readonly string[], options: RunOptions): ChildProcess {
  const passedOn = options.descriptor3 === undefined ? [] : [options.descriptor3];
  const child = spawn(program, [...args], {
    // A group of its own, so that the deadline ends the program's children too; no terminal to ask questions on.
    detached: true,
    cwd: '/',
    env: environment(options.env),
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...passedOn],
  });
  if (child.pid !== undefined) remember(child.pid);
  // A program that ends before it has read everything is judged by how it ended.
  child.stdin?.on('error', () => {});
  child.stdin?.end(options.input);
  return child;
}

/** Gives the text read so far. Decoded as a whole, so that no character is cut in two. */
function collect(stream: NodeJS.ReadableStream | null, limit: number, tooLarge: () => void): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limit) tooLarge();
    else chunks.push(chunk);
  });
  stream?.on('error', () => {});
  return () => Buffer.concat(chunks).toString('utf8');
}

function release(child: ChildProcess, result: RunResult): void {
  if (child.pid === undefined) return;
  groups.delete(child.pid);
  if (result.kind === 'exited') return;
  killGroup(child.pid);
  // Whoever left the group and still holds the pipes must not keep this process waiting.
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}

function notRun(program: string, error: unknown): RunResult {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return { kind: 'failed', why: whyOf(code), detail: `${program} could not be run: ${code}` };
}

function whyOf(code: string): UnknownCode {
  if (code === 'ENOENT') return 'not-installed';
  if (code === 'EACCES' || code === 'EPERM') return 'denied';
  if (code === 'E2BIG') return 'too-large';
  return 'io';
}

const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  'TMUX',
  'TMUX_PANE',
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'INVOCATION_ID',
  'JOURNAL_STREAM',
  'SYSTEMD_EXEC_PID',
  'MANAGERPID',
]);

function environment(added: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !NOT_PASSED_ON.has(name)) env[name] = value;
  }
  // tmux is led by its arguments alone, whoever asks for it.
  for (const [name, value] of Object.entries(added ?? {})) {
    if (name !== 'TMUX' && name !== 'TMUX_PANE') env[name] = value;
  }
  return env;
}

function remember(pid: number): void {
  groups.add(pid);
  if (cleansUp) return;
  cleansUp = true;
  process.once('exit', () => {
    for (const group of groups) killGroup(group);
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone: nothing is left to end.
  }
}
