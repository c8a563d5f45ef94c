/**
 * Taking the lease, once.
 *
 * ```
 * open ─> lock ─ taken ──────────────────────────────> held by its record
 *           │
 *      locked, or no locks here
 *           │
 *         judge ─ held ──────────────────────────────> held by its record
 *           ├── expired ─> claim ─> replace the file ─> again
 *           └── free ────> claim ─> look again ─> write the record ─> got
 * ```
 */
import { closeSync } from 'node:fs';
import type { RunProgram } from '../../observe/run.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { diskFiles } from '../files/disk.ts';
import { type Failure, failure } from '../outcome.ts';
import { type Claimant, claim, claimantOf, clearClaims, withdraw } from './claim.ts';
import { isStillThere, openLease, readRecord, writeRecord } from './file.ts';
import { holdLease, LEASE_MS, type Lease } from './hold.ts';
import { type Circumstances, claimAfter, judge, lives } from './judge.ts';
import { lockFile } from './lock.ts';
import type { Machine } from './machine.ts';
import { LEASE_FORMAT, type LeaseRecord, type LockKind, type RecordRead, renderRecord } from './record.ts';

export interface LeasePorts {
  readonly run: RunProgram;
  readonly machine: Machine;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly delay: (ms: number) => Promise<void>;
}

export interface Taker {
  readonly who: string;
  readonly what: string;
  readonly host: string;
}

export type Attempt =
  | {
      readonly result: 'got';
      readonly lease: Lease;
      /** The holder before, if its record could be read. */
      readonly before: LeaseRecord | null;
    }
  | {
      readonly result: 'held';
      /** Null where whoever holds it has not written its name yet. */
      readonly by: LeaseRecord | null;
      /** By the kernel, which can be waited for. */
      readonly locked: boolean;
      /** It had the kernel's lock and has it no more: it is just dying, as a rule. */
      readonly ending: boolean;
    }
  /** Something moved between two looks. */
  | { readonly result: 'again' };

interface Opened {
  readonly path: string;
  readonly fd: number;
  readonly lock: LockKind;
  readonly me: Claimant;
  readonly ports: LeasePorts;
}

/** `waitMs` is how long the kernel is asked to wait for its lock. */
export async function attemptLease(
  path: string,
  taker: Taker,
  ports: LeasePorts,
  waitMs: number,
): Promise<Result<Attempt, Failure>> {
  const me = whoAmI(ports.machine);
  if (!me.ok) return me;
  const fd = openLease(path);
  if (!fd.ok) return fd;
  const attempted = await attemptOpened(path, fd.value, me.value, taker, ports, waitMs);
  if (!attempted.ok || attempted.value.result !== 'got') closeSync(fd.value);
  return attempted;
}

async function attemptOpened(
  path: string,
  fd: number,
  me: Claimant,
  taker: Taker,
  ports: LeasePorts,
  waitMs: number,
): Promise<Result<Attempt, Failure>> {
  const answer = await lockFile(ports.run, fd, waitMs);
  if (!answer.ok) return answer;
  const there = isStillThere(path, fd);
  if (!there.ok) return there;
  if (!there.value) return ok({ result: 'again' });
  const lock = answer.value === 'locked' ? 'flock' : 'record';
  const opened: Opened = { path, fd, lock, me, ports };
  const read = await readSettled(opened);
  if (!read.ok) return read;
  if (answer.value === 'taken')
    return ok({ result: 'held', by: holderIn(read.value, opened), locked: true, ending: false });
  const verdict = judge(read.value, circumstances(opened));
  switch (verdict.verdict) {
    case 'other-format':
      return err(otherFormat(path, verdict.version));
    case 'held':
      return ok({
        result: 'held',
        by: verdict.by,
        locked: false,
        ending: verdict.by.lock === 'flock' && lock === 'flock',
      });
    case 'expired':
      return bury(opened, verdict.by);
    case 'free':
      return take(opened, verdict.before, taker);
  }
}

/** A record that cannot be read may be in the middle of being written where no lock keeps us from seeing that. */
async function readSettled(opened: Opened): Promise<Result<RecordRead, Failure>> {
  for (let tries = 3; ; tries--) {
    const read = readRecord(opened.path, opened.fd);
    if (!read.ok || read.value.state !== 'torn' || opened.lock === 'flock' || tries === 0) return read;
    await opened.ports.delay(20);
  }
}

