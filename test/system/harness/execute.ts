/** Runs programs for the harness, each with a deadline, each kept in the transcript. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Ran {
  readonly argv: readonly string[];
  /** Exit code; null when a signal ended it, the deadline's included. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface ExecuteOptions {
  /** Standard input; absent = /dev/null. */
  readonly input?: string;
  readonly deadlineMs?: number;
  /** What the transcript shows instead of the whole argument list. */
  readonly shown?: readonly string[];
}

const DEADLINE_MS = 60_000;
const transcript: string[] = [];

/** Everything run since the last call of `startTranscript`, for people. */
export function readTranscript(): string {
  return transcript.join('\n');
}
export function startTranscript(): void {
  transcript.length = 0;
}
export function note(text: string): void {
  transcript.push(`## ${text}`);
}

/** Runs to the end. A non-zero exit is data, not an error. */
export function execute(argv: readonly string[], options: ExecuteOptions = {}): Promise<Ran> {
  const [program = '', ...args] = argv;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      detached: true,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin?.on('error', () => {}); // a program may end before it has read its input
    child.stdin?.end(options.input);
    const deadline = setTimeout(() => endGroup(child), options.deadlineMs ?? DEADLINE_MS);
    child.on('error', (error) => {
      clearTimeout(deadline);
      reject(new Error(`cannot run ${program}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      const ran: Ran = {
        argv: options.shown ?? argv,
        code,
        signal,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
        ms: Math.round(performance.now() - started),
      };
      transcript.push(formatRan(ran));
      resolve(ran);
    });
  });
}

/** Like `execute`, for what must succeed: harness set-up, never the command under test. */
export async function must(argv: readonly string[], options: ExecuteOptions = {}): Promise<string> {
  const ran = await execute(argv, options);
  if (ran.code !== 0) throw new Error(`harness: a step failed\n${formatRan(ran)}`);
  return ran.stdout;
}

/** Programs are started as leaders of a process group, so that their children end with them. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

export function formatRan(ran: Ran): string {
  const end = ran.signal === null ? `exit ${ran.code}` : `ended by ${ran.signal}`;
  return [`$ ${ran.argv.join(' ')}`, ran.stdout, ran.stderr && `[stderr]\n${ran.stderr}`, `[${end}, ${ran.ms} ms]`]
    .filter((part) => part !== '')
    .join('\n');
}

/** Looks again until `look` gives something other than null, or fails with the last reason after the deadline. */
export async function until<T>(
  what: string,
  look: () => T | null | Promise<T | null>,
  deadlineMs = 90_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
