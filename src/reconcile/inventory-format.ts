/**
 * The inventory's text, format 1.x: `{ format_version, kind, seq, sessions: { AGENT: RememberedSession }, owned: {
 * KIND/NAME: OwnedRecord }, interrupted }`, a record a line. Format 1.0 had sessions alone. Pure.
 */
import type { InterruptedApply, OwnedRecord, PlanMemory, RememberedSession } from '../diff/policy.ts';
import { parseKind } from '../spec/address.ts';
import { put } from '../spec/record.ts';
import { err, ok, type Result } from '../spec/result.ts';

const MINOR = 1;
const KIND = 'fleet.inventory';

export interface Inventory {
  /** Of the last line of the journal that is in it; 0 where there was none. */
  readonly seq: number;
  readonly memory: PlanMemory;
  /** Written by a later minor version: it may hold what this one does not know and would lose by writing it. */
  readonly newer: boolean;
}

export function renderInventory(seq: number, { sessions, owned, interrupted }: PlanMemory): string {
  const head = { format_version: `1.${MINOR}`, kind: KIND, seq };
  const fields = Object.entries(head).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  fields.push(`"sessions": ${renderRecords(sessions)}`, `"owned": ${renderRecords(owned)}`);
  fields.push(`"interrupted": ${JSON.stringify(interrupted)}`);
  return `{\n  ${fields.join(',\n  ')}\n}\n`;
}

function renderRecords(records: Readonly<Record<string, unknown>>): string {
  const sorted = Object.entries(records).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = sorted.map(([name, record]) => `\n    ${JSON.stringify(name)}: ${JSON.stringify(record)}`);
  return lines.length === 0 ? '{}' : `{${lines.join(',')}\n  }`;
}

export interface Unreadable {
  readonly detail: string;
  /** Null: nothing better than to move the file away. */
  readonly remedy: string | null;
}

/** The last one that was read: an apply reads it twice, the controller with each look, and it rarely changes. */
let last: { readonly text: string; readonly parsed: Result<Inventory, Unreadable> } | null = null;

export function parseInventory(text: string): Result<Inventory, Unreadable> {
  if (last?.text !== text) last = { text, parsed: parseText(text) };
  return last.parsed;
}

function parseText(text: string): Result<Inventory, Unreadable> {
  const root = parseJson(text);
  if (!isRecord(root) || root['kind'] !== KIND || typeof root['format_version'] !== 'string') {
    return err({ detail: 'it is not a fleet inventory (torn, or written by something else)', remedy: null });
  }
  const minor = minorVersion(root['format_version']);
  if (!minor.ok) return minor;
  const seq = root['seq'] ?? 0;
  if (!isCount(seq)) return err({ detail: 'its seq is no count', remedy: null });
  const sessions = records(root['sessions'], parseSession);
  if (!sessions.ok) return err({ detail: `its sessions: ${sessions.error}`, remedy: null });
  const owned = records(root['owned'] ?? {}, parseOwned);
  if (!owned.ok) return err({ detail: `its owned: ${owned.error}`, remedy: null });
  const interrupted = parseInterrupted(root['interrupted'] ?? null);
  if (interrupted === undefined) return err({ detail: 'its record of an interrupted apply is broken', remedy: null });
  const memory = { sessions: sessions.value, owned: owned.value, interrupted };
  return ok({ seq, memory, newer: minor.value > MINOR });
}

/** Minor versions only add, so that a reader of 1.0 reads any 1.x; another major is refused. */
export function minorVersion(version: string): Result<number, Unreadable> {
  const minor = /^1\.(\d{1,6})$/.exec(version)?.[1];
  if (minor !== undefined) return ok(Number(minor));
  const detail = `its format is ${JSON.stringify(version)}, this fleet reads 1.x`;
  return err({ detail, remedy: 'use the fleet that wrote it, or a newer one' });
}

export function records<T>(
  value: unknown,
  parse: (name: string, value: unknown) => T | null,
): Result<Readonly<Record<string, T>>, string> {
  if (!isRecord(value)) return err('missing');
  const found: Record<string, T> = {};
  for (const name of Object.keys(value)) {
    const parsed = parse(name, value[name]);
    if (parsed === null) return err(`the record of ${JSON.stringify(name)} is broken`);
    put(found, name, parsed);
  }
  return ok(found);
}

export function parseOwned(key: string, value: unknown): OwnedRecord | null {
  if (!isRecord(value)) return null;
  const { name, agent, how, state, protect, since, plan, content } = value;
  const kind = parseKind(value['kind']);
  if (kind === null || typeof name !== 'string' || key !== `${kind}/${name}`) return null;
  if (how !== 'made' && how !== 'adopted' && how !== 'forgotten') return null;
  if (state !== 'intended' && state !== 'made') return null;
  if (typeof protect !== 'boolean' || typeof since !== 'string') return null;
  if (!isTextOrNull(agent) || !isTextOrNull(plan) || !isTextOrNull(content)) return null;
  return { kind, name, agent, how, state, protect, since, plan, content };
}

/** Undefined where it is broken. */
function parseInterrupted(value: unknown): InterruptedApply | null | undefined {
  if (value === null) return null;
  if (!isRecord(value)) return undefined;
  const { plan, at, doing } = value;
  if (typeof plan !== 'string' || typeof at !== 'string' || !Array.isArray(doing)) return undefined;
  return doing.every((d): d is string => typeof d === 'string') ? { plan, at, doing } : undefined;
}

export function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

export function parseSession(agent: string, value: unknown): RememberedSession | null {
  if (!isRecord(value) || !isRecord(value['server'])) return null;
  const { socket, id, created, spec, boot_id, done } = value;
  const { pid, start } = value['server'];
  if (value['agent'] !== agent || typeof socket !== 'string' || typeof id !== 'string') return null;
  if (typeof created !== 'number' || !isTextOrNull(spec) || typeof done !== 'boolean') return null;
  if (typeof pid !== 'number' || typeof start !== 'number') return null;
  if (boot_id !== null && typeof boot_id !== 'string') return null;
  const plan = value['plan'] ?? null;
  if (!isTextOrNull(plan)) return null;
  return { agent, socket, server: { pid, start }, id, created, spec, boot_id, done, plan };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
