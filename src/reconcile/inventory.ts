/**
 * What fleet remembers of its own effects on one host, for one fleet name: `inventory.json` and, beside it, the journal
 * of what came after it, in `~/.local/state/fleet/HOST/FLEET/`; directories 0700, files 0600. Reading never makes the
 * directory: plan changes nothing.
 */
import { dirname, join } from 'node:path';
import { EMPTY_MEMORY, type PlanMemory } from '../diff/policy.ts';
import type { Diagnostic } from '../spec/diagnostics.ts';
import type { Kept } from '../spec/kept.ts';
import { err, ok, type Result } from '../spec/result.ts';
import { readWholeFile } from './files/read-file.ts';
import { type Inventory, parseInventory, type Unreadable } from './inventory-format.ts';
import { parseJournal, type ReplayLine, replayLine, whileUnderWay } from './journal-format.ts';
import type { FileRead } from './ports.ts';

/** Hosts compare without regard to case, so their directory has one spelling. */
export function inventoryPath(home: string, host: string, fleet: string): string {
  return join(home, '.local/state/fleet', host.toLowerCase(), fleet, 'inventory.json');
}

export function journalPath(inventory: string): string {
  return join(dirname(inventory), 'journal.jsonl');
}

export interface Stored extends Inventory {
  /** Lines of the journal that the inventory does not hold yet: the apply that wrote them did not end. */
  readonly lines: readonly ReplayLine[];
  /** There is a journal, whatever it holds. */
  readonly journal: boolean;
}

type Read = (path: string) => FileRead;

/** What was read of the very same texts before. */
export type KnownInventories = Kept<string, Result<Stored, Diagnostic>>;

/** No file is an empty memory. A file that cannot be understood is an error: to forget is a decision of people. */
export function readInventory(
  path: string,
  read: Read = readWholeFile,
  known?: KnownInventories,
): Result<PlanMemory, Diagnostic> {
  const stored = readStored(path, read, known);
  return stored.ok ? ok(stored.value.memory) : stored;
}

/** The journal first: an apply may end meanwhile, and what was its journal is then in the inventory. */
export function readStored(
  path: string,
  read: Read = readWholeFile,
  known?: KnownInventories,
): Result<Stored, Diagnostic> {
  const journal = contentOf(journalPath(path), read);
  if (!journal.ok) return journal;
  const text = contentOf(path, read);
  if (!text.ok) return text;
  const parse = (): Result<Stored, Diagnostic> => parseStored(path, journal.value, text.value);
  return known?.of(path, [journal.value, text.value], parse) ?? parse();
}

function parseStored(path: string, journal: string | null, text: string | null): Result<Stored, Diagnostic> {
  const parsed = parseJournal(journal ?? '');
  if (!parsed.ok) return err(broken(path, journalPath(path), parsed.error));
  const inventory = text === null ? ok(NOTHING) : parseInventory(text);
  if (!inventory.ok) return err(broken(path, path, inventory.error));
  const { seq } = inventory.value;
  const lines = parsed.value.filter((line) => line.seq > seq);
  const [first] = lines;
  if (first !== undefined && first === parsed.value[0] && first.seq !== seq + 1) {
    const detail = `it ends with number ${seq}, its journal begins with ${first.seq}: what came between is lost`;
    return err(broken(path, path, { detail, remedy: null }));
  }
  const before = inventory.value.memory;
  const memory = lines.reduce(replayLine, first === undefined ? before : whileUnderWay(before, first));
  return ok({ ...inventory.value, seq: lines.at(-1)?.seq ?? seq, memory, lines, journal: journal !== null });
}

const NOTHING: Inventory = { seq: 0, memory: EMPTY_MEMORY, newer: false };

/** Null where there is no such file. */
function contentOf(path: string, read: Read): Result<string | null, Diagnostic> {
  const file = read(path);
  switch (file.state) {
    case 'absent':
      return ok(null);
    case 'failed': {
      const { summary, detail, remedy } = file.failure;
      return err(unusable(path, `${summary}: ${detail}`, remedy ?? `look at it: ls -l ${path}`));
    }
    case 'present':
      return ok(file.content);
  }
}

/** Both are moved: one without the other would not fit. */
function broken(inventory: string, path: string, { detail, remedy }: Unreadable): Diagnostic {
  const away = [inventory, journalPath(inventory)].map((file) => `mv ${file} ${file}.bad`).join('; ');
  return unusable(path, detail, remedy ?? `look at it; to forget what fleet knows of its own: ${away}`);
}

function unusable(path: string, detail: string, remedy: string): Diagnostic {
  return {
    code: 'inventory-unusable',
    summary: 'The inventory cannot be used',
    detail: `${path}: ${detail}`,
    remedy,
    position: null,
  };
}
