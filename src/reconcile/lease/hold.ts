/** A lease that is held: renewed while it lasts, asked about before each effect, and let go at the end. */
import { closeSync } from 'node:fs';
import type { Result } from '../../spec/result.ts';
import { type Failure, failure } from '../outcome.ts';
import { isStillThere, readRecord, writeRecord } from './file.ts';
import type { Machine } from './machine.ts';
import type { LeaseRecord } from './record.ts';
import { isWanted } from './wanted.ts';

/** Milliseconds for which a record speaks without the kernel's lock; renewed at a third of it. */
export const LEASE_MS = 60_000;
const RENEW_MS = LEASE_MS / 3;

export interface Lease {
  readonly id: string;
  /** Grows with every taking. */
  readonly fence: number;
  /** Null while it is still ours; else why nothing more may be done. One stat and one read: ask before each effect. */
  readonly mayAct: () => Failure | null;
  /** Aborted once it is known to be another's or gone, which is looked at every 10 s besides; not by letting go of it. */
  readonly lost: AbortSignal;
  /** Whether somebody waits for it: who holds it for long lets go between two effects. */
  readonly wanted: () => boolean;
  /** At once, and by any number of calls; safe in an exit handler. */
  readonly release: () => void;
}

export function holdLease(path: string, fd: number, taken: LeaseRecord, machine: Machine): Lease {
  let record = taken;
  let lost: Failure | null = null;
  const loss = new AbortController();
  let open = true;
  const write = (changes: Partial<LeaseRecord>): Result<null, Failure> => {
    record = { ...record, ...changes };
    return writeRecord(path, fd, record);
  };
  const renewed = (): Failure | null => {
    const uptime = machine.uptime();
    if (record.lock === 'record' && uptime >= record.expires_uptime) return ranOut(path);
    if (record.expires_uptime - uptime > LEASE_MS - RENEW_MS) return null;
    const written = write({ expires_uptime: uptime + LEASE_MS });
    // With the kernel's lock the record only tells who; without it, what is not renewed is not held.
    return written.ok || record.lock === 'flock' ? null : written.error;
  };
  const mayAct = (): Failure | null => {
    if (!open) return failure('lease-lost', 'The lease was let go', `${path}: released`);
    if (lost !== null) return lost;
    const why = takenAway(path, fd, record) ?? renewed();
    // What could not be seen now may be seen the next time; what is lost stays so.
    if (why?.code === 'lease-lost') {
      lost = why;
      loss.abort(why);
    }
    return why;
  };
  const timer = setInterval(mayAct, RENEW_MS / 2);
  timer.unref();
  return {
    id: taken.id,
    fence: taken.fence,
    mayAct,
    lost: loss.signal,
    wanted: () => isWanted(path),
    release: () => {
      if (!open) return;
      const ours = mayAct() === null;
      open = false;
      clearInterval(timer);
      // The record first: who gets the lock next shall find that it was let go, and when.
      if (ours) write({ released_uptime: machine.uptime() });
      closeSync(fd);
    },
  };
}

function takenAway(path: string, fd: number, mine: LeaseRecord): Failure | null {
  const there = isStillThere(path, fd);
  if (!there.ok) return notKnown(there.error);
  if (!there.value) return lostTo(path, 'the file was released, replaced or removed');
  const read = readRecord(path, fd);
  if (!read.ok) return notKnown(read.error);
  const { value } = read;
  if (value.state !== 'read') return lostTo(path, `its record was overwritten (${value.state})`);
  if (value.record.id === mine.id && value.record.fence === mine.fence) return null;
  return lostTo(path, `it is ${value.record.id} now, of ${value.record.who} (pid ${value.record.pid})`);
}

function lostTo(path: string, how: string): Failure {
  const remedy = 'see who has it now: fleet lock status; then run this command again';
  return failure('lease-lost', 'The lease was taken away', `${path}: ${how}`, remedy);
}

function ranOut(path: string): Failure {
  const detail = `${path}: it was not renewed for ${LEASE_MS / 1000} s (stopped, or the machine slept)`;
  return failure('lease-lost', 'The lease ran out', detail, 'run this command again');
}

function notKnown(why: Failure): Failure {
  return failure('lease-unknown', 'Whether the lease is still ours cannot be seen', why.detail, why.remedy);
}