/** From here to the end without a pause: no other code of this process comes between. */
function take(opened: Opened, before: LeaseRecord | null, taker: Taker): Result<Attempt, Failure> {
  const { path, fd, ports } = opened;
  const claimed = claimNext(opened, before);
  if (!claimed.ok) return claimed;
  if (claimed.value === null) return ok({ result: 'again' });
  const record = newRecord(opened, taker, before === null ? Math.max(claimed.value, ports.now()) : claimed.value);
  const written = writeRecord(path, fd, record);
  if (written.ok) clearClaims(path, claimed.value);
  else withdraw(path, claimed.value);
  return written.ok ? ok({ result: 'got', lease: holdLease(path, fd, record, ports.machine), before }) : written;
}

/** Its process lives and must see that it lost: another file takes the place of the one it has open. */
function bury(opened: Opened, by: LeaseRecord): Result<Attempt, Failure> {
  const claimed = claimNext(opened, by);
  if (!claimed.ok) return claimed;
  if (claimed.value === null) return ok({ result: 'again' });
  const replaced = replaceWithReleased(opened.path, by, claimed.value, opened.ports.machine);
  withdraw(opened.path, claimed.value);
  return replaced.ok ? ok({ result: 'again' }) : replaced;
}

export function replaceWithReleased(
  path: string,
  by: LeaseRecord,
  fence: number,
  machine: Machine,
): Result<null, Failure> {
  const content = renderRecord({ ...by, fence, released_uptime: machine.uptime() });
  return diskFiles.write(path, content, { always: 0o600 });
}

/** The number that is ours alone now, or null where somebody else is at it or was already. */
function claimNext(opened: Opened, before: LeaseRecord | null): Result<number | null, Failure> {
  const { path, fd, me, ports } = opened;
  const claimed = claim(path, claimAfter(before), me, ports.machine.holder);
  if (!claimed.ok || claimed.value === null) return claimed;
  const same = isUnmoved(path, fd, before);
  if (same.ok && same.value) return claimed;
  withdraw(path, claimed.value);
  return same.ok ? ok(null) : same;
}

export function isUnmoved(path: string, fd: number, before: LeaseRecord | null): Result<boolean, Failure> {
  const there = isStillThere(path, fd);
  if (!there.ok || !there.value) return there;
  const read = readRecord(path, fd);
  if (!read.ok) return read;
  const now = read.value.state === 'read' ? read.value.record : null;
  return ok(JSON.stringify(now) === JSON.stringify(before));
}

function newRecord({ lock, me, ports }: Opened, taker: Taker, fence: number): LeaseRecord {
  const about = { format_version: LEASE_FORMAT, kind: 'fleet.lease', id: ports.machine.newId(), ...taker } as const;
  const since = new Date(ports.now()).toISOString();
  const holder = { since, pid: me.pid, start_time: me.startTime, boot_id: me.bootId };
  const expires_uptime = ports.machine.uptime() + LEASE_MS;
  return { ...about, ...holder, fence, lock, expires_uptime, released_uptime: null };
}

function holderIn(read: RecordRead, { me, ports }: Opened): LeaseRecord | null {
  if (read.state !== 'read') return null;
  const now = { bootId: me.bootId, holder: ports.machine.holder };
  return lives(read.record, now) ? read.record : null;
}

function circumstances({ me, lock, ports }: Opened): Circumstances {
  return { bootId: me.bootId, uptime: ports.machine.uptime(), holder: ports.machine.holder, lock };
}

export function whoAmI(machine: Machine): Result<Claimant, Failure> {
  const boot = machine.bootId();
  if (!boot.ok) return boot;
  const me = claimantOf(boot.value, machine.pid, machine.holder(machine.pid));
  if (me.ok) return me;
  return err(failure('no-proc', 'This process cannot be told from others', me.error, 'mount /proc: fleet needs it'));
}

function otherFormat(path: string, version: string): Failure {
  const remedy = `use that version of fleet; where none of it runs any more: mv ${path} ${path}.old`;
  const detail = `${path}: its record has format ${version}, this fleet reads ${LEASE_FORMAT}`;
  return failure('lease-format', 'The lease was written by another version of fleet', detail, remedy);
}
