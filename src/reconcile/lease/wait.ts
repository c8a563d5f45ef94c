/** Taking the lease, and waiting for who has it. */
import { err, ok, type Result } from '../../spec/result.ts';
import { type Failure, failure } from '../outcome.ts';
import type { Lease } from './hold.ts';
import type { LeaseRecord } from './record.ts';
import { type Attempt, attemptLease, type LeasePorts, type Taker } from './take.ts';
import { gotIt, wantIt } from './wanted.ts';

export interface LeaseRequest extends Taker {
  readonly path: string;
  /** Milliseconds; null: the default, which is to wait only for who lets go between effects. */
  readonly timeoutMs: number | null;
  /** Called when the wait for a holder begins. */
  readonly onWait?: (by: LeaseRecord | null, timeoutMs: number) => void;
  readonly signal?: AbortSignal;
}

export interface Taken {
  readonly lease: Lease;
  /** Somebody else held it after this asking began: what was looked at since then may be out of date. */
  readonly moved: boolean;
}

/** `by` null: whoever has it has not written its name. */
export type NotTaken =
  | { readonly why: 'held'; readonly by: LeaseRecord | null; readonly waitedMs: number }
  | { readonly why: 'failed'; readonly failure: Failure };

/** Milliseconds. The controller lets go between two effects; anybody else may take long, and is not waited for. */
const DEFAULT_WAIT_FOR_CONTROLLER = 60_000;
/** Milliseconds for which the kernel is asked at a time: in between, a file put in the place of this one is noticed. */
const SLICE = 1_000;
/** Milliseconds between two looks at a record without a lock. */
const LOOK_AGAIN = 100;
/** Milliseconds for which it is looked again, whatever the timeout, where somebody is just taking it or letting go. */
const MOMENT = 500;

export async function takeLease(request: LeaseRequest, ports: LeasePorts): Promise<Result<Taken, NotTaken>> {
  const { machine } = ports;
  const began = machine.uptime();
  const waited = (): number => machine.uptime() - began;
  const told = new Set<string | null>();
  let slice = 0;
  for (let first = true; ; first = false) {
    const asked = machine.uptime();
    const attempted = await attemptLease(request.path, request, ports, slice);
    if (!attempted.ok) return err({ why: 'failed', failure: attempted.error });
    const { value } = attempted;
    if (value.result === 'got') return ok(taken(value, request.path, began, first));
    if (request.signal?.aborted) return err({ why: 'failed', failure: interrupted() });
    const by = value.result === 'held' ? value.by : null;
    const brief = by === null || (value.result === 'held' && value.ending);
    const limit = brief ? Math.max(request.timeoutMs ?? 0, MOMENT) : patience(request, by);
    const left = limit - waited();
    if (left <= 0) return err({ why: 'held', by, waitedMs: waited() });
    if (by !== null && !brief && !told.has(by.id)) request.onWait?.(by, limit);
    told.add(by?.id ?? null);
    wantIt(request.path);
    const locked = value.result === 'held' && value.locked;
    // A kernel (or a flock(1)) that does not wait as asked is not asked in a circle.
    const waits = locked && (by !== null || waited() > MOMENT) && machine.uptime() - asked >= slice / 2;
    slice = waits ? Math.min(SLICE, left) : 0;
    if (!waits) await ports.delay(Math.min(brief ? 10 : LOOK_AGAIN, left));
  }
}

function patience({ timeoutMs }: LeaseRequest, by: LeaseRecord): number {
  return timeoutMs ?? (by.what === 'run' ? DEFAULT_WAIT_FOR_CONTROLLER : 0);
}

function taken(got: Attempt & { readonly result: 'got' }, path: string, began: number, first: boolean): Taken {
  gotIt(path);
  const released = got.before?.released_uptime ?? null;
  return { lease: got.lease, moved: !first || (released !== null && released >= began) };
}

function interrupted(): Failure {
  return failure('interrupted', 'Interrupted', 'interrupted while waiting for the lease');
}
