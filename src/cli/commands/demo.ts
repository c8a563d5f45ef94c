import { type Arguments, has, type RunCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { clearStage, DEMO_SOCKET, type Stage, setStage } from '../demo/stage.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { fleet } from '../fleet.ts';
import { reportFailure } from '../report.ts';
import { paintWith } from '../views/text.ts';

/** Milliseconds for a call of tmux by the demo itself. */
const DEADLINE_MS = 5_000;

export const demo: RunCommand = async (args, context) => {
  const tmux = await context.run('tmux', ['-V'], { deadlineMs: DEADLINE_MS });
  if (tmux.kind === 'failed') {
    const message = `the demo needs tmux: ${tmux.detail}`;
    const remedy = 'install it, for example: apt-get install tmux, dnf install tmux, or apk add tmux';
    return reportFailure(context, { code: EXIT.error, message, remedy });
  }
  const stage = setStage();
  const kill = (pid: number) => context.processes.signal(pid, 'SIGKILL', { group: false });
  const clear = () => clearStage(stage, kill);
  const cancel = context.onExit(clear);
  try {
    return await play(stage, args, onStage(stage, context));
  } finally {
    cancel();
    clear();
  }
};

/** The same context, in the demo's home, with its private tmux directory. */
function onStage(stage: Stage, context: Context): Context {
  const env = { TMUX_TMPDIR: stage.tmuxTmpdir };
  return {
    ...context,
    env: { ...context.env, ...env },
    user: { ...context.user, home: stage.home },
    run: (program, args, options) => context.run(program, args, { ...options, env: { ...options.env, ...env } }),
  };
}

/** One act: null, or why the demo cannot go on. */
type Act = () => Promise<string | null>;

async function play(stage: Stage, args: Arguments, context: Context): Promise<ExitCode> {
  for (const act of acts(stage, args, context)) {
    const problem = await act();
    if (context.interrupted().aborted) return EXIT.interrupted;
    if (problem === null) continue;
    const remedy = 'run it again with -v, which tells every program that is run';
    return reportFailure(context, { code: EXIT.error, message: `the demo failed: ${problem}`, remedy });
  }
  return EXIT.done;
}

function acts(stage: Stage, args: Arguments, context: Context): readonly Act[] {
  const paint = paintWith(context.color());
  const passed = (['no-color', 'verbose'] as const).filter((flag) => has(args, flag)).map((flag) => `--${flag}`);
  const say = (text: string): Act => {
    return async () => {
      context.stdout.write(`\n${paint('bold', text)}\n`);
      return null;
    };
  };
  const run = (argv: readonly string[], expected: ExitCode, on = context): Act => {
    return async () => {
      context.stdout.write(`\n$ fleet ${argv.join(' ')}\n`);
      const code = await fleet([...argv, '-f', stage.roster, ...passed], on);
      return code === expected ? null : `fleet ${argv.join(' ')} ended with exit code ${code}, not ${expected}`;
    };
  };
  return [
    say(`A throw-away fleet of three stub agents in ${stage.directory}, on a tmux socket of its own.`),
    // The first plan is all of the fleet, and long: the plans worth reading come below.
    run(['apply', '-y'], EXIT.done, lastLineOnly(context)),
    run(['ps'], EXIT.done),
    say('Now drift: the session of scout is killed, and another program is run in the pane of builder.'),
    () => makeDrift(stage, context),
    run(['plan', '--detailed-exitcode'], EXIT.pending),
    say('fleet plan said what differs and why, and changed nothing. fleet apply repairs it.'),
    run(['apply', '-y'], EXIT.done),
    run(['plan', '--detailed-exitcode'], EXIT.done),
    say('That is all: nothing is left to do. The demo now removes everything that it made.'),
  ];
}

function lastLineOnly(context: Context): Context {
  return {
    ...context,
    stdout: {
      ...context.stdout,
      write: (text) => {
        if (!text.trim().includes('\n')) context.stdout.write(`${text.trim()}\n`);
      },
    },
  };
}

/** Null, or why it could not be made. */
async function makeDrift(stage: Stage, context: Context): Promise<string | null> {
  const calls = [
    ['kill-session', '-t', '=scout'],
    ['respawn-pane', '-k', '-t', '=builder:', stage.impostor],
  ];
  for (const call of calls) {
    context.stdout.write(`\n$ tmux -L ${DEMO_SOCKET} ${call.join(' ')}\n`);
    const result = await context.run('tmux', ['-N', '-L', DEMO_SOCKET, ...call], { deadlineMs: DEADLINE_MS });
    if (result.kind === 'failed') return `tmux ${call[0]}: ${result.detail}`;
    if (result.code !== 0) return `tmux ${call[0]}: ${result.stderr.trim()}`;
  }
  return null;
}
