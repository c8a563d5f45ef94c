/**
 * The controller's own lease: there is one controller of a fleet on a host. Who lost it ends, and never takes it again:
 * the next one begins with what is on the disk then, under the kernel's lock as always, so that two can never win.
 */
import type { Lease } from '../../reconcile/lease/hold.ts';
import type { LeaseRecord } from '../../reconcile/lease/record.ts';
import { leaseStatus } from '../../reconcile/lease/release.ts';
import { takeLease } from '../../reconcile/lease/wait.ts';
import type { StatePaths } from '../../reconcile/state/paths.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import type { Failure } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { Place } from '../place.ts';
import { describeHolder } from '../views/lock.ts';

/** Held as long as the controller lives. */
export async function takeController(
  paths: StatePaths,
  { host }: Place,
  context: Context,
): Promise<Result<Lease, Failure>> {
  const { run, machine, now, delay, user } = context;
  const request = { path: paths.controller, who: user.name, what: 'run', host, timeoutMs: 0 };
  const taken = await takeLease(request, { run, machine, now, delay });
  if (taken.ok) return ok(taken.value.lease);
  if (taken.error.why === 'failed') {
    const { summary, detail, remedy } = taken.error.failure;
    return err({ code: EXIT.error, message: `${summary}: ${detail}`, remedy });
  }
  return err(anotherOne('a controller of this fleet runs already', taken.error.by));
}

/** Why the controller ends once `alone` is lost: who has the lease now, or that nobody has. */
export function lossOf(alone: Lease, paths: StatePaths, context: Pick<Context, 'machine'>): Failure {
  const status = leaseStatus(paths.controller, context.machine);
  // One that ran out is in the file still, as ours.
  if (status.ok && status.value.state === 'held' && status.value.by.id !== alone.id) {
    return anotherOne('this controller ends, another one has its lease', status.value.by);
  }
  const why = alone.mayAct();
  return {
    code: EXIT.error,
    message: `this controller ends: ${why === null ? paths.controller : `${why.summary}: ${why.detail}`}`,
    remedy: 'as a service it is started again by systemd; else: systemctl --user start fleet.service, or fleet run',
  };
}

function anotherOne(what: string, by: LeaseRecord | null): Failure {
  return {
    code: EXIT.locked,
    message: `${what}: ${describeHolder(by)}`,
    remedy: `look at it: fleet status; end it: systemctl --user stop fleet.service${by === null ? '' : `, or where it is not that service: kill ${by.pid}`}`,
  };
}

/** Aborted as soon as one of them is. */
export function either(signals: readonly AbortSignal[]): AbortSignal {
  const first = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) first.abort(signal.reason);
    else signal.addEventListener('abort', () => first.abort(signal.reason), { once: true });
  }
  return first.signal;
}
