/** Sources of events, listened to: what they told so far, and waiting for more with a deadline. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../../src/observe/watch/clock.ts';
import type { SourceListener, SourceState, Trigger } from '../../../src/observe/watch/trigger.ts';

export interface Heard extends SourceListener {
  readonly triggers: Trigger[];
  readonly states: SourceState[];
}

export function listen(): Heard {
  const triggers: Trigger[] = [];
  const states: SourceState[] = [];
  return { triggers, states, onTrigger: (t) => triggers.push(t), onState: (s) => states.push(s) };
}

/** Until `holds` gives something, polled; fails after 10 s. */
export async function until<T>(what: string, holds: () => T | null | undefined | false): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = holds();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`not within 10 s: ${what}`);
    await delay(5);
  }
}

export interface HandClock extends Clock {
  /** Time goes on by so much, and what is due is called. */
  readonly advance: (ms: number) => void;
  /** Timers that are set. */
  readonly pending: () => number;
}

export function handClock(): HandClock {
  let now = 0;
  let timers: { readonly at: number; readonly then: () => void }[] = [];
  return {
    after: (ms, then) => {
      const timer = { at: now + ms, then };
      timers.push(timer);
      return () => {
        timers = timers.filter((t) => t !== timer);
      };
    },
    advance: (ms) => {
      now += ms;
      for (;;) {
        const due = timers.find((t) => t.at <= now);
        if (due === undefined) return;
        timers = timers.filter((t) => t !== due);
        due.then();
      }
    },
    pending: () => timers.length,
  };
}
