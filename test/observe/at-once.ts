import type { Slices } from '../../src/observe/slices.ts';

/** What `inSlices` gives, without waiting. */
export function atOnce<T>(slices: Slices<T>): T {
  for (;;) {
    const slice = slices.next();
    if (slice.done === true) return slice.value;
  }
}
