/** The journal's file and the inventory beside it, as they are written by one process that holds the lease. */
import type { PlanMemory } from '../diff/policy.ts';
import { journalPath, type Stored } from './inventory.ts';
import { renderInventory } from './inventory-format.ts';
import { JOURNAL_HEAD, type JournalLine, renderLine, replayLine, whileUnderWay } from './journal-format.ts';
import type { Failure } from './outcome.ts';
import type { FileWriter } from './ports.ts';

/** A journal that has grown to this is put into the inventory while it is written. Characters. */
const COMPACT_ABOVE = 1024 * 1024;

export interface JournalPorts {
  readonly files: FileWriter;
  /** Of inventory.json; absolute. */
  readonly path: string;
  /** Unix milliseconds. */
  readonly now: () => number;
}

export class JournalFile {
  #memory: PlanMemory;
  #seq: number;
  /** Characters in the file; 0 where there is none. */
  #size = 0;
  #written = false;
  readonly #ports: JournalPorts;

  constructor(ports: JournalPorts, stored: Stored) {
    this.#ports = ports;
    this.#memory = stored.memory;
    this.#seq = stored.seq;
  }

  get memory(): PlanMemory {
    return this.#memory;
  }

  append(what: Omit<JournalLine, 'seq' | 'at'>, sync: boolean): Failure | null {
    const { files, path, now } = this.#ports;
    const line: JournalLine = { seq: this.#seq + 1, at: new Date(now()).toISOString(), ...what };
    const text = `${this.#size === 0 ? JOURNAL_HEAD : ''}${renderLine(line)}`;
    const written = files.append(journalPath(path), text, sync);
    if (!written.ok) return written.error;
    this.#seq += 1;
    this.#size += text.length;
    this.#memory = replayLine(this.#written ? this.#memory : whileUnderWay(this.#memory, line), line);
    this.#written = true;
    // What came of it is told when apply ends: the line itself is written.
    if (this.#size > COMPACT_ABOVE) this.compact();
    return null;
  }

  /** All that was begun has ended. */
  putAway(): Failure | null {
    if (!this.#written && this.#memory.interrupted === null) return null;
    this.#memory = { ...this.#memory, interrupted: null };
    return this.compact();
  }

  /** The inventory first: until the journal is gone its lines are known by their numbers to be in it already. */
  compact(): Failure | null {
    const { files, path } = this.#ports;
    const written = files.write(path, renderInventory(this.#seq, this.#memory), { always: 0o600 });
    if (!written.ok) return written.error;
    const removed = files.remove(journalPath(path));
    if (!removed.ok) return removed.error;
    this.#size = 0;
    return null;
  }
}
