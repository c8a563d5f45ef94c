import { type Arguments, has, type RunCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { clearStage, DEMO_SOCKET, type Stage, setStage } from '../demo/stage.ts';
import { EXIT, type ExitCode, signalExitCode } from '../exit-codes.ts';
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

async function play(stage: Stage, args: Arguments, context: Context): Promise<ExitCode> {
  const paint = paintWith(context.color && !has(args, 'no-color'));
  const say = (text: string) => context.stdout.write(`\n${paint('bold', text)}\n`);
  const run = async (...argv: readonly string[]): Promise<ExitCode> => {
    context.stdout.write(`\n$ fleet ${argv.join(' ')}\n`);
    return fleet([...argv, '-f', stage.roster, ...(has(args, 'no-color') ? ['--no-color'] : [])], context);
  };
  say(`A throw-away fleet of three stub agents, in ${stage.directory}, on a tmux socket of its own.`);
  if ((await run('apply', '-y')) !== EXIT.done) return failed(context, 'the first apply did not succeed');
  await run('ps');
  say('Now drift: the session of scout is killed, and another program runs in the pane of builder.');
  const drift = await makeDrift(stage, context);
  if (drift !== null) return failed(context, drift);
  if ((await run('plan', '--detailed-exitcode')) !== EXIT.pending) return failed(context, 'plan did not see the drift');
  say('fleet plan said what differs and why, and changed nothing. fleet apply repairs it.');
  if ((await run('apply', '-y')) !== EXIT.done) return failed(context, 'apply did not repair the drift');
  if ((await run('plan', '--detailed-exitcode')) !== EXIT.done) return failed(context, 'there is drift left');
  say('That is all: the world is on the roster again. The demo now removes everything it made.');
  return EXIT.done;
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

function failed(context: Context, what: string): ExitCode {
  if (context.interrupted.aborted) return signalExitCode('SIGINT');
  return reportFailure(context, {
    code: EXIT.error,
    message: `the demo failed: ${what}`,
    remedy: 'run it again with -v',
  });
}
