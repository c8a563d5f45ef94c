/** The user's systemd, for effects. What it answers is never taken for the result: units are observed afterwards. */
import { systemctl as run, type SystemctlFailure } from '../../observe/systemd/systemctl.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import type { EffectContext } from '../context.ts';
import { type Failure, failure } from '../outcome.ts';

/** A oneshot unit starts for as long as its launcher runs; systemd itself gives up after 90 s. Milliseconds. */
const DEADLINE_MS = 100_000;
const RETRIES = 5;
const RETRY_AFTER_MS = 400;

/**
 * `systemctl --user …`. Jobs that conflict are refused ("Transaction is destructive") or cancelled when they race:
 * both pass by themselves, so they are tried again within bounds.
 */
export async function systemctl(ctx: EffectContext, args: readonly string[]): Promise<Result<null, Failure>> {
  for (let attempt = 1; ; attempt += 1) {
    const done = await run(ctx.ports.run, ctx.user.uid, args, DEADLINE_MS);
    if (done.ok) return ok(null);
    if (attempt > RETRIES || !done.error.transient) return err(toFailure(args, done.error));
    await ctx.ports.delay(RETRY_AFTER_MS * attempt);
  }
}

function toFailure(args: readonly string[], why: SystemctlFailure): Failure {
  const said = why.detail.split('\n').slice(0, 8);
  const unit = args.at(-1) ?? '';
  const remedy = why.why === 'job-failed' ? `journalctl --user -u ${unit} -n 20` : null;
  const detail = `systemctl --user ${args.join(' ')}: ${said[0] ?? ''} (${why.why})`;
  return failure('systemctl-failed', 'systemd did not do it', detail, remedy, said);
}
