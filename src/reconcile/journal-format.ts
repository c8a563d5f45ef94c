/**
 * The journal's text: a head line `{ kind, format_version }`, then a line for each thing that an apply was about to do
 * (`begin`), has done (`made`), came to an end with (`end`) or found out (`note`). Each carries the records of the
 * inventory that it changes, whole, so that replaying a line twice does no harm. Pure.
 */
import type { Action } from '../diff/plan.ts';
import type { OwnedRecord, PlanMemory, RememberedSession } from '../diff/policy.ts';
import type { Reason } from '../diff/reasons.ts';
import { err, ok, type Result } from '../spec/result.ts';
import {
  isCount,
  isRecord,
  isTextOrNull,
  minorVersion,
  parseJson,
  parseOwned,
  parseSession,
  records,
  type Unreadable,
} from './inventory-format.ts';
import type { Outcome } from './outcome.ts';

const KIND = 'fleet.journal';
export const JOURNAL_HEAD = `${JSON.stringify({ kind: KIND, format_version: '1.0' })}\n`;

/** Null takes a record away; what is not named stays. */
export interface RecordChanges {
  readonly sessions?: Readonly<Record<string, RememberedSession | null>>;
  readonly owned?: Readonly<Record<string, OwnedRecord | null>>;
}

export type Phase = 'begin' | 'made' | 'end' | 'note';

export interface JournalLine {
  /** One more than the line before it. */
  readonly seq: number;
  /** RFC 3339. */
  readonly at: string;
  /** Null where no plan was made: a person adopted or let go of something. */
  readonly plan: string | null;
  /** Of the lease under which it was written; 0 = none. */
  readonly fence: number;
  readonly phase: Phase;
  /** Null for a note. */
  readonly address: string | null;
  readonly action: Action | null;
  readonly reason: Reason | null;
  readonly outcome: Outcome['outcome'] | null;
  readonly records: RecordChanges;
}

export function renderLine(line: JournalLine): string {
  const { address, action, reason, outcome, records: changed, ...rest } = line;
  const about = address === null ? {} : { address, action, reason };
  const told = outcome === null ? {} : { outcome };
  const written = isEmpty(changed) ? {} : { records: changed };
  return `${JSON.stringify({ ...rest, ...about, ...told, ...written })}\n`;
}

export function isEmpty({ sessions = {}, owned = {} }: RecordChanges): boolean {
  return Object.keys(sessions).length === 0 && Object.keys(owned).length === 0;
}

/** What a replay needs of a line. */
export type ReplayLine = Pick<JournalLine, 'seq' | 'at' | 'plan' | 'fence' | 'phase' | 'address' | 'records'>;

/**
 * The lines of a journal. The text behind the last line end is a crash in the middle of an append, and ignored; a line
 * that cannot be read elsewhere, or that is missing, is an error: it may have said what is ours.
 */
export function parseJournal(text: string): Result<readonly ReplayLine[], Unreadable> {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole === '') return ok([]);
  const [head, ...rest] = whole.slice(0, -1).split('\n');
  const readable = parseHead(head ?? '');
  if (!readable.ok) return readable;
  const lines: ReplayLine[] = [];
  for (const [index, row] of rest.entries()) {
    const line = parseLine(row);
    if (line === null) return err({ detail: `line ${index + 2} is broken`, remedy: null });
    const before = lines.at(-1);
    // Another holder of the lease may have counted on from an older state: its records are whole, and stand.
    if (before !== undefined && before.fence === line.fence && line.seq !== before.seq + 1) {
      return err({ detail: `line ${index + 2} has number ${line.seq} after ${before.seq}`, remedy: null });
    }
    lines.push(line);
  }
  return ok(lines);
}

function parseHead(text: string): Result<null, Unreadable> {
  const head = parseJson(text);
  if (!isRecord(head) || head['kind'] !== KIND || typeof head['format_version'] !== 'string') {
    return err({ detail: 'it is not a fleet journal (torn, or written by something else)', remedy: null });
  }
  const minor = minorVersion(head['format_version']);
  return minor.ok ? ok(null) : minor;
}

const PHASES: readonly Phase[] = ['begin', 'made', 'end', 'note'];

function parseLine(text: string): ReplayLine | null {
  const value = parseJson(text);
  if (!isRecord(value)) return null;
  const { seq, at, plan, fence } = value;
  const phase = PHASES.find((p) => p === value['phase']);
  const address = value['address'] ?? null;
  if (!isCount(seq) || !isCount(fence) || typeof at !== 'string' || !isTextOrNull(plan)) return null;
  if (phase === undefined || !isTextOrNull(address) || (address === null) !== (phase === 'note')) return null;
  const changed = parseChanges(value['records'] ?? {});
  return changed === null ? null : { seq, at, plan, fence, phase, address, records: changed };
}

function parseChanges(value: unknown): RecordChanges | null {
  if (!isRecord(value)) return null;
  const sessions = changes(value['sessions'] ?? {}, parseSession);
  const owned = changes(value['owned'] ?? {}, parseOwned);
  return sessions === null || owned === null ? null : { sessions, owned };
}

function changes<T>(
  value: unknown,
  parse: (name: string, value: unknown) => T | null,
): Readonly<Record<string, T | null>> | null {
  const found = records(value, (name, item) => {
    if (item === null) return { kept: null };
    const kept = parse(name, item);
    return kept === null ? null : { kept };
  });
  if (!found.ok) return null;
  return Object.fromEntries(Object.entries(found.value).map(([name, { kept }]) => [name, kept]));
}

/** The memory after a line. */
export function replayLine(memory: PlanMemory, line: ReplayLine): PlanMemory {
  return {
    sessions: merge(memory.sessions, line.records.sessions ?? {}),
    owned: merge(memory.owned, line.records.owned ?? {}),
    interrupted: interruptedAfter(memory.interrupted, line),
  };
}

function merge<T>(
  before: Readonly<Record<string, T>>,
  changed: Readonly<Record<string, T | null>>,
): Readonly<Record<string, T>> {
  const all = new Map(Object.entries(before));
  for (const [name, record] of Object.entries(changed)) {
    if (record === null) all.delete(name);
    else all.set(name, record);
  }
  return Object.fromEntries(all);
}

/** What applies that died right behind this line were doing. */
function interruptedAfter(before: PlanMemory['interrupted'], line: ReplayLine): PlanMemory['interrupted'] {
  const { phase, plan, at, address } = line;
  if (plan === null || address === null) return before;
  const others = (before?.doing ?? []).filter((other) => other !== address);
  return { plan, at, doing: phase === 'end' ? others : [...others, address] };
}

/** The first line of another apply than the one that died: what that was doing has been looked at since. */
export function whileUnderWay(memory: PlanMemory, first: ReplayLine): PlanMemory {
  const same = memory.interrupted === null || memory.interrupted.plan === first.plan || first.phase === 'note';
  return same ? memory : { ...memory, interrupted: null };
}
