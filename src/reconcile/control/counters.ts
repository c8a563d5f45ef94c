/**
 * All that the controller counts, as plain JSON data (`counters.json`, format 1.0). It outlives the controller and the
 * host. Numbers named `at`, `since_steady`, `not_before` and in lists are of the steady clock (clock.ts), texts are RFC 3339.
 */
import type { Change } from '../../diff/plan.ts';
import type { Contested, CrashLoop } from '../../diff/plan-holds.ts';
import { STEADY_START, type SteadyClock } from './clock.ts';

export interface Counters {
  readonly format_version: '1.0';
  readonly kind: 'fleet.counters';
  readonly clock: SteadyClock;
  readonly agents: Readonly<Record<string, AgentCounters>>;
  /** By address: effects that failed. By `ADDRESS REASON` (`sharedKey`): starts of what all agents share, made each time. */
  readonly retries: Readonly<Record<string, Retry>>;
  /** By `ADDRESS POINTER`: repairs that somebody else may undo. */
  readonly repairs: Readonly<Record<string, Repairs>>;
  /** By address: a living session that was seen to need replacing, once so far. */
  readonly looks: Readonly<Record<string, FirstLook>>;
  /** By address: what waits until nobody is disturbed. */
  readonly waits: Readonly<Record<string, Wait>>;
  /** When the effects of the last minute were made. */
  readonly actions: readonly number[];
}

export interface AgentCounters {
  /** Fingerprint of the spec that all this is about; another one starts anew. */
  readonly spec: string;
  /** When it was started or restarted, oldest first, within `restart.window`. */
  readonly restarts: readonly number[];
  /** Starts since its health was last forgiven them: the exponent of the backoff. */
  readonly streak: number;
  readonly not_before: number;
  /** Health that was seen in one piece, milliseconds. */
  readonly healthy_ms: number;
  /** The last look at it, if that saw it healthy. */
  readonly healthy_at: number | null;
  readonly crash_loop: CrashLoop | null;
}

export interface Retry {
  readonly agent: string | null;
  readonly streak: number;
  readonly not_before: number;
  /** Until then it counts although it is not wanted any more: what all agents share ends by itself, too. Null: it does not. */
  readonly keep_until: number | null;
}

export interface Repairs {
  /** When it was repaired, oldest first, within the window of fights. */
  readonly at: readonly number[];
  /** Of the roster that it was repaired by; another one starts anew. */
  readonly roster: string;
  readonly contested: Contested | null;
}

export interface FirstLook {
  readonly agent: string | null;
  /** The very session, what is to be done to it and why: a second look must find the same. */
  readonly what: string;
  readonly at: number;
}

export interface Wait {
  readonly agent: string | null;
  readonly why: string;
  readonly since: string;
  readonly since_steady: number;
}

export const NO_COUNTERS: Counters = {
  format_version: '1.0',
  kind: 'fleet.counters',
  clock: STEADY_START,
  agents: {},
  retries: {},
  repairs: {},
  looks: {},
  waits: {},
  actions: [],
};

export function newAgentCounters(spec: string): AgentCounters {
  const nothing = { restarts: [], streak: 0, not_before: 0, healthy_ms: 0, healthy_at: null, crash_loop: null };
  return { spec, ...nothing };
}

/** Each reason counts by itself: a signal to a server that lives says nothing of one that is gone. */
export const sharedKey = ({ address, reason }: Change): string => `${address} ${reason}`;

/** Keys are an address, or begin with one and a space. */
export const addressIn = (key: string): string => key.split(' ', 1)[0] ?? key;

/** Without the entries for which `keep` is false; the same object where all stay. */
export function keepEntries<T>(
  record: Readonly<Record<string, T>>,
  keep: (key: string, value: T) => boolean,
): Readonly<Record<string, T>> {
  const entries = Object.entries(record);
  const kept = entries.filter(([key, value]) => keep(key, value));
  return kept.length === entries.length ? record : Object.fromEntries(kept);
}
