/** Running a program for its effect: what it said becomes a failure with its own words, or nothing. */
import type { RunOptions, RunResult } from '../../observe/run.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import type { EffectContext } from '../context.ts';
import { type Failure, failure } from '../outcome.ts';

/** Standard output of a program that exited 0. */
export async function runFor(
  ctx: Pick<EffectContext, 'ports'>,
  program: string,
  args: readonly string[],
  options: RunOptions,
  code: string,
): Promise<Result<string, Failure>> {
  const result = await ctx.ports.run(program, args, options);
  if (result.kind === 'exited' && result.code === 0) return ok(result.stdout);
  return err(
    failure(code, `${program} failed`, `${[program, ...args].join(' ')}: ${ending(result)}`, null, words(result)),
  );
}

/** How it ended, in a phrase. */
export function ending(result: RunResult): string {
  if (result.kind === 'failed') return `${result.detail} (${result.why})`;
  const how = result.code === null ? `ended by ${result.signal ?? 'a signal'}` : `exit status ${result.code}`;
  const said = words(result)[0];
  return said === undefined ? how : `${how}, ${said}`;
}

/** What it printed to standard error, line by line, at most eight lines. */
export function words(result: RunResult): readonly string[] {
  if (result.kind === 'failed') return [result.detail];
  return result.stderr
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(0, 8);
}
