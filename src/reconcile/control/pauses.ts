/** Pauses as they lie on disk (`pauses.json`, format 1.0), and resets that the controller has not seen yet. Pure. */
import type { Pause } from '../../diff/plan-holds.ts';

export interface Pauses {
  readonly format_version: '1.0';
  readonly kind: 'fleet.pauses';
  readonly pauses: readonly Pause[];
}

/** `fleet reset`: a wish that stays until the controller, or the next apply, has taken it into the counters. */
export interface Reset {
  /** Unique; by it the wish is taken away again. */
  readonly id: string;
  /** An agent's name, `kind/name` or a full address; null = everything. */
  readonly target: string | null;
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
}

export interface Resets {
  readonly format_version: '1.0';
  readonly kind: 'fleet.resets';
  readonly resets: readonly Reset[];
}

export const NO_PAUSES: Pauses = { format_version: '1.0', kind: 'fleet.pauses', pauses: [] };
export const NO_RESETS: Resets = { format_version: '1.0', kind: 'fleet.resets', resets: [] };

/** A target is paused once: the later word replaces the earlier. */
export function addPause(pauses: Pauses, pause: Pause): Pauses {
  return { ...pauses, pauses: [...pauses.pauses.filter((p) => p.target !== pause.target), pause] };
}

/** `--all` resumes everything that is paused. Null where nothing of that name is. */
export function resume(pauses: Pauses, target: string | null): Pauses | null {
  const left = target === null ? [] : pauses.pauses.filter((p) => p.target !== target);
  return left.length === pauses.pauses.length ? null : { ...pauses, pauses: left };
}
