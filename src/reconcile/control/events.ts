/** What happened, why, when and what came of it: one line of JSON each (`events.jsonl`), bounded. */
import type { Action } from '../../diff/plan.ts';
import type { Reason } from '../../diff/reasons.ts';
import type { Outcome } from '../outcome.ts';
import type { Held } from './decide.ts';

export type EventWhat =
  | 'repaired'
  | 'repair-failed'
  | 'repair-skipped'
  /** It waits; told when it begins to wait, and when the reason changes. */
  | 'held'
  | 'condition'
  | 'roster-accepted'
  | 'roster-refused'
  | 'reset'
  | 'paused'
  | 'resumed'
  | 'look-failed'
  /** Events come from it again, or it is polled. */
  | 'source'
  /** Of the controller's own: what it could not write, a wish that it could not read. */
  | 'trouble'
  | 'started'
  | 'stopped';

export interface ControlEvent {
  /** RFC 3339. */
  readonly at: string;
  /** Of one controller's life; 0 outside any pass. */
  readonly pass: number;
  readonly what: EventWhat;
  readonly address: string | null;
  readonly agent: string | null;
  readonly action: Action | null;
  readonly reason: Reason | null;
  /** For people. */
  readonly message: string;
  /** Milliseconds from the first trigger to the end of the repair; null where nothing triggered it. */
  readonly lag_ms: number | null;
}

type Base = Pick<ControlEvent, 'at' | 'pass'>;

export function plainEvent(base: Base, what: EventWhat, message: string, agent: string | null = null): ControlEvent {
  return { ...base, what, address: null, agent, action: null, reason: null, message, lag_ms: null };
}

export function heldEvent(base: Base, held: Held): ControlEvent {
  const { address, agent, action, reason } = held;
  return {
    ...base,
    what: 'held',
    address,
    agent,
    action,
    reason,
    message: `${held.why}: ${held.detail}`,
    lag_ms: null,
  };
}

export function outcomeEvent(base: Base, outcome: Outcome, lag_ms: number | null): ControlEvent {
  const { address, agent, action, reason } = outcome;
  const about = { ...base, address, agent, action, reason };
  switch (outcome.outcome) {
    case 'applied':
      return { ...about, what: 'repaired', message: outcome.evidence.join('; '), lag_ms };
    case 'failed': {
      const { code, summary, detail } = outcome.failure;
      return { ...about, what: 'repair-failed', message: `${summary}: ${detail} (${code})`, lag_ms };
    }
    case 'skipped':
      return { ...about, what: 'repair-skipped', message: `${outcome.why}: ${outcome.detail}`, lag_ms: null };
  }
}

/** What begins to wait, or waits for another reason than before. */
export function newlyHeld(held: readonly Held[], before: ReadonlyMap<string, string>): readonly Held[] {
  return held.filter((h) => h.why !== 'in-progress' && before.get(h.address) !== h.why);
}
