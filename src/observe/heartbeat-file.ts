/** The text of a heartbeat file, version 1. Source: docs/contract.md, section 7. */
import type { HeartbeatFile } from './state.ts';

type Beat = Extract<HeartbeatFile, { state: 'present' }>;

/**
 * Null where it is torn or no heartbeat: no time, or one that is none. 0 is not a time; nor is anything before the year
 * 2001 or after 5138, as half a number or milliseconds would give.
 */
export function parseHeartbeat(text: string): Beat | null {
  const fields = text.trimStart().startsWith('{') ? parseJson(text) : parseLines(text);
  if (fields === null) return null;
  const ts_ms = parseTime(fields.get('ts'));
  if (ts_ms === null) return null;
  const status = fields.get('status');
  return {
    state: 'present',
    ts_ms,
    pid: positive(fields.get('pid')),
    status: status === 'ok' || status === 'busy' ? status : null,
    model: textOrNull(fields.get('model')),
    seq: wholeNumber(fields.get('seq')),
    note: textOrNull(fields.get('note')),
  };
}

type Fields = ReadonlyMap<string, string>;

/** Null where a line is no `key=value`, or a key stands twice: then something was written over something else. */
function parseLines(text: string): Fields | null {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const equals = trimmed.indexOf('=');
    const key = trimmed.slice(0, Math.max(equals, 0)).trim();
    if (key === '' || fields.has(key)) return null;
    fields.set(key, trimmed.slice(equals + 1).trim());
  }
  return fields;
}

function parseJson(text: string): Fields | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const fields = Object.entries(value).flatMap(([key, v]: [string, unknown]): [string, string][] =>
    typeof v === 'string' || typeof v === 'number' ? [[key, String(v)]] : [],
  );
  return new Map(fields);
}

const EARLIEST_MS = 1e12;
const LATEST_MS = 1e14;
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function parseTime(text: string | undefined): number | null {
  if (text === undefined) return null;
  let ms = Number.NaN;
  if (/^\d+(\.\d+)?$/.test(text)) ms = Math.round(Number(text) * 1000);
  else if (RFC_3339.test(text)) ms = Date.parse(text.toUpperCase().replace(' ', 'T'));
  return ms >= EARLIEST_MS && ms < LATEST_MS ? ms : null;
}

function positive(text: string | undefined): number | null {
  const value = wholeNumber(text);
  return value !== null && value > 0 ? value : null;
}

function wholeNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function textOrNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
