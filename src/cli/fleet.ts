/** The whole command line as a function of argv and a context: main.ts calls it, and so do the tests and the demo. */

import { nearest } from '../spec/suggest.ts';
import type { Arguments, Command } from './command.ts';
import { has, value } from './command.ts';
import { COMMANDS, findCommand } from './commands.ts';
import type { Context } from './context.ts';
import type { ExitCode } from './exit-codes.ts';
import { EXIT } from './exit-codes.ts';
import { LATER_COMMANDS } from './flags.ts';
import { jsonLog, textLog } from './log.ts';
import { maskedOutput } from './masked-output.ts';
import type { UsageProblem } from './parse-arguments.ts';
import { parseArguments } from './parse-arguments.ts';
import { formatBug, reportUsage } from './report.ts';
import { timed } from './timed-run.ts';
import { formatCommandHelp, formatOverview } from './usage.ts';
import { VERSION } from './version.ts';
import { refusalEvent } from './views/apply-json.ts';

/** `argv` without node and script. Never rejects: what is thrown inside is reported as a bug, exit 1. */
export async function fleet(argv: readonly string[], bare: Context): Promise<ExitCode> {
  const { stdout, stderr, masking } = bare;
  const context = { ...bare, stdout: maskedOutput(stdout, masking), stderr: maskedOutput(stderr, masking) };
  try {
    return await dispatch(argv, context);
  } catch (thrown) {
    context.stderr.write(formatBug(thrown, bare.self.script));
    return EXIT.error;
  }
}

async function dispatch(argv: readonly string[], context: Context): Promise<ExitCode> {
  const [word, ...rest] = argv;
  if (word === undefined) {
    context.stderr.write(formatOverview());
    return EXIT.usage;
  }
  if (word === '--version' || word === 'version') return print(context, `fleet ${VERSION}\n`);
  if (word === '--help' || word === '-h' || word === 'help') return help(rest[0], context);
  const command = findCommand(word);
  if (command === null) return reportUsage(context, unknownCommand(word));
  const args = parseArguments(command, rest);
  if (!args.ok) {
    // Its last line is a summary, whatever happened.
    if (command.name === 'apply' && rest.includes('--json')) await printRefusal(args.error, context);
    return reportUsage(context, args.error);
  }
  if (has(args.value, 'help')) return print(context, formatCommandHelp(command));
  const run = await command.load();
  if (command.lasts !== true) context.endsSoon(null);
  return run(args.value, await withSettings(context, args.value));
}

async function printRefusal(problem: UsageProblem, context: Context): Promise<void> {
  const event = refusalEvent({ code: EXIT.usage, ...problem }, new Date(context.now()).toISOString());
  context.stdout.write(`${JSON.stringify(event)}\n`);
}

function help(topic: string | undefined, context: Context): ExitCode {
  if (topic === undefined) return print(context, formatOverview());
  const command: Command | null = findCommand(topic);
  return command === null ? reportUsage(context, unknownCommand(topic)) : print(context, formatCommandHelp(command));
}

function print(context: Context, text: string): ExitCode {
  context.stdout.write(text);
  return EXIT.done;
}

function unknownCommand(word: string): UsageProblem {
  if (LATER_COMMANDS.includes(word)) {
    return { message: `fleet ${word} is not in this version of fleet yet`, remedy: 'fleet --help lists what is' };
  }
  if (word.startsWith('-')) {
    return { message: `the command comes before its flags, not after ${word}`, remedy: 'fleet COMMAND [flags]' };
  }
  const near = nearest(word, [...COMMANDS.map((c) => c.name), 'help', 'version']);
  const remedy = near === null ? 'fleet --help lists the commands' : `did you mean fleet ${near}?`;
  return { message: `unknown command '${word}'`, remedy };
}

/** Colours and logging as the flags say. */
async function withSettings(context: Context, args: Arguments): Promise<Context> {
  const verbose = has(args, 'verbose');
  const json = value(args, 'log-format') === 'json';
  const color = () => !has(args, 'no-color') && context.color();
  if (!verbose && !json) return { ...context, color };
  const log = json ? await jsonLog(verbose, context.stderr) : textLog(verbose, context.stderr);
  return { ...context, color, log, run: verbose ? timed(context.run, log) : context.run };
}
