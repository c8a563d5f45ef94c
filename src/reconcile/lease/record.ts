/**
 * What stands in the lease's file: one line of JSON about who holds it. The kernel's lock on the file says whether it is
 * held; the record says by whom, and stands in for the lock where there are none.
 *
 * `fence` grows with every taking, and never comes back: a lost record is followed by one whose fence is the time.
 */

export type LockKind =
  | 'flock' // the holder has the kernel's lock on the file
  | 'record'; // the file system has no locks, or flock(1) is not installed: the record alone, renewed until `expires_uptime`

export interface LeaseRecord {
  readonly format_version: string;
  readonly kind: 'fleet.lease';
  /** Of this taking: what `fleet lock release` names. */
  readonly id: string;
  /** Name of the user. */
  readonly who: string;
  /** The command: `apply`, `run`, `adopt`, ... */
  readonly what: string;
  readonly host: string;
  /** RFC 3339, for people alone: nothing is decided by the wall clock. */
  readonly since: string;
  readonly pid: number;
  /** Clock ticks since boot: with the pid it names one process for ever (field 22 of /proc/PID/stat). */
  readonly start_time: number;
  readonly boot_id: string;
  readonly fence: number;
  readonly lock: LockKind;
  /** Milliseconds since boot, asleep or not. */
  readonly expires_uptime: number;
  /** Milliseconds since boot; null while it is held. */
  readonly released_uptime: number | null;
}

export const LEASE_FORMAT = '1.0';

export type RecordRead =
  | { readonly state: 'empty' }
  /** Cut off, or no record at all. */
  | { readonly state: 'torn' }
  | { readonly state: 'other-format'; readonly version: string }
  | { readonly state: 'read'; readonly record: LeaseRecord };

/** One line; what a longer record before it left behind is never read. */
export function renderRecord(record: LeaseRecord): string {
  return `${JSON.stringify(record)}\n`;
}

export function parseRecord(text: string): RecordRead {
  if (text === '') return { state: 'empty' };
  const end = text.indexOf('\n');
  const value = end === -1 ? null : parseObject(text.slice(0, end));
  if (value === null || value['kind'] !== 'fleet.lease') return { state: 'torn' };
  const version = value['format_version'];
  if (typeof version !== 'string') return { state: 'torn' };
  if (version.split('.')[0] !== '1') return { state: 'other-format', version };
  const record = recordOf(value);
  return record === null ? { state: 'torn' } : { state: 'read', record };
}

function recordOf(value: Readonly<Record<string, unknown>>): LeaseRecord | null {
  const { format_version, id, who, what, host, since, boot_id, lock } = value;
  const { pid, start_time, fence, expires_uptime, released_uptime } = value;
  if (!isText(format_version) || !isText(id) || !isText(who) || !isText(what) || !isText(host)) return null;
  if (!isText(since) || !isText(boot_id) || (lock !== 'flock' && lock !== 'record')) return null;
  if (!isCount(pid) || !isCount(start_time) || !isCount(fence) || !isCount(expires_uptime)) return null;
  if (released_uptime !== null && !isCount(released_uptime)) return null;
  const about = { format_version, kind: 'fleet.lease', id, who, what, host, since } as const;
  return { ...about, pid, start_time, boot_id, fence, lock, expires_uptime, released_uptime };
}

function parseObject(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
