/** How failures reach people: on stderr, what and where first, then what to do next. */
import { printable } from '../spec/printable.ts';
import type { Failure } from './command.ts';
import type { Context } from './context.ts';
import type { ExitCode } from './exit-codes.ts';
import { EXIT } from './exit-codes.ts';
import type { UsageProblem } from './parse-arguments.ts';
import { withSourcePlaces } from './source-places.ts';

export function reportFailure(context: Context, failure: Failure): ExitCode {
  context.stderr.write(`fleet: ${lines(failure.message)}\n`);
  if (failure.remedy !== null) context.stderr.write(`  ${lines(failure.remedy)}\n`);
  return failure.code;
}

/** Names in it may come from a roster that somebody else wrote. */
const lines = (text: string): string => text.split('\n').map(printable).join('\n');

export function reportUsage(context: Context, problem: UsageProblem): ExitCode {
  return reportFailure(context, { code: EXIT.usage, ...problem });
}

/** For exceptions: an expected failure is data, so whatever is thrown is a bug. `script`: as in `withSourcePlaces`. */
export function formatBug(thrown: unknown, script: string): string {
  const what = thrown instanceof Error ? withSourcePlaces(thrown.stack ?? thrown.message, script) : String(thrown);
  return `fleet: unexpected: ${what}\nPlease report it with the command you ran. This is a bug in fleet.\n`;
}
