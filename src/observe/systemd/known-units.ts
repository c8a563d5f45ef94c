/** What the last look was told of units, and what was made of it: where the next is told the same, nothing is made again. */
import { type Kept, kept } from '../../spec/kept.ts';
import type { UnitObserved } from '../state.ts';
import type { Question } from './bus.ts';
import { WireReader } from './marshal.ts';
import type { UnitDetails, UnitListing } from './user-instance.ts';

export interface KnownUnits {
  /** An answer of the very same bytes is what was read of them before. */
  readonly sameBytes: <T>(question: Question<T>) => Question<T>;
  /** Of whole answers, by what they are. */
  readonly listings: Kept<string, ReadonlyMap<string, UnitListing>>;
  readonly names: Kept<string, readonly string[]>;
  readonly kinds: Kept<string, Kinds>;
  /** Of all units, made of these very inputs; while it is, what it was made of `shared`, `details` or `units` stays. */
  readonly table: <T>(of: TableName, inputs: readonly unknown[], make: () => T) => T;
  /** By unit. */
  readonly shared: Kept<string, SharedDetails>;
  readonly details: Kept<string, UnitDetails>;
  readonly units: Kept<string, UnitObserved>;
  readonly sweep: () => void;
}

export type TableName = 'shared' | 'details' | 'units' | 'states';

/** What units of one likeness have in common. */
export type SharedDetails = Omit<UnitDetails, 'result' | 'need_daemon_reload'>;

/** Units that are told of by one of them. */
export interface Kinds {
  /** By unit. */
  readonly kinds: ReadonlyMap<string, string>;
  /** By kind: the unit that is asked for all of it. */
  readonly representatives: ReadonlyMap<string, string>;
}

interface Answer {
  last: { readonly bytes: Buffer; readonly value: unknown } | null;
}

export function knownUnits(): KnownUnits {
  const answers = kept<string, Answer>();
  const tables = kept<TableName, unknown>();
  const made = new Set<TableName>();
  const whole = {
    listings: kept<string, ReadonlyMap<string, UnitListing>>(),
    names: kept<string, readonly string[]>(),
    kinds: kept<string, Kinds>(),
  };
  const parts = {
    shared: kept<string, SharedDetails>(),
    details: kept<string, UnitDetails>(),
    units: kept<string, UnitObserved>(),
  };
  return {
    ...whole,
    ...parts,
    table: <T>(of: TableName, inputs: readonly unknown[], make: () => T): T => {
      const anew = (): T => {
        made.add(of);
        return make();
      };
      return tables.of(of, inputs, anew) as T;
    },
    sameBytes: <T>(question: Question<T>): Question<T> => {
      const { path, interface: of, member } = question.call;
      const place = answers.of(`${path} ${of} ${member}`, [], () => ({ last: null }));
      return { ...question, read: (reader) => readLike(reader, question, place) };
    },
    sweep: () => {
      for (const part of [answers, tables, ...Object.values(whole)]) part.sweep();
      // Of a table that was there already its parts were not asked for, and are wanted all the same.
      for (const of of ['shared', 'details', 'units'] as const) if (made.has(of)) parts[of].sweep();
      made.clear();
    },
  };
}

function readLike<T>(reader: WireReader, question: Question<T>, place: Answer): T {
  const bytes = reader.rest();
  if (place.last?.bytes.equals(bytes) === true) return place.last.value as T;
  // A copy: what came in one piece with it would be kept too.
  const own = Buffer.from(bytes);
  const again = new WireReader(own, 0, own.length);
  const value = question.read(again);
  const isWhole = !again.broken && again.atEnd;
  place.last = isWhole ? { bytes: own, value } : null;
  if (!isWhole) reader.break();
  return value;
}
