/**
 * The process boundary: the one place that reads `process`, builds the ports and ends the process. Everything else
 * gets a Context. stdout that is closed early (`fleet ps | head -1`) ends quietly: what is still written is dropped.
 */
import { hostname, userInfo } from 'node:os';
import { createMasking } from '../observe/masking.ts';
import { runProgram } from '../observe/run.ts';
import { diskFiles } from '../reconcile/files/disk.ts';
import { thisMachine } from '../reconcile/lease/machine.ts';
import { processControl } from '../reconcile/process-control.ts';
import type { Context, Output, User } from './context.ts';
import { endsSoon } from './ends-soon.ts';
import { EXIT, type ExitCode, signalExitCode } from './exit-codes.ts';
import { fleet } from './fleet.ts';
import { textLog } from './log.ts';
import { formatBug } from './report.ts';

type Stream = typeof process.stdout | typeof process.stderr;

interface Ending {
  /** Resolves when all that was written has left, or cannot: process.exit would cut a pipe's rest off. */
  readonly flushed: () => Promise<void>;
  /** Why the rest was lost, a reader that wanted no more apart; null: it was not. */
  readonly lost: () => string | null;
}

function outputOf(make: () => Stream): Output & Ending {
  let open = true;
  let lost: string | null = null;
  let made: Stream | null = null;
  const stream = (): Stream => {
    if (made !== null) return made;
    made = make();
    made.on('error', (error: NodeJS.ErrnoException) => {
      open = false;
      if (error.code !== 'EPIPE') lost ??= error.code ?? error.message;
    });
    return made;
  };
  const flush = (resolve: () => void): void => {
    if (made === null || !open) resolve();
    // A turn later, when an error that the last write met has been told too.
    else made.write('', () => setImmediate(resolve));
  };
  return {
    write: (text) => {
      const to = stream();
      if (open) to.write(text);
    },
    get isTerminal() {
      return stream().isTTY === true;
    },
    get columns() {
      return stream().isTTY === true ? stream().columns : null;
    },
    flushed: () => new Promise(flush),
    lost: () => lost,
  };
}

/** First signal: abort, and end at once unless the command asked to finish its effect. Second: end now. */
function watchSignals(): Pick<Context, 'interrupted' | 'finishBeforeInterrupt'> & {
  readonly code: () => ExitCode | null;
  /** Whether the command may have changed something. */
  readonly mayHaveChanged: () => boolean;
} {
  const controller = new AbortController();
  let finishing = false;
  let endsWell = false;
  let received: ExitCode | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      const first = received === null;
      received ??= signalExitCode(signal);
      if (!first || !finishing) process.exit(received);
      process.stderr.write('fleet: finishing what is under way; interrupt again to stop now\n');
      // Why, for the summary of what was interrupted.
      controller.abort(received);
    });
  }
  return {
    interrupted: controller.signal,
    finishBeforeInterrupt: (ends) => {
      finishing = true;
      endsWell = ends === 'done';
    },
    code: () => (endsWell ? null : received),
    mayHaveChanged: () => finishing,
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

/** Of a directory that was deleted there is no path; names in it are then looked up, and not found, by the kernel. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '.';
  }
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
  const { code, mayHaveChanged, ...signals } = watchSignals();
  const user = whoAmI();
  if (user === null) {
    const uid = process.getuid?.() ?? '?';
    process.stderr.write(`fleet: the user database has no entry for uid ${uid}, so the home is unknown\n`);
    process.stderr.write('  look at: getent passwd "$(id -u)"\n');
    process.exit(1);
  }
  const stdout = outputOf(() => process.stdout);
  const stderr = outputOf(() => process.stderr);
  const context: Context = {
    ...signals,
    stdout,
    stderr,
    env: process.env,
    cwd: workingDirectory(),
    user,
    color: () => !process.env['NO_COLOR'] && stdout.isTerminal,
    hostname: hostname(),
    now: Date.now,
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    files: diskFiles,
    processes: processControl(),
    machine: thisMachine(),
    run: runProgram,
    onExit: (release) => {
      process.on('exit', release);
      return () => process.off('exit', release);
    },
    // As it was called, not where links lead: an upgrade puts another file behind the link.
    self: { node: process.execPath, script: process.argv[1] ?? '' },
    onHangup: (reload) => {
      process.on('SIGHUP', reload);
    },
    endsSoon: () => endsSoon(process.versions.v8),
    stdin: {
      get isTerminal() {
        return process.stdin.isTTY === true;
      },
      ask,
    },
    log: textLog(false, stderr),
    masking: createMasking(),
  };
  const exitCode = await fleet(process.argv.slice(2), context);
  await Promise.all([stdout.flushed(), stderr.flushed()]);
  const lost = stdout.lost();
  if (lost !== null) process.stderr.write(`fleet: the result could not be written whole to standard output: ${lost}\n`);
  // What a script would take for a whole result; 1 says that nothing was changed, which holds for those that only look.
  const misleads = lost !== null && !mayHaveChanged();
  process.exit(code() ?? (misleads ? EXIT.error : exitCode));
}

void main();
