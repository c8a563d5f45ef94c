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
import { readStored } from './inventory.ts';
import { JournalFile, type JournalPorts } from './journal-file.ts';
import { isEmpty, type JournalLine, type RecordChanges } from './journal-format.ts';
import { type Failure, failure, type Outcome } from './outcome.ts';

export interface Journal {
  /** What is remembered by now. */
  readonly memory: () => PlanMemory;
  readonly of: (change: Change) => ChangeLog;
  /** Records that no effect brings about. Written only where they change something. */
  readonly note: (records: RecordChanges) => Failure | null;
  /** To be called once, at the end, by who still holds the lease; writes nothing where nothing was written before. */
  readonly finish: () => Failure | null;
  /** Instead of `finish`: what was written is left to the next one that opens it. */
  readonly abandon: () => void;
}

/** One change's part of the journal. A failure means that it was not written. */
export interface ChangeLog {
  /** Before its effect; only the first call writes. */
  readonly begin: (records: RecordChanges) => Failure | null;
  /** After its effect; only the first call is synced. Nothing is written where the effect never began. */
  readonly made: (records: RecordChanges) => Failure | null;
  readonly end: (outcome: Outcome['outcome']) => Failure | null;
}

/** The journal of one fleet on one host, as one process writes it, in several applies at a time if need be. */
export interface JournalStore {
  /**
   * `plan`: null where none is made (a person adopts or lets go of something); `fence`: of the lease, 0 = none. What the
   * last apply left in the journal goes into the inventory first; nothing is written where it left nothing.
   */
  readonly open: (plan: string | null, fence: number) => Result<Journal, Failure>;
}

export function createJournalStore(ports: JournalPorts): JournalStore {
  let file: JournalFile | null = null;
  let users = 0;
  const leave = (): boolean => {
    users -= 1;
    return users === 0;
  };
  return {
    open: (plan, fence) => {
      if (file === null || users === 0) {
        const opened = openFile(ports);
        if (!opened.ok) return opened;
        file = opened.value;
      }
      users += 1;
      const shared = file;
      // Others of this process still write to it: the last one puts it away.
      const finish = () => (leave() ? shared.putAway() : null);
      return ok(journalOf(shared, { plan, fence }, finish, leave));
    },
  };
}

/** One change of the records with no apply around it, as when a person adopts or lets go of something. */
export function changeRecords(
  { fence, ...ports }: JournalPorts & { readonly fence: number },
  change: (memory: PlanMemory) => RecordChanges,
): Result<null, Failure> {
  const journal = createJournalStore(ports).open(null, fence);
  if (!journal.ok) return journal;
  const failed = journal.value.note(change(journal.value.memory())) ?? journal.value.finish();
  return failed === null ? ok(null) : err(failed);
}

function openFile(ports: JournalPorts): Result<JournalFile, Failure> {
  const stored = readStored(ports.path, (path) => ports.files.read(path));
  if (!stored.ok) {
    const { summary, detail, remedy } = stored.error;
    return err(failure('inventory-unusable', summary, detail, remedy));
  }
  if (stored.value.newer) return err(tooNew(ports.path));
  const file = new JournalFile(ports, stored.value);
  const left = stored.value.journal ? file.compact() : null;
  return left === null ? ok(file) : err(left);
}

type By = Pick<JournalLine, 'plan' | 'fence'>;

function journalOf(file: JournalFile, by: By, finish: () => Failure | null, leave: () => void): Journal {
  const NOTE = { phase: 'note', address: null, action: null, reason: null, outcome: null } as const;
  return {
    memory: () => file.memory,
    of: (change) => changeLog(file, by, change),
    note: (records) => (isEmpty(records) ? null : file.append({ ...by, ...NOTE, records }, true)),
    finish,
    abandon: () => leave(),
  };
}

function changeLog(file: JournalFile, by: By, { address, action, reason }: Change): ChangeLog {
  let begun = false;
  let made = false;
  const about = { ...by, address, action, reason };
  return {
    begin: (records) => {
      if (begun) return null;
      const failed = file.append({ ...about, phase: 'begin', outcome: null, records }, true);
      begun = failed === null;
      return failed;
    },
    made: (records) => {
      if (!begun || (made && isEmpty(records))) return null;
      const failed = file.append({ ...about, phase: 'made', outcome: null, records }, !made);
      made = true;
      return failed;
    },
    end: (outcome) => (begun ? file.append({ ...about, phase: 'end', outcome, records: {} }, false) : null),
  };
}

function tooNew(path: string): Failure {
  const detail = `${path} was written by a newer fleet: this one would lose what it does not know`;
  return failure('inventory-newer', 'The inventory is of a newer fleet', detail, 'use the newer fleet');
}
