/** Who holds the lease, in words and as JSON. */
import type { LeaseRecord } from '../../reconcile/lease/record.ts';
import type { LeaseStatus } from '../../reconcile/lease/release.ts';
import type { Place } from '../place.ts';

export interface HolderView {
  readonly id: string;
  readonly who: string;
  readonly what: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly since: string;
}

export function holderView({ id, who, what, pid, since }: LeaseRecord): HolderView {
  return { id, who, what, pid, since };
}

/** `fleet apply of jarvis (pid 1234, since 2026-06-01T12:00:00.000Z)`. */
export function describeHolder(by: LeaseRecord | null): string {
  if (by === null) return 'somebody who has not written a name';
  return `fleet ${by.what} of ${by.who} (pid ${by.pid}, since ${by.since})`;
}

export interface LockReport {
  readonly here: Place;
  readonly path: string;
  readonly status: LeaseStatus;
  /** Whether somebody waits for it. */
  readonly wanted: boolean;
}

export function lockDocument({ here, path, status, wanted }: LockReport): object {
  const head = { format_version: '1.0', kind: 'fleet.lock', host: here.host, tenant: here.tenant, path };
  const { state } = status;
  if (state === 'unreadable') return { ...head, state, why: status.why, holder: null, last: null, wanted };
  if (state !== 'held') return { ...head, state, holder: null, last: status.last && full(status.last), wanted };
  return { ...head, state, holder: full(status.by), expired: status.expired, last: null, wanted };
}

function full(record: LeaseRecord): object {
  const { start_time, boot_id, fence, lock } = record;
  return { ...holderView(record), start_time, boot_id, fence, lock };
}

export function formatLock({ here, status, wanted }: LockReport): string {
  const lease = `the lease of ${here.host}/${here.tenant}`;
  const waiting = wanted ? 'somebody waits for it\n' : '';
  switch (status.state) {
    case 'free':
      return `${lease} is free${status.last === null ? '' : `; last held by ${describeHolder(status.last)}`}\n${waiting}`;
    case 'dead':
      return `${lease} is free: ${describeHolder(status.last)} ended without letting go\n${waiting}`;
    case 'unreadable':
      return `${lease} cannot be read: ${status.why}\n${waiting}`;
    case 'held': {
      const late = status.expired ? ', which has not renewed it: free for the next who asks' : '';
      return `${lease} is held by ${describeHolder(status.by)}${late}\n${waiting}${advice(status.by.id)}`;
    }
  }
}

const advice = (id: string): string => `to take it away, so that it begins nothing more: fleet lock release ${id}\n`;
