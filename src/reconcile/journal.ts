/**
 * The write-ahead log of the inventory. What is about to be made is on the disk before it is made, and what came of it
 * right after, each in one synced write; `inventory.json` itself is written only when an apply ends, or where the last
 * one did not.
 *
 * ```
 * open --begin, made, end, ... --> finish (into inventory.json, the journal is removed)
 *   \--killed anywhere--> the next open: into inventory.json, with what was under way
 * ```
 */
import type { Change } from '../diff/plan.ts';
import type { PlanMemory } from '../diff/policy.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { journalPath, readStored, type Stored } from './inventory.ts';
import { renderInventory } from './inventory-format.ts';
import {
  isEmpty,
  JOURNAL_HEAD,
  type JournalLine,
  type Phase,
  type RecordChanges,
  renderLine,
  replayLine,
} from './journal-format.ts';
import { type Failure, failure, type Outcome } from './outcome.ts';
import type { FileWriter } from './ports.ts';

/** A journal that has grown to this is put into the inventory while it is written. Characters. */
const COMPACT_ABOVE = 1024 * 1024;

export interface JournalInput {
  readonly files: FileWriter;
  /** Of inventory.json; absolute. */
  readonly path: string;
  /** Null where no plan is made: a person adopts or lets go of something. */
  readonly plan: string | null;
  /** Of the lease; 0 = none. */
  readonly fence: number;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export interface Journal {
  /** What is remembered by now. */
  readonly memory: () => PlanMemory;
  readonly of: (change: Change) => ChangeLog;
  /** Records that no effect brings about. Written only where they change something. */
  readonly note: (records: RecordChanges) => Failure | null;
  /** To be called once, at the end, by who still holds the lease; writes nothing where nothing was written before. */
  readonly finish: () => Failure | null;
}

/** One change's part of the journal. A failure means that it was not written. */
export interface ChangeLog {
  /** Before its effect; only the first call writes. */
  readonly begin: (records: RecordChanges) => Failure | null;
  /** After its effect; only the first call is synced. Nothing is written where the effect never began. */
  readonly made: (records: RecordChanges) => Failure | null;
  readonly end: (outcome: Outcome['outcome']) => Failure | null;
}

/** Puts what the last apply left in its journal into the inventory first. Nothing is written where it left nothing. */
export function openJournal(input: JournalInput): Result<Journal, Failure> {
  const stored = readStored(input.path, (path) => input.files.read(path));
  if (!stored.ok) {
    const { summary, detail, remedy } = stored.error;
    return err(failure('inventory-unusable', summary, detail, remedy));
  }
  if (stored.value.newer) return err(tooNew(input.path));
  const log = new OpenJournal(input, stored.value);
  const left = stored.value.journal ? log.compact() : null;
  return left === null ? ok(log) : err(left);
}

/** One change of the records with no apply around it, as when a person adopts or lets go of something. */
export function changeRecords(
  input: Omit<JournalInput, 'plan'>,
  change: (memory: PlanMemory) => RecordChanges,
): Result<null, Failure> {
  const journal = openJournal({ ...input, plan: null });
  if (!journal.ok) return journal;
  const failed = journal.value.note(change(journal.value.memory())) ?? journal.value.finish();
  return failed === null ? ok(null) : err(failed);
}

class OpenJournal implements Journal {
  #memory: PlanMemory;
  #seq: number;
  /** Characters in the journal file; 0 where there is none. */
  #size = 0;
  readonly #input: JournalInput;

  constructor(input: JournalInput, stored: Stored) {
    this.#input = input;
    this.#memory = stored.memory;
    this.#seq = stored.seq;
  }

  readonly memory = (): PlanMemory => this.#memory;

  readonly of = (change: Change): ChangeLog => {
    let begun = false;
    let made = false;
    const { address, action, reason } = change;
    const line = (phase: Phase, records: RecordChanges, outcome: Outcome['outcome'] | null = null) =>
      this.#append(
        { phase, address, action, reason, outcome, records },
        phase === 'begin' || (phase === 'made' && !made),
      );
    return {
      begin: (records) => {
        if (begun) return null;
        const failed = line('begin', records);
        begun = failed === null;
        return failed;
      },
      made: (records) => {
        if (!begun || (made && isEmpty(records))) return null;
        const failed = line('made', records);
        made = true;
        return failed;
      },
      end: (outcome) => (begun ? line('end', {}, outcome) : null),
    };
  };

  readonly note = (records: RecordChanges): Failure | null => {
    if (isEmpty(records)) return null;
    return this.#append({ phase: 'note', address: null, action: null, reason: null, outcome: null, records }, true);
  };

  readonly finish = (): Failure | null => {
    if (this.#size === 0 && this.#memory.interrupted === null) return null;
    this.#memory = { ...this.#memory, interrupted: null };
    return this.compact();
  };

  #append(what: Omit<JournalLine, 'seq' | 'at' | 'plan' | 'fence'>, sync: boolean): Failure | null {
    const { files, path, plan, fence, now } = this.#input;
    const line: JournalLine = { seq: this.#seq + 1, at: new Date(now()).toISOString(), plan, fence, ...what };
    const text = `${this.#size === 0 ? JOURNAL_HEAD : ''}${renderLine(line)}`;
    const written = files.append(journalPath(path), text, sync);
    if (!written.ok) return written.error;
    this.#seq += 1;
    this.#size += text.length;
    this.#memory = replayLine(this.#memory, line);
    // What came of it is told when apply ends: the line itself is written.
    if (this.#size > COMPACT_ABOVE) this.compact();
    return null;
  }

  /** The inventory first: until the journal is gone its lines are known by their numbers to be in it already. */
  compact(): Failure | null {
    const { files, path } = this.#input;
    const written = files.write(path, renderInventory(this.#seq, this.#memory), { always: 0o600 });
    if (!written.ok) return written.error;
    const removed = files.remove(journalPath(path));
    if (!removed.ok) return removed.error;
    this.#size = 0;
    return null;
  }
}

function tooNew(path: string): Failure {
  const detail = `${path} was written by a newer fleet: this one would lose what it does not know`;
  return failure('inventory-newer', 'The inventory is of a newer fleet', detail, 'use the newer fleet');
}
