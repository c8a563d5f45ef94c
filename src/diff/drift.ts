/** One aspect of an agent's live session that is not as wanted. */
import type { View } from './plan.ts';
import type { Reason } from './reasons.ts';

export interface Drift {
  readonly reason: Reason;
  /** Pointer of the aspect, as ignore rules name it. */
  readonly path: string;
  /** restart: replace the session. by-policy: as `on_change` says. warn: say so. unknown: could not be told. */
  readonly response: 'restart' | 'by-policy' | 'warn' | 'unknown';
  readonly before: View;
  readonly after: View;
  readonly evidence: readonly string[];
}
