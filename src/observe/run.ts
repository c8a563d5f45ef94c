/**
 * The one port through which programs are run. Every run has a deadline and ends with it, also where the program, or
 * a child of it that holds its pipes, does not: a stopped tmux server hangs its clients for ever.
 *
 * Not by execa: with it `fleet plan` for 20 agents took 30 ms of CPU more, as much as Node takes to start (measured with
 * `npm run bench -- --sizes 20` before and after), and of what execa offers nothing is used.
 */
import { type Child, type ChildSpec, childStarter, type StartChild } from './child.ts';
import type { UnknownCode } from './state.ts';
import { uvHandles } from './uv.ts';

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

export const runProgram: RunProgram = programRunner(childStarter(uvHandles()));

export function programRunner(startChild: StartChild): RunProgram {
  return (program, args, options) =>
    new Promise((resolve) => {
      let finished = false;
      let child: Child | null = null;
      const finish = (result: RunResult): void => {
        // Its group's id may be another's by now.
        if (finished) return;
        finished = true;
        clearTimeout(timer);
        if (child !== null) release(child, result);
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
      const stdout = collector(limit, tooLarge);
      const stderr = collector(limit, tooLarge);
      try {
        child = startChild(specOf(program, args, options), {
          stdout: stdout.add,
          stderr: stderr.add,
          failed: (code) => finish(notRun(program, code)),
          closed: (code, signal) =>
            finish({ kind: 'exited', code, signal, stdout: stdout.text(), stderr: stderr.text() }),
        });
        if (child.pid !== null) remember(child.pid);
      } catch (error) {
        // What is refused before it is tried: a NUL in an argument, too many open files.
        finish(notRun(program, error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'));
      }
    });
}

/** Turns of the event loop: one for each of two pipes and for the end itself. */
const TURNS_TO_HEAR = 4;

function afterTurns(turns: number, then: () => void): void {
  if (turns === 0) then();
  else setImmediate(() => afterTurns(turns - 1, then));
}

function specOf(program: string, args: readonly string[], options: RunOptions): ChildSpec {
  const { input = null, descriptor3 = null } = options;
  return { program, args, env: environment(options.env), input, descriptor3 };
}

/** The text read so far is decoded as a whole, so that no character is cut in two. */
function collector(limit: number, tooLarge: () => void) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    add: (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > limit) tooLarge();
      else chunks.push(chunk);
    },
    text: (): string => Buffer.concat(chunks).toString('utf8'),
  };
}

function release(child: Child, result: RunResult): void {
  if (child.pid === null) return;
  groups.delete(child.pid);
  if (result.kind === 'exited') return;
  killGroup(child.pid);
  // Whoever left the group and still holds the pipes must not keep this process waiting.
  child.abandon();
}

function notRun(program: string, code: string): RunResult {
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
