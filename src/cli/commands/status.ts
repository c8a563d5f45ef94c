import type { StatusDocument } from '../../reconcile/control/status.ts';
import { leaseStatus } from '../../reconcile/lease/release.ts';
import { readCounters } from '../../reconcile/state/counters-file.ts';
import type { StatePaths } from '../../reconcile/state/paths.ts';
import { readStatus } from '../../reconcile/state/status-file.ts';
import { has, type RunCommand, value } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';
import { moment } from '../run/moment.ts';
import { stateOf } from '../state-place.ts';
import { type ControllerLife, judgeStatus } from '../views/status-health.ts';
import { formatStatus } from '../views/status-text.ts';

export const status: RunCommand = async (args, context) => {
  const place = stateOf(value(args, 'file'), context);
  if (!place.ok) return reportFailure(context, place.error);
  const { paths, roster, here } = place.value;
  const read = readStatus(paths.status, (path) => context.files.read(path));
  if (!read.ok) {
    const { summary, detail, remedy } = read.error;
    return reportFailure(context, { code: EXIT.error, message: `${summary}: ${detail}`, remedy });
  }
  if (read.value === null) {
    const message = `no controller of ${roster.fleet} has run on ${here.host}/${here.tenant} yet`;
    return reportFailure(context, { code: EXIT.partial, message, remedy: 'fleet install, or fleet run' });
  }
  const counters = readCounters(paths.counters, (path) => context.files.read(path));
  const health = judgeStatus(read.value, lifeOf(read.value, paths, context), counters.ok ? null : counters.error);
  const told = { document: read.value, health, now: context.now() };
  context.stdout.write(
    has(args, 'json')
      ? `${JSON.stringify({ ...read.value, health })}\n`
      : formatStatus(told, { color: context.color() }),
  );
  return health.healthy ? EXIT.done : EXIT.partial;
};

/** From its lease and its own heartbeat; the controller itself is never asked. */
function lifeOf({ controller }: StatusDocument, paths: StatePaths, context: Context): ControllerLife {
  const lease = leaseStatus(paths.controller, context.machine);
  if (!lease.ok) return { state: 'unknown', detail: `${lease.error.summary}: ${lease.error.detail}` };
  if (lease.value.state === 'unreadable') return { state: 'unknown', detail: lease.value.why };
  if (lease.value.state !== 'held') return { state: 'dead' };
  const now = moment(context.now);
  // In another boot it would not hold its lease any more.
  const silent = now.monotonic - controller.beat_monotonic;
  if (now.boot_id === controller.boot_id && silent > controller.beat_within) return { state: 'stuck', silent };
  return { state: 'alive', pid: lease.value.by.pid, silent: Math.max(0, silent) };
}
