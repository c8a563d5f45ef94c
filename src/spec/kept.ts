/**
 * What was made once, for as long as it would be made of the very same things: inputs are the same when they are the same
 * objects, and plain values when they are equal. So it is no guess: whoever makes something of the same inputs again gets
 * what is there already.
 */

/** By key, of which each has but the last thing that was made for it. */
export interface Kept<K, V> {
  /** What `make` gives, or what it gave for these inputs the last time. `make` must depend on nothing else. */
  readonly of: (key: K, inputs: readonly unknown[], make: () => V) => V;
  /** What is there for this key, whatever it was made of. */
  readonly last: (key: K) => V | undefined;
  /** Lets go of what nobody has asked for since it was last called. */
  readonly sweep: () => void;
  readonly size: () => number;
  readonly values: () => readonly V[];
}

interface Entry<V> {
  inputs: readonly unknown[];
  value: V;
  round: number;
}

export function kept<K, V>(): Kept<K, V> {
  const entries = new Map<K, Entry<V>>();
  let round = 0;
  /** How many have been asked for in this round. */
  let asked = 0;
  return {
    of: (key, inputs, make) => {
      const entry = entries.get(key);
      if (entry === undefined) {
        const value = make();
        entries.set(key, { inputs, value, round });
        asked += 1;
        return value;
      }
      if (!areSame(entry.inputs, inputs)) {
        // Not before it is made: who throws has made nothing.
        entry.value = make();
        entry.inputs = inputs;
      }
      if (entry.round !== round) asked += 1;
      entry.round = round;
      return entry.value;
    },
    last: (key) => entries.get(key)?.value,
    sweep: () => {
      if (asked !== entries.size) for (const [key, entry] of entries) if (entry.round !== round) entries.delete(key);
      round += 1;
      asked = 0;
    },
    size: () => entries.size,
    values: () => Array.from(entries.values(), ({ value }) => value),
  };
}

/** What `make` gives of an object, made once for as long as that lives: nobody changes it meanwhile. */
export function onceOf<K extends object, V extends object | boolean>(make: (of: K) => V): (of: K) => V {
  const made = new WeakMap<K, V>();
  return (of) => {
    const known = made.get(of);
    if (known !== undefined) return known;
    const value = make(of);
    made.set(of, value);
    return value;
  };
}

/** One after the other. */
export function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** Whether two plain objects have the same fields with the same values; objects in them count as one by themselves. */
export function haveSameFields(a: object, b: object): boolean {
  if (a === b) return true;
  const [ours, theirs] = [Object.keys(a), Object.keys(b)];
  return (
    ours.length === theirs.length &&
    ours.every((key) => Object.hasOwn(b, key) && Object.is(valueIn(a, key), valueIn(b, key)))
  );
}

function valueIn(from: object, key: string): unknown {
  return (from as Readonly<Record<string, unknown>>)[key];
}
