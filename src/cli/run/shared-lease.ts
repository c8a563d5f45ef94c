/** One lease for all passes that act at the same time: the first takes it, the last lets it go. */
import type { Lease } from '../../reconcile/lease/hold.ts';
import { type Failure, failure } from '../../reconcile/outcome.ts';
import { err, ok, type Result } from '../../spec/result.ts';

export interface SharedLease {
  /** Runs `body` while the lease is held; refused where somebody else has it, or waits for it. */
  readonly use: <T>(body: (lease: Lease) => Promise<T>) => Promise<Result<T, Failure>>;
  /** Fence of the last one that was had, null before the first. */
  readonly lastFence: () => number | null;
}

export function shareLease(take: () => Promise<Result<Lease, Failure>>): SharedLease {
  let current: Promise<Result<Lease, Failure>> | null = null;
  let users = 0;
  let fence: number | null = null;
  const leave = (taken: Result<Lease, Failure> | null): void => {
    users -= 1;
    if (users > 0) return;
    current = null;
    if (taken?.ok) taken.value.release();
  };
  return {
    lastFence: () => fence,
    use: async (body) => {
      users += 1;
      let taken: Result<Lease, Failure> | null = null;
      try {
        const joins = current !== null;
        current ??= take();
        taken = await current;
        if (!taken.ok) return taken;
        fence = taken.value.fence;
        if (joins && taken.value.wanted()) return err(yielding());
        return ok(await body(taken.value));
      } finally {
        leave(taken);
      }
    },
  };
}

/** The controller is never in a hurry: whoever waits goes first. */
export function yielding(): Failure {
  return failure('yielding', 'Another command waits for the lease', 'it goes first, the rest comes right after it');
}
