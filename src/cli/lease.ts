/** One writer: every command that changes something does it while it holds the lease of its host and tenant. */
import { leasePath } from '../reconcile/lease/file.ts';
import type { Lease } from '../reconcile/lease/hold.ts';
import type { LeaseRecord } from '../reconcile/lease/record.ts';
import { type NotTaken, type Taken, takeLease } from '../reconcile/lease/wait.ts';
import { formatDuration, parseDuration } from '../spec/duration.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { type Arguments, type Failure, value } from './command.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { type Look, look } from './look.ts';
import { hereIn, type Place } from './place.ts';
import { describeHolder, holderView } from './views/lock.ts';

export interface LeaseUse {
  /** The command, as others are told who holds it: `apply`. */
  readonly what: string;
  /** Milliseconds to wait for another holder; null: the default. */
  readonly timeoutMs: number | null;
}

/** What `--lock-timeout` says; null where it is not given. No time at all needs no unit. */
export function lockTimeout(args: Arguments): Result<number | null, Failure> {
  const given = value(args, 'lock-timeout');
  if (given === null) return ok(null);
  const milliseconds = given === '0' ? 0 : parseDuration(given);
  if (milliseconds !== null) return ok(milliseconds);
  const message = `--lock-timeout ${given} is no duration`;
  return err({ code: EXIT.usage, message, remedy: 'write a number and a unit: --lock-timeout 90s' });
}

/** Runs `body` while the lease is held, and lets go whatever comes of it. */
export async function withLease<T>(
  context: Context,
  here: Place,
  use: LeaseUse,
  body: (taken: Taken) => Promise<T>,
): Promise<Result<T, Failure>> {
  const taken = await take(context, here, use);
  return taken.ok ? ok(await whileHeld(context, taken.value, body)) : taken;
}

/**
 * The same with a look at the host, made while the lease is asked for. Where it was had at once that look stands; else
 * it is from before somebody else's last effect, and another is made.
 */
export async function lookAndHold<T>(
  args: Arguments,
  context: Context,
  use: LeaseUse,
  body: (seen: Look, lease: Lease) => Promise<T>,
): Promise<Result<T, Failure>> {
  const asked: Promise<Result<Taken, Failure>>[] = [];
  const first = await look(args, context, (here) => asked.push(take(context, here, use)));
  if (!first.ok) {
    // Nothing will be done: whether or when it is had makes no difference any more.
    void asked[0]?.then((late) => late.ok && late.value.lease.release());
    return first;
  }
  const taken = (await asked[0]) ?? (await take(context, first.value.here, use));
  if (!taken.ok) return taken;
  return whileHeld(context, taken.value, async ({ lease, moved }) => {
    const seen = moved ? await look(args, context) : first;
    return seen.ok ? ok(await body(seen.value, lease)) : seen;
  });
}

/**
 * By the machine's own name, whatever the roster calls it: two rosters that name one machine differently must not have
 * a lease each.
 */
export function leaseFile(context: Pick<Context, 'hostname' | 'user'>): string {
  return leasePath(context.user.home, hereIn({ hosts: {}, tenants: {} }, context).host);
}

async function whileHeld<T>(context: Context, taken: Taken, body: (taken: Taken) => Promise<T>): Promise<T> {
  const { release } = taken.lease;
  const cancel = context.onExit(release);
  try {
    return await body(taken);
  } finally {
    release();
    cancel();
  }
}

async function take(context: Context, here: Place, use: LeaseUse): Promise<Result<Taken, Failure>> {
  const { run, machine, now, delay, user } = context;
  const request = {
    path: leaseFile(context),
    who: user.name,
    what: use.what,
    host: here.host,
    timeoutMs: use.timeoutMs,
    onWait: (by: LeaseRecord | null, timeoutMs: number) => sayWaiting(context, by, timeoutMs),
  };
  const taken = await takeLease(request, { run, machine, now, delay });
  return taken.ok ? taken : err(refusal(taken.error, here, use));
}

function sayWaiting(context: Context, by: LeaseRecord | null, timeoutMs: number): void {
  const limit = formatDuration(timeoutMs);
  context.stderr.write(`fleet: waiting up to ${limit} for ${describeHolder(by)} to let go\n`);
}

function refusal(not: NotTaken, here: Place, { what, timeoutMs }: LeaseUse): Failure {
  if (not.why === 'failed') {
    const { summary, detail, remedy } = not.failure;
    return { code: EXIT.error, message: `no lease, so nothing was changed: ${summary}: ${detail}`, remedy };
  }
  const { by } = not;
  const waited = not.waitedMs >= 1_000 ? `, and did not let go within ${Math.round(not.waitedMs / 1000)} s` : '';
  const longer = formatDuration(Math.max(60_000, (timeoutMs ?? 0) * 2));
  const remedies = [`wait for it: fleet ${what} --lock-timeout ${longer}`, 'look at it: fleet lock status'];
  if (by !== null) remedies.push(`take it away, so that it begins nothing more: fleet lock release ${by.id}`);
  return {
    code: EXIT.locked,
    message: `nothing was changed: ${describeHolder(by)} holds the lease of ${here.host}/${here.tenant}${waited}`,
    remedy: remedies.join('\n  '),
    holder: by === null ? null : holderView(by),
  };
}
