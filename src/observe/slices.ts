/**
 * Synchronous reading cut into slices. Reading synchronously is what is fast, but thousands of files in one go would
 * leave the answers of tmux and systemd, and the next questions to them, waiting all that time.
 */
export type Slices<T> = Generator<undefined, T, undefined>;

/** Runs to the end, letting the event loop turn before each slice. Rejects with what is thrown. */
export async function inSlices<T>(slices: Slices<T>): Promise<T> {
  for (;;) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}
