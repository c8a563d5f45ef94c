/** What a person does to a lease: see who has it, and take it away from who does not let go. */
import { closeSync } from 'node:fs';
import { err, ok, type Result } from '../../spec/result.ts';
import { type Failure, failure } from '../outcome.ts';
import { claim, withdraw } from './claim.ts';
import { openLease, readLease } from './file.ts';
import { claimAfter, type HolderSeen, lives } from './judge.ts';
import type { Machine } from './machine.ts';
import type { LeaseRecord } from './record.ts';
import { isUnmoved, replaceWithReleased, whoAmI } from './take.ts';

export type LeaseStatus =
  | { readonly state: 'free'; readonly last: LeaseRecord | null }
  /** Its holder died without letting go: free for the next who asks. */
  | { readonly state: 'dead'; readonly last: LeaseRecord }
  | { readonly state: 'held'; readonly by: LeaseRecord; readonly holder: HolderSeen; readonly expired: boolean }
  /** Cut off or of another version: the kernel alone knows whether it is held. */
  | { readonly state: 'unreadable'; readonly why: string };

/** From the record alone, without touching the lock: to ask the kernel would be to hold it for a moment. */
export function leaseStatus(path: string, machine: Machine): Result<LeaseStatus, Failure> {
  const boot = machine.bootId();
  if (!boot.ok) return boot;
  const read = readLease(path);
  if (!read.ok) return read;
  if (read.value === null || read.value.state === 'empty') return ok({ state: 'free', last: null });
  if (read.value.state === 'torn') return ok({ state: 'unreadable', why: 'its record is cut off or none' });
  if (read.value.state === 'other-format') {
    return ok({ state: 'unreadable', why: `its record has format ${read.value.version}` });
  }
  const { record } = read.value;
  if (record.released_uptime !== null) return ok({ state: 'free', last: record });
  if (!lives(record, { bootId: boot.value, holder: machine.holder })) return ok({ state: 'dead', last: record });
  const expired = record.lock === 'record' && machine.uptime() >= record.expires_uptime;
  return ok({ state: 'held', by: record, holder: machine.holder(record.pid), expired });
}

export type Released = { readonly was: 'held' | 'dead'; readonly record: LeaseRecord } | { readonly was: 'free' };

/**
 * Ends the lease of that id and no other. Its holder, if it lives, does not begin another effect. The claim makes sure
 * that whoever takes the lease meanwhile does not lose it by this.
 */
export function releaseLease(path: string, id: string, machine: Machine): Result<Released, Failure> {
  const me = whoAmI(machine);
  if (!me.ok) return me;
  const before = leaseStatus(path, machine);
  if (!before.ok) return before;
  const { value } = before;
  if (value.state === 'unreadable') return err(unreadable(path, value.why));
  const record = value.state === 'held' ? value.by : value.last;
  if (record !== null && record.id !== id) return err(otherId(value, record, id));
  if (record === null || value.state === 'free') return ok({ was: 'free' });
  const fd = openLease(path);
  if (!fd.ok) return fd;
  const claimed = claim(path, claimAfter(record), me.value, machine.holder);
  const same = claimed.ok && claimed.value !== null ? isUnmoved(path, fd.value, record) : ok(false);
  closeSync(fd.value);
  if (!claimed.ok) return claimed;
  if (claimed.value === null) return err(movedOn(path));
  const moved = same.ok ? (same.value ? null : movedOn(path)) : same.error;
  const replaced = moved === null ? replaceWithReleased(path, record, claimed.value, machine) : err(moved);
  withdraw(path, claimed.value);
  return replaced.ok ? ok({ was: value.state, record }) : replaced;
}

function otherId(status: LeaseStatus, record: LeaseRecord, id: string): Failure {
  const { who, what, pid } = record;
  const state = status.state === 'held' ? 'held' : 'free, and was last held';
  const detail = `it is ${state} as ${record.id}, by ${what} of ${who} (pid ${pid}); nobody holds ${id}`;
  const remedy = status.state === 'held' ? `to take it away from that one: fleet lock release ${record.id}` : null;
  return failure('lease-other-id', 'The lease has another id', detail, remedy);
}

function movedOn(path: string): Failure {
  const detail = `${path}: somebody took it or let it go meanwhile`;
  return failure('lease-moved', 'The lease moved on', detail, 'see who has it now: fleet lock status');
}

function unreadable(path: string, why: string): Failure {
  const remedy = `see who has it open (fuser -v ${path}); where nobody has: mv ${path} ${path}.old`;
  return failure('lease-unreadable', 'The lease cannot be read', `${path}: ${why}`, remedy);
}
