/** Everything the controller knows between two steps. A value: each step gives the next one. */
import type { Change } from '../../diff/plan.ts';
import type { Pause } from '../../diff/plan-holds.ts';
import type { SteadyClock } from './clock.ts';
import { type Moment, tick } from './clock.ts';
import type { Condition } from './conditions.ts';
import type { AgentCounters, Counters } from './counters.ts';
import type { Held } from './decide.ts';
import { EMPTY_QUEUE, EVERYTHING, mark, type Queue } from './queue.ts';

export interface ControlState {
  readonly counters: Counters;
  readonly queue: Queue;
  /** Begun so far. */
  readonly passes: number;
  /** By number: those whose look or effects are under way. */
  readonly working: ReadonlyMap<number, Working>;
  readonly agents: Readonly<Record<string, readonly Condition[]>>;
  readonly fleet: readonly Condition[];
  /** As the controller before told it, for the time of what has not changed since. */
  readonly toldBefore: Told;
  /** By address: what waits, as last decided. */
  readonly held: ReadonlyMap<string, Held>;
  readonly pauses: readonly Pause[];
  readonly stopped: string | null;
  /** Steady time of the last counters that were given out to be written. */
  readonly written: number;
}

export interface Working {
  readonly keys: readonly string[];
  /** Null = everything. */
  readonly scope: ReadonlySet<string> | null;
  /** Steady time of the oldest trigger. */
  readonly since: number | null;
  readonly acted: readonly Change[];
  readonly uncounted: Readonly<Record<string, AgentCounters>>;
}

/** Conditions by agent, and of the fleet. */
export type Told = Pick<ControlState, 'agents' | 'fleet'>;

export const NOTHING_TOLD: Told = { agents: {}, fleet: [] };

/** A controller begins with a look at everything, whatever it remembers. */
export function createControl(counters: Counters, now: Moment, toldBefore: Told = NOTHING_TOLD): ControlState {
  const clock = tick(counters.clock, now);
  return {
    counters: { ...counters, clock },
    queue: mark(EMPTY_QUEUE, EVERYTHING, clock.steady),
    passes: 0,
    working: new Map(),
    agents: {},
    fleet: [],
    toldBefore,
    held: new Map(),
    pauses: [],
    stopped: null,
    written: clock.steady,
  };
}

export function steadyNow(state: ControlState, now: Moment): SteadyClock {
  return tick(state.counters.clock, now);
}

/** An agent's name, or EVERYTHING. */
export function trigger(state: ControlState, key: string, now: Moment): ControlState {
  return { ...state, queue: mark(state.queue, key, steadyNow(state, now).steady) };
}
