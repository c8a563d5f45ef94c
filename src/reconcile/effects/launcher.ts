/** fleet's own launcher, by which every session of layout fleet and of supervisor none is made. */
import { err, type Result } from '../../spec/result.ts';
import type { EffectContext } from '../context.ts';
import type { Failure } from '../outcome.ts';
import { runFor } from './programs.ts';

/** It makes one session and ends. Milliseconds. */
const DEADLINE_MS = 30_000;

/** `launch start NAME` or `launch holder OWNER SESSION SOCKET`. Through the shell, as the units do: homes may be noexec. */
export async function launch(ctx: EffectContext, args: readonly string[]): Promise<Result<string, Failure>> {
  const all = [ctx.launcherPath, ...args];
  const done = await runFor(ctx, '/bin/sh', all, { deadlineMs: DEADLINE_MS }, 'launcher-failed');
  return done.ok ? done : err({ ...done.error, summary: 'The launcher failed' });
}
