/**
 * The process boundary: the one place that reads `process`, builds the ports and ends the process. Everything else
 * gets a Context.
 */
import { hostname, userInfo } from 'node:os';
import { createMasking } from '../observe/masking.ts';
import { runProgram } from '../observe/run.ts';
import { diskFiles } from '../reconcile/files/disk.ts';
import { thisMachine } from '../reconcile/lease/machine.ts';
import { processControl } from '../reconcile/process-control.ts';
import { FINISHING } from './command.ts';
import type { Context, Output, User } from './context.ts';
import { endsSoon } from './ends-soon.ts';
import { EXIT, type ExitCode, signalExitCode } from './exit-codes.ts';
import { fleet } from './fleet.ts';
import { textLog } from './log.ts';
import { outputOf } from './output.ts';
import { formatBug } from './report.ts';

/**
 * First signal: abort, and end at once unless the command asked to finish its effect. Second: end now; but a hangup after
 * another signal is none: a terminal that is closed may send several.
 */
function watchSignals(stderr: Output): Pick<Context, 'interrupted' | 'finishBeforeInterrupt' | 'onHangup'> & {
  readonly code: () => ExitCode | null;
  /** Whether the command may have changed something. */
  readonly mayHaveChanged: () => boolean;
} {
  // Made when it is first asked for: commands that only look never do (1.2 million instructions, of 228 of a plan).
  let made: AbortController | null = null;
  const controller = (): AbortController => {
    made ??= new AbortController();
    return made;
  };
  let finishing = false;
  let endsWell = false;
  let received: ExitCode | null = null;
  let hangup: (() => void) | null = null;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      const first = received === null;
      if (signal === 'SIGHUP' && hangup !== null) return hangup();
      if (signal === 'SIGHUP' && !first) return;
      received ??= signalExitCode(signal);
      if (!first || !finishing) process.exit(received);
      // The controller says it itself, as its log is kept.
      if (!endsWell) stderr.write(`fleet: ${FINISHING}\n`);
      // Why, for the summary of what was interrupted.
      controller().abort(received);
    });
  }
  return {
    interrupted: () => controller().signal,
    finishBeforeInterrupt: (ends) => {
      finishing = true;
      endsWell = ends === 'done';
    },
    onHangup: (reload) => {
      hangup = reload;
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
  const stdout = outputOf(1, () => process.stdout);
  const stderr = outputOf(2, () => process.stderr);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (thrown: unknown) => {
      stderr.write(formatBug(thrown, process.argv[1] ?? ''));
      process.exit(1);
    });
  }
  const { code, mayHaveChanged, ...signals } = watchSignals(stderr);
  const user = whoAmI();
  if (user === null) {
    const uid = process.getuid?.() ?? '?';
    process.stderr.write(`fleet: the user database has no entry for uid ${uid}, so the home is unknown\n`);
    process.stderr.write('  look at: getent passwd "$(id -u)"\n');
    process.exit(1);
  }
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
    endsSoon: (agents) => endsSoon(process.versions.v8, agents),
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
  if (lost !== null) stderr.write(`fleet: the result could not be written whole to standard output: ${lost}\n`);
  // What a script would take for a whole result; 1 says that nothing was changed, which holds for those that only look.
  const misleads = lost !== null && !mayHaveChanged();
  process.exit(code() ?? (misleads ? EXIT.error : exitCode));
}

void main();
