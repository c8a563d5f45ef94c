/** Writes the status document when it is due: not more often than a reader could tell, and at least at every beat. */

import type { Failure } from '../../reconcile/outcome.ts';
import type { Result } from '../../spec/result.ts';

export interface StatusWriter {
  /** Something of it changed. */
  readonly touch: () => void;
  /** The controller's own heartbeat. */
  readonly beat: (now: number) => void;
  readonly flush: () => void;
  /** Of the last beat that was asked for, written or not; null before the first. */
  readonly lastBeat: () => number | null;
}

/** Milliseconds for which changes are gathered, and the longest time between two writings. */
const GATHER_MS = 200;
const BEAT_MS = 15_000;
/** Four beats that did not come. */
export const BEAT_WITHIN_MS = 60_000;

export function statusWriter(
  write: () => Result<null, Failure>,
  onResult: (failed: Failure | null) => void,
): StatusWriter {
  let timer: NodeJS.Timeout | null = null;
  let last = Number.NEGATIVE_INFINITY;
  let beat: number | null = null;
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const written = write();
    onResult(written.ok ? null : written.error);
  };
  return {
    flush,
    lastBeat: () => beat,
    touch: () => {
      timer ??= setTimeout(flush, GATHER_MS);
    },
    beat: (now) => {
      beat = now;
      if (now - last < BEAT_MS) return;
      last = now;
      flush();
    },
  };
}
