/**
 * The one port through which programs are run. Every run has a deadline and ends with it, also where the program, or
 * a child of it that holds its pipes, does not: a stopped tmux server hangs its clients for ever.
 */
import { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
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
  /** Added to the caller's environment. `TMUX` and `TMUX_PANE`, which redirect tmux, are never passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Per stream; more is a failure (`too-large`). Default 32 MiB. */
  readonly maxOutputBytes?: number;
}

/** Runs a program without a shell, in `/`, with no terminal. Never rejects. */
export type RunProgram = (program: string, args: readonly string[], options: RunOptions) => Promise<RunResult>;

const DEFAULT_MAX_OUTPUT = 32 * 1024 * 1024;

/** Process groups of programs that still run: they must not outlive this process. */
const groups = new Set<number>();
let cleansUp = false;

export const runProgram: RunProgram = async (program, args, options) => {
  // Loaded at the first run: commands that run nothing start a third faster.
  const { execa } = await import('execa');
  const child = unlessStarved(() =>
    execa(program, args, {
      // A group of its own, so that the deadline ends the program's children too; no terminal to ask questions on.
      detached: true,
      cleanup: false,
      cwd: '/',
      env: environment(options.env),
      extendEnv: false,
      reject: false,
      stripFinalNewline: false,
      maxBuffer: options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT,
      killSignal: 'SIGKILL',
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    }),
  );
  if (child === null) {
    const detail = `${program} could not be run: too many open files (EMFILE or ENFILE; see ulimit -n)`;
    return { kind: 'failed', why: 'io', detail };
  }
  const { pid } = child;
  if (pid !== undefined) remember(pid);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<RunResult>((resolve) => {
    timer = setTimeout(() => {
      const seconds = options.deadlineMs / 1000;
      resolve({ kind: 'failed', why: 'timeout', detail: `${program} gave no answer within ${seconds} s` });
    }, options.deadlineMs);
  });
  const ended = child.then((result) => toRunResult(program, result));
  const outcome = await Promise.race([ended, late]);
  clearTimeout(timer);
  if (pid !== undefined) {
    groups.delete(pid);
    if (outcome.kind === 'failed') {
      killGroup(pid);
      // Whoever left the group and still holds the pipes must not keep this process waiting.
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
    }
  }
  return outcome;
};

/**
 * Null where there was no file descriptor left for the child's pipes. Node then gives a child without streams, on which
 * execa throws, and emits the reason as an error of that child, which nobody but Node's own channel has seen: without a
 * listener it would end us (measured: Node 20, execa 9.6).
 */
function unlessStarved<T>(start: () => T): T | null {
  const started: ChildProcess[] = [];
  const listen = (message: unknown): void => {
    if (typeof message !== 'object' || message === null || !('process' in message)) return;
    if (!(message.process instanceof ChildProcess)) return;
    message.process.on('error', () => {});
    started.push(message.process);
  };
  subscribe('child_process', listen);
  try {
    return start();
  } catch (error) {
    if (started.some(({ pid }) => pid === undefined)) return null;
    throw error;
  } finally {
    unsubscribe('child_process', listen);
  }
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly stdout?: unknown;
  readonly stderr?: unknown;
  readonly isMaxBuffer: boolean;
  readonly code?: string | undefined;
  readonly originalMessage?: string | undefined;
}

function toRunResult(program: string, result: Ended): RunResult {
  if (result.isMaxBuffer) {
    return { kind: 'failed', why: 'too-large', detail: `${program} printed more than is read` };
  }
  if (result.exitCode === undefined && result.signal === undefined) {
    const code = result.code ?? 'unknown error';
    return { kind: 'failed', why: whyOf(code), detail: `${program} could not be run: ${code}` };
  }
  return {
    kind: 'exited',
    code: result.exitCode ?? null,
    signal: result.signal ?? null,
    stdout: text(result.stdout),
    stderr: text(result.stderr),
  };
}

function whyOf(code: string): UnknownCode {
  if (code === 'ENOENT') return 'not-installed';
  if (code === 'EACCES' || code === 'EPERM') return 'denied';
  if (code === 'E2BIG') return 'too-large';
  return 'io';
}

function text(output: unknown): string {
  return typeof output === 'string' ? output : '';
}

function environment(added: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...process.env, ...added })) {
    if (value !== undefined && name !== 'TMUX' && name !== 'TMUX_PANE') env[name] = value;
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
