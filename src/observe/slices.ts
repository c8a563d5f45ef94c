import { monotonicMs } from './monotonic.ts';

/**
 * Synchronous reading cut into slices. Reading synchronously is what is fast, but thousands of files in one go would
 * leave the answers of tmux and systemd, and the next questions to them, waiting all that time.
 */
export type Slices<T> = Generator<undefined, T, undefined>;

/** Milliseconds that an answer waits at most, or as long as one slice takes. A turn costs as much as ten files that are known. */
const TURN_AFTER_MS = 1;

/** Runs to the end, letting the event loop turn before it and whenever it is due. Rejects with what is thrown. */
export async function inSlices<T>(slices: Slices<T>): Promise<T> {
  for (;;) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const due = monotonicMs() + TURN_AFTER_MS;
    let slice: IteratorResult<undefined, T>;
    do {
      slice = slices.next();
      if (slice.done === true) return slice.value;
    } while (monotonicMs() < due);
  }
}
