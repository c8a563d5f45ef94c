/** The inventory's text, format 1.x: `{ format_version, kind, sessions: { AGENT: RememberedSession } }`. Pure. */
import type { PlanMemory, RememberedSession } from '../diff/policy.ts';
import { err, ok, type Result } from '../spec/result.ts';

const VERSION = '1.0';
const KIND = 'fleet.inventory';

export function renderInventory(memory: PlanMemory): string {
  const names = Object.keys(memory.sessions).sort();
  const sessions = Object.fromEntries(names.map((name) => [name, memory.sessions[name]]));
  return `${JSON.stringify({ format_version: VERSION, kind: KIND, sessions }, null, 2)}\n`;
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
  if (!isRecord(root['sessions'])) return err({ detail: 'its sessions are missing', remedy: null });
  const sessions: Record<string, RememberedSession> = {};
  for (const [name, value] of Object.entries(root['sessions'])) {
    const session = parseSession(name, value);
    if (session === null)
      return err({ detail: `its record of session ${JSON.stringify(name)} is broken`, remedy: null });
    // Defined, not assigned: a record named __proto__ stays a record.
    Object.defineProperty(sessions, name, { value: session, enumerable: true, configurable: true, writable: true });
  }
  return ok({ sessions });
}

function parseSession(agent: string, value: unknown): RememberedSession | null {
  if (!isRecord(value) || !isRecord(value['server'])) return null;
  const { socket, id, created, spec, boot_id, done } = value;
  const { pid, start } = value['server'];
  if (value['agent'] !== agent || typeof socket !== 'string' || typeof id !== 'string') return null;
  if (typeof created !== 'number' || typeof spec !== 'string' || typeof done !== 'boolean') return null;
  if (typeof pid !== 'number' || typeof start !== 'number') return null;
  if (boot_id !== null && typeof boot_id !== 'string') return null;
  return { agent, socket, server: { pid, start }, id, created, spec, boot_id, done };
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
