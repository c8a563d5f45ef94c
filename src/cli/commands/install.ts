import { isAbsolute, join } from 'node:path';
import { type Installed, installService } from '../../reconcile/service/install.ts';
import { type Arguments, has, type RunCommand, value } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';
import { findRoster, readRoster } from '../roster-file.ts';
import { failedBecause } from './uninstall.ts';

export const install: RunCommand = async (args, context) => {
  const path = findRoster(value(args, 'file'), context);
  if (!path.ok) return reportFailure(context, path.error);
  const roster = readRoster(path.value, context);
  if (!roster.ok) return reportFailure(context, roster.error);
  const { node, script } = context.self;
  const unit = { owner: roster.value.fleet, node, script, args: runArguments(path.value, args, context) };
  const installed = await installService(context, unit);
  if (!installed.ok) return reportFailure(context, failedBecause(installed.error));
  return report(installed.value, args, context);
};

/** Of the flags of `fleet run` those that were given here, with a roster that is found from anywhere. */
function runArguments(path: string, args: Arguments, context: Context): readonly string[] {
  const absolute = isAbsolute(path) ? path : join(context.cwd, path);
  const options = (['git', 'metrics'] as const).flatMap((name) => {
    const given = value(args, name);
    return given === null ? [] : [`--${name}`, given];
  });
  return ['-f', absolute, ...options, ...(has(args, 'prune') ? ['--prune'] : []), '--log-format', 'json'];
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
