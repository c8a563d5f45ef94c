/** fleet's own launcher, by which every session of layout fleet and of supervisor none is made. */
import type { Result } from '../../spec/result.ts';
import type { EffectContext } from '../context.ts';
import type { Failure } from '../outcome.ts';
import { runFor } from './programs.ts';

/** It makes one session and ends. Milliseconds. */
const DEADLINE_MS = 30_000;

/** `launch start NAME` or `launch holder OWNER SESSION SOCKET`. */
export function launch(ctx: EffectContext, args: readonly string[]): Promise<Result<string, Failure>> {
  return runFor(ctx, ctx.launcherPath, args, { deadlineMs: DEADLINE_MS }, 'launcher-failed');
}
