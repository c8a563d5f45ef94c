import { areSame, onceOf } from './kept.ts';

/**
 * As Object.fromEntries, for hundreds of names: that one gives V8 a new hidden class for each name that is added, which takes
 * six times as long as the table it makes of an object that is filled by assignment (measured, 500 names).
 */
export function recordOf<T>(entries: ReadonlyMap<string, T> | readonly (readonly [string, T])[]): Record<string, T> {
  const record: Record<string, T> = {};
  const add = (value: T, name: string): void => {
    put(record, name, value);
  };
  if (entries instanceof Map) entries.forEach(add);
  else for (const entry of entries) add(entry[1], entry[0]);
  return record;
}

/** One name more of such a table. */
export function put<T>(record: Record<string, T>, name: string, value: T): void {
  // Assigned, this one name would set the prototype.
  if (name === '__proto__') {
    Object.defineProperty(record, name, { value, configurable: true, enumerable: true, writable: true });
  } else record[name] = value;
}

/** A record named __proto__ is none of the record. */
export function entry<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/**
 * A record of these names with these values, one for each in their order. Where they are those of `before`, and it was made of
 * the very same names, that is given: a thousand names need not be written down again each minute. Nobody changes either list.
 */
export function recordLike<T>(
  before: Readonly<Record<string, T>>,
  named: readonly { readonly name: string }[],
  values: readonly T[],
): Readonly<Record<string, T>> {
  const last = madeOf.get(before);
  if (last?.named === named && areSame(last.values, values)) return before;
  const record: Record<string, T> = {};
  for (let i = 0; i < named.length; i += 1) put(record, named[i]?.name ?? '', values[i] as T);
  madeOf.set(record, { named, values });
  return record;
}

/** By record. To list a thousand names of a table takes V8 as long as to sort them. */
const madeOf = new WeakMap<object, { readonly named: readonly unknown[]; readonly values: readonly unknown[] }>();

/** The names in a record that nobody changes any more, listed once. */
export const namesIn: (record: object) => readonly string[] = onceOf(Object.keys);

/** Whatever their values are. */
export function haveSameKeys(a: object, b: object): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key));
}
