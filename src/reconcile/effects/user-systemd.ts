/** The user's systemd, for effects. What it answers is never taken for the result: units are observed afterwards. */
import { err, type Result } from '../../spec/result.ts';
import type { EffectContext } from '../context.ts';
import type { Failure } from '../outcome.ts';
import { runFor } from './programs.ts';

/** A oneshot unit starts for as long as its launcher runs; systemd itself gives up after 90 s. Milliseconds. */
const DEADLINE_MS = 100_000;
const RETRIES = 5;
const RETRY_AFTER_MS = 400;

/**
 * `systemctl --user …`. Jobs that conflict are refused ("Transaction is destructive") or cancelled when they race:
 * both pass by themselves, so they are tried again within bounds.
 */
export async function systemctl(ctx: EffectContext, args: readonly string[]): Promise<Result<null, Failure>> {
  // Over ssh and from cron there is none; su leaves that of root.
  const env = { XDG_RUNTIME_DIR: `/run/user/${ctx.user.uid}` };
  for (let attempt = 1; ; attempt += 1) {
    const all = ['--user', '--no-ask-password', '--no-pager', ...args];
    const done = await runFor(ctx, 'systemctl', all, { deadlineMs: DEADLINE_MS, env }, 'systemctl-failed');
    if (done.ok) return { ok: true, value: null };
    if (attempt > RETRIES || !isTransient(done.error)) return err(done.error);
    await ctx.ports.delay(RETRY_AFTER_MS * attempt);
  }
}

function isTransient(why: Failure): boolean {
  return why.evidence.some((line) =>
    /Transaction .*is destructive|[Jj]ob for .* cancell?ed|[Jj]ob .*cancell?ed\./.test(line),
  );
}
