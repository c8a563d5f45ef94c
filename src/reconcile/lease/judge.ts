/** Whether a lease may be taken, from its record and the kernel's answer. Pure. */
import type { LeaseRecord, LockKind, RecordRead } from './record.ts';

/** What /proc says of the pid in a record. Unknown is not gone. */
export type HolderSeen =
  | { readonly state: 'running'; readonly startTime: number }
  | { readonly state: 'gone' }
  | { readonly state: 'unknown'; readonly why: string };

export interface Circumstances {
  readonly bootId: string;
  /** Milliseconds since boot. */
  readonly uptime: number;
  readonly holder: (pid: number) => HolderSeen;
  /** What was got for the one who judges: the kernel's lock, or none because there are none. */
  readonly lock: LockKind;
}

export type Verdict =
  | { readonly verdict: 'free'; readonly before: LeaseRecord | null }
  | { readonly verdict: 'held'; readonly by: LeaseRecord }
  /** Its process lives, but did not renew it: taken away from it, never shared. */
  | { readonly verdict: 'expired'; readonly by: LeaseRecord }
  | { readonly verdict: 'other-format'; readonly version: string };

export function judge(read: RecordRead, now: Circumstances): Verdict {
  if (read.state === 'other-format') return { verdict: 'other-format', version: read.version };
  if (read.state !== 'read') return { verdict: 'free', before: null };
  const { record } = read;
  if (!lives(record, now)) return { verdict: 'free', before: record };
  // Who has the kernel's lock is only judged by the kernel; without locks of our own its process's life must do.
  if (now.lock === 'record' && record.lock === 'flock') return { verdict: 'held', by: record };
  return now.uptime < record.expires_uptime ? { verdict: 'held', by: record } : { verdict: 'expired', by: record };
}

/** Whether the process that wrote the record still runs and has not let go. */
export function lives(record: LeaseRecord, now: Pick<Circumstances, 'bootId' | 'holder'>): boolean {
  if (record.released_uptime !== null || record.boot_id !== now.bootId) return false;
  const seen = now.holder(record.pid);
  return seen.state === 'unknown' || (seen.state === 'running' && seen.startTime === record.start_time);
}

/** The number that a claim on the next taking bears: one above the record's, or 1 where there is no record to read. */
export const claimAfter = (before: LeaseRecord | null): number => (before === null ? 1 : before.fence + 1);
