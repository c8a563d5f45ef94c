/**
 * The inventory's text, format 1.x: `{ format_version, kind, sessions: { AGENT: RememberedSession }, owned: { KIND/NAME:
 * OwnedRecord }, interrupted }`. Format 1.0 had sessions alone. Pure.
 */
import type { InterruptedApply, OwnedRecord, PlanMemory, RememberedSession } from '../diff/policy.ts';
import { parseKind } from '../spec/address.ts';
import { err, ok, type Result } from '../spec/result.ts';

const VERSION = '1.1';
const KIND = 'fleet.inventory';

export function renderInventory(memory: PlanMemory): string {
  const { interrupted } = memory;
  const body = { sessions: sorted(memory.sessions), owned: sorted(memory.owned), interrupted };
  return `${JSON.stringify({ format_version: VERSION, kind: KIND, ...body }, null, 2)}\n`;
}

function sorted<T>(records: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(records).sort(([a], [b]) => (a < b ? -1 : 1)));
}

interface Unreadable {
  readonly detail: string;
  /** Null: nothing better than to move the file away. */
  readonly remedy: string | null;
}

export function parseInventory(text: string): Result<PlanMemory, Unreadable> {
  const root = parseJson(text);
  if (!isRecord(root) || root['kind'] !== KIND || typeof root['format_version'] !== 'string') {
    return err({ detail: 'it is not a fleet inventory (torn, or written by something else)', remedy: null });
  }
  const version = root['format_version'];
  if (!version.startsWith('1.')) {
    const detail = `its format is ${version}, this fleet reads 1.x`;
    return err({ detail, remedy: 'use the fleet that wrote it, or a newer one' });
  }
  const sessions = records(root['sessions'], parseSession);
  if (!sessions.ok) return err({ detail: `its sessions: ${sessions.error}`, remedy: null });
  const owned = records(root['owned'] ?? {}, parseOwned);
  if (!owned.ok) return err({ detail: `its owned: ${owned.error}`, remedy: null });
  const interrupted = parseInterrupted(root['interrupted'] ?? null);
  if (interrupted === undefined) return err({ detail: 'its record of an interrupted apply is broken', remedy: null });
  return ok({ sessions: sessions.value, owned: owned.value, interrupted });
}

function records<T>(
  value: unknown,
  parse: (name: string, value: unknown) => T | null,
): Result<Readonly<Record<string, T>>, string> {
  if (!isRecord(value)) return err('missing');
  const found: Record<string, T> = {};
  for (const [name, item] of Object.entries(value)) {
    const parsed = parse(name, item);
    if (parsed === null) return err(`the record of ${JSON.stringify(name)} is broken`);
    // Defined, not assigned: a record named __proto__ stays a record.
    Object.defineProperty(found, name, { value: parsed, enumerable: true, configurable: true, writable: true });
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

function isTextOrNull(value: unknown): value is string | null {
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
