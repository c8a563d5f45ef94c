/**
 * What must be looked at again: keys only, never what happened. Level-triggered: a key that is marked ten times is taken
 * once. Keyed: one that is marked while it is worked on is taken once more, never twice at a time.
 *
 *   (clean) --mark--> dirty --take--> running --finish--> (clean)
 *                       ^               | mark
 *                       +--- finish ----+ (dirty and running)
 */

/** An agent's name, or everything. No agent can be called this. */
export const EVERYTHING = '*';

export interface Queue {
  /** Each with the steady time of its first mark: the lag from event to repair is told from it. */
  readonly dirty: ReadonlyMap<string, number>;
  readonly running: ReadonlySet<string>;
  /** Keys that become dirty at a steady time. */
  readonly due: ReadonlyMap<string, number>;
}

export interface Taken {
  readonly queue: Queue;
  /** Empty where nothing can be taken now. */
  readonly keys: readonly string[];
  /** Steady time of the oldest of their marks. */
  readonly since: number | null;
}

export const EMPTY_QUEUE: Queue = { dirty: new Map(), running: new Set(), due: new Map() };

export function mark(queue: Queue, key: string, at: number): Queue {
  return queue.dirty.has(key) ? queue : { ...queue, dirty: new Map([...queue.dirty, [key, at]]) };
}

/** The earliest of several wishes counts. */
export function markAt(queue: Queue, key: string, due: number): Queue {
  const known = queue.due.get(key);
  return known !== undefined && known <= due ? queue : { ...queue, due: new Map([...queue.due, [key, due]]) };
}

/**
 * All dirty keys that are not running. A look at everything serves the agents' keys too; while it runs, until it is
 * narrowed to what it works on, nothing else is taken.
 */
export function take(queue: Queue, now: number): Taken {
  const ripe = ripen(queue, now);
  if (ripe.running.has(EVERYTHING)) return { queue: ripe, keys: [], since: null };
  const keys = [...ripe.dirty.keys()].filter((key) => !ripe.running.has(key));
  if (keys.length === 0) return { queue: ripe, keys, since: null };
  const since = Math.min(...keys.map((key) => ripe.dirty.get(key) ?? now));
  const dirty = new Map([...ripe.dirty].filter(([key]) => ripe.running.has(key)));
  return { queue: { ...ripe, dirty, running: new Set([...ripe.running, ...keys]) }, keys, since };
}

/** What was taken as `from` is only worked on as `to` from now on. */
export function narrow(queue: Queue, from: readonly string[], to: readonly string[]): Queue {
  const running = [...queue.running].filter((key) => !from.includes(key));
  return { ...queue, running: new Set([...running, ...to]) };
}

export function finish(queue: Queue, keys: readonly string[]): Queue {
  return narrow(queue, keys, []);
}

/** Steady time of the next key that becomes dirty by itself, null where there is none. */
export function nextDue(queue: Queue): number | null {
  return queue.due.size === 0 ? null : Math.min(...queue.due.values());
}

function ripen(queue: Queue, now: number): Queue {
  const ripe = [...queue.due].filter(([, due]) => due <= now);
  if (ripe.length === 0) return queue;
  const due = new Map([...queue.due].filter(([, at]) => at > now));
  return ripe.reduce<Queue>((q, [key, at]) => mark(q, key, at), { ...queue, due });
}
