/**
 * The process boundary: the one place that reads `process`, builds the ports and ends the process. Everything else
 * gets a Context. stdout that is closed early (`fleet ps | head -1`) ends quietly: what is still written is dropped.
 */
import { hostname, userInfo } from 'node:os';
import { diskFiles } from '../reconcile/files/disk.ts';
import { processControl } from '../reconcile/process-control.ts';
import type { Context, Output, User } from './context.ts';
import { type ExitCode, signalExitCode } from './exit-codes.ts';
import { fleet } from './fleet.ts';
import { textLog } from './log.ts';
import { formatBug } from './report.ts';

type Stream = typeof process.stdout | typeof process.stderr;

/** `flushed` resolves when all that was written has left, or nobody wants it: process.exit would cut a pipe's rest off. */
function outputOf(stream: Stream): Output & { readonly flushed: () => Promise<void> } {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    open = false;
    if (error.code !== 'EPIPE') process.exitCode = 1;
  });
  return {
    write: (text) => {
      if (open) stream.write(text);
    },
    isTerminal: stream.isTTY === true,
    columns: stream.isTTY === true ? stream.columns : null,
    flushed: () => new Promise((resolve) => (open ? stream.write('', () => resolve()) : resolve())),
  };
}

/** First signal: abort, and end at once unless the command asked to finish its effect. Second: end now. */
function watchSignals(): Pick<Context, 'interrupted' | 'finishBeforeInterrupt'> & {
  readonly code: () => ExitCode | null;
} {
  const controller = new AbortController();
  let finishing = false;
  let received: ExitCode | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const first = received === null;
      received ??= signalExitCode(signal);
      if (!first || !finishing) process.exit(received);
      process.stderr.write('fleet: finishing what is under way; interrupt again to stop now\n');
      controller.abort();
    });
  }
  return {
    interrupted: controller.signal,
    finishBeforeInterrupt: () => {
      finishing = true;
    },
    code: () => received,
  };
}

async function ask(question: string): Promise<string | null> {
  const { createInterface } = await import('node:readline/promises');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
  // readline takes Ctrl-C for itself while it reads.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const answer = await Promise.race([lines.question(question), closed]);
  lines.close();
  return answer;
}

/** Null where the user database does not know this user. */
function whoAmI(): User | null {
  try {
    const { username, uid, homedir } = userInfo();
    return { name: username, uid, home: homedir };
  } catch {
    return null;
  }
}

async function main(): Promise<void> {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (thrown: unknown) => {
      process.stderr.write(formatBug(thrown));
      process.exit(1);
    });
  }
  const { code, ...signals } = watchSignals();
  const user = whoAmI();
  if (user === null) {
    const uid = process.getuid?.() ?? '?';
    process.stderr.write(`fleet: the user database has no entry for uid ${uid}, so the home is unknown\n`);
    process.stderr.write('  look at: getent passwd "$(id -u)"\n');
    process.exit(1);
  }
  const stdout = outputOf(process.stdout);
  const stderr = outputOf(process.stderr);
  const context: Context = {
    ...signals,
    stdout,
    stderr,
    env: process.env,
    cwd: process.cwd(),
    user,
    color: stdout.isTerminal && !process.env['NO_COLOR'],
    hostname: hostname(),
    now: Date.now,
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    files: diskFiles,
    processes: processControl(),
    run: async (program, args, options) => (await import('../observe/run.ts')).runProgram(program, args, options),
    onExit: (release) => {
      process.on('exit', release);
      return () => process.off('exit', release);
    },
    stdin: { isTerminal: process.stdin.isTTY === true, ask },
    log: textLog(false, stderr),
  };
  const exitCode = await fleet(process.argv.slice(2), context);
  await Promise.all([stdout.flushed(), stderr.flushed()]);
  process.exit(code() ?? exitCode);
}

void main();
