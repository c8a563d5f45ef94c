/**
 * The controller's own time. Backoffs, windows and budgets are told from it and not from the wall clock, which people
 * and time servers set: a step back would freeze an agent, a step forward forgive everything at once. It goes with the
 * kernel's monotonic clock while the host is up and with the wall clock, bounded, from one boot to the next.
 */

/** One moment, as the shell reads it. */
export interface Moment {
  /** Unix milliseconds. */
  readonly wall: number;
  /** Milliseconds of CLOCK_MONOTONIC: the same for all processes of one boot. */
  readonly monotonic: number;
  readonly boot_id: string | null;
}

export interface SteadyClock extends Moment {
  /** Milliseconds since the counters began; it never goes back. */
  readonly steady: number;
}

/** A boot adds at most so much, however far the wall clock moved meanwhile: less than any window or long backoff. */
export const LONGEST_BOOT_MS = 300_000;

export const STEADY_START: SteadyClock = { steady: 0, wall: 0, monotonic: 0, boot_id: null };

export function tick(clock: SteadyClock, now: Moment): SteadyClock {
  const sameBoot = clock.boot_id !== null && clock.boot_id === now.boot_id && now.monotonic >= clock.monotonic;
  const elapsed = sameBoot
    ? now.monotonic - clock.monotonic
    : Math.min(LONGEST_BOOT_MS, Math.max(0, now.wall - clock.wall));
  // Not rounded: steps of less than half a millisecond would add up to nothing.
  return { ...now, steady: clock.steady + elapsed };
}

/** RFC 3339 with milliseconds. */
export function stamp(now: Moment): string {
  return new Date(now.wall).toISOString();
}
