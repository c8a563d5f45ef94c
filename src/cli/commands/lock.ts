import { leaseStatus, releaseLease } from '../../reconcile/lease/release.ts';
import { isWanted } from '../../reconcile/lease/wanted.ts';
import type { Failure as Cause } from '../../reconcile/outcome.ts';
import { ok, type Result } from '../../spec/result.ts';
import { type Arguments, type Failure, has, type RunCommand, value } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { leaseFile } from '../lease.ts';
import { hereIn, type Place } from '../place.ts';
import { reportFailure } from '../report.ts';
import { readRoster } from '../roster-file.ts';
import { describeHolder, formatLock, lockDocument } from '../views/lock.ts';

export const lock: RunCommand = async (args, context) => {
  const [what, id] = args.operands;
  const here = placeOf(args, context);
  if (!here.ok) return reportFailure(context, here.error);
  if (what === 'status' && id === undefined) return status(here.value, args, context);
  if (what === 'release' && id !== undefined) return release(here.value, id, args, context);
  const message = `fleet lock ${args.operands.join(' ')}: not known`;
  return reportFailure(context, { code: EXIT.usage, message, remedy: 'fleet lock status, or fleet lock release ID' });
};

/** The roster may name this machine otherwise than the machine itself does. A lease must be seen also without any. */
function placeOf(args: Arguments, context: Context): Result<Place, Failure> {
  const file = value(args, 'file');
  const roster = readRoster(file, context);
  if (roster.ok) return ok(hereIn(roster.value, context));
  return file === null ? ok(hereIn({ hosts: {}, tenants: {} }, context)) : roster;
}

function status(here: Place, args: Arguments, context: Context): ExitCode {
  const path = leaseFile(context);
  const seen = leaseStatus(path, context.machine);
  if (!seen.ok) return reportFailure(context, failureOf(seen.error));
  const report = { here, path, status: seen.value, wanted: isWanted(path) };
  context.stdout.write(has(args, 'json') ? `${JSON.stringify(lockDocument(report))}\n` : formatLock(report));
  return EXIT.done;
}

function release(here: Place, id: string, args: Arguments, context: Context): ExitCode {
  const path = leaseFile(context);
  const released = releaseLease(path, id, context.machine);
  if (!released.ok) return reportFailure(context, failureOf(released.error));
  const { value } = released;
  if (has(args, 'json')) {
    const document = { format_version: '1.0', kind: 'fleet.lock', state: 'free', released: id, was: value.was };
    context.stdout.write(`${JSON.stringify(document)}\n`);
    return EXIT.done;
  }
  const lease = `the lease of ${here.host}/${here.tenant}`;
  if (value.was === 'free') context.stdout.write(`${lease} was free already\n`);
  else context.stdout.write(`${lease} was taken away from ${describeHolder(value.record)}\n`);
  return EXIT.done;
}

function failureOf({ summary, detail, remedy }: Cause): Failure {
  return { code: EXIT.error, message: `${summary}: ${detail}`, remedy };
}
