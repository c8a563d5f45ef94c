import { isAbsolute, join } from 'node:path';
import { gitRoster } from '../../reconcile/roster/git-roster.ts';
import { type Installed, installService, type NotInstalled } from '../../reconcile/service/install.ts';
import { type Arguments, type Failure, has, type RunCommand, value } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';
import { findRoster, readRoster } from '../roster-file.ts';
import { runFlags } from '../run/run-flags.ts';
import { failedBecause } from './uninstall.ts';

export const install: RunCommand = async (args, context) => {
  const path = findRoster(value(args, 'file'), context);
  if (!path.ok) return reportFailure(context, path.error);
  const roster = readRoster(path.value, context);
  if (!roster.ok) return reportFailure(context, roster.error);
  const refused = await cannotRun(path.value, args, context);
  if (refused !== null) return reportFailure(context, refused);
  const { node, script } = context.self;
  const unit = { owner: roster.value.fleet, node, script, args: runArguments(path.value, args, context) };
  const installed = await installService(context, unit);
  if (!installed.ok) return notStarted(installed.error, args, context);
  return report(installed.value, args, context);
};

/** What `fleet run` would refuse of these flags, found before anything is written. */
async function cannotRun(path: string, args: Arguments, context: Context): Promise<Failure | null> {
  const flags = runFlags(args);
  if (!flags.ok) return flags.error;
  const { ref } = flags.value;
  if (ref === null) return null;
  const read = await gitRoster(fromAnywhere(path, context), ref, context.run, '')(null);
  if (read.state !== 'refused') return null;
  return { code: EXIT.usage, message: `--git ${read.message}`, remedy: read.remedy };
}

/** What was done stays done, and is said: the next `fleet install` goes on from there. */
function notStarted({ failure, done }: NotInstalled, args: Arguments, context: Context): ExitCode {
  const why = failedBecause(failure);
  if (done.length === 0) return reportFailure(context, why);
  if (!has(args, 'json')) context.stdout.write(`${done.join('\n')}\n`);
  else context.stdout.write(`${JSON.stringify({ done, error: why.message })}\n`);
  return reportFailure(context, { ...why, code: EXIT.partial });
}

function fromAnywhere(path: string, context: Context): string {
  return isAbsolute(path) ? path : join(context.cwd, path);
}

/** Of the flags of `fleet run` those that were given here, with a roster that is found from anywhere. */
function runArguments(path: string, args: Arguments, context: Context): readonly string[] {
  const options = (['git', 'metrics'] as const).flatMap((name) => {
    const given = value(args, name);
    return given === null ? [] : [`--${name}`, given];
  });
  return [
    '-f',
    fromAnywhere(path, context),
    ...options,
    ...(has(args, 'prune') ? ['--prune'] : []),
    '--log-format',
    'json',
  ];
}

function report({ path, done, linger }: Installed, args: Arguments, context: Context): ExitCode {
  const code = linger === null ? EXIT.done : EXIT.partial;
  if (has(args, 'json')) context.stdout.write(`${JSON.stringify({ unit: path, done, warning: linger })}\n`);
  else {
    const told = done.length === 0 ? 'Installed already: nothing to do.' : done.join('\n');
    context.stdout.write(`${told}\nSee: fleet status, fleet events -f\n`);
  }
  if (linger === null) return code;
  return reportFailure(context, { code, message: `${linger.summary}: ${linger.detail}`, remedy: linger.remedy });
}
