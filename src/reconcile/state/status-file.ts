/**
 * The status document on disk. Written often and of use for a minute: replaced in one step, but not synced, so that a slow
 * disk does not slow the controller.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { err, ok, type Result } from '../../spec/result.ts';
import type { Moment } from '../control/clock.ts';
import type { Condition } from '../control/conditions.ts';
import { NOTHING_TOLD, type Told } from '../control/state.ts';
import type { StatusDocument } from '../control/status.ts';
import { errnoOf, fileFailure } from '../files/failures.ts';
import type { Failure } from '../outcome.ts';
import type { FileRead } from '../ports.ts';
import { type Fields, isFields, isListOf, isNumber, isRecordOf, isText, readDocument } from './document.ts';

/** `text` is the document's JSON, in one line with its end. */
export function writeStatus(path: string, text: Uint8Array): Result<null, Failure> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
    return ok(null);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return err(fileFailure(path, errno, 'writing'));
  }
}

/** Null: no controller has run here yet. */
export function readStatus(path: string, read: (path: string) => FileRead): Result<StatusDocument | null, Failure> {
  return readDocument(path, 'fleet.status', read, (fields) => (isStatus(fields) ? fields : null));
}

/**
 * What it says of how things stood, as far as it can be understood: only the times are of use to the next controller. Nothing
 * where nobody has looked for so long that the former one counts as dead, or where that was in another boot: whatever stands
 * now may have come up since.
 */
export function toldIn(path: string, read: (path: string) => FileRead, now: Moment): Result<Told, Failure> {
  const document = readStatus(path, read);
  if (!document.ok) return document;
  if (document.value === null) return ok(NOTHING_TOLD);
  const { agents, conditions, controller } = document.value;
  const away = now.monotonic - controller.beat_monotonic;
  const sameBoot = now.boot_id !== null && controller.boot_id === now.boot_id;
  if (!sameBoot || away < 0 || away > controller.beat_within) return ok(NOTHING_TOLD);
  const byAgent = Object.entries(agents).map(([name, agent]) => [name, agent.conditions.filter(isCondition)] as const);
  return ok({ agents: Object.fromEntries(byAgent), fleet: conditions.filter(isCondition) });
}

const isCondition = (condition: Condition): boolean =>
  Object.values(condition).every(isText) && !Number.isNaN(Date.parse(condition.last_transition));

function isStatus(fields: unknown): fields is StatusDocument {
  if (!isFields(fields)) return false;
  const { controller, conditions, agents, roster } = fields;
  return (
    ['fleet', 'host', 'tenant'].every((name) => isText(fields[name])) &&
    isFields(controller) &&
    isText(controller['beat_at']) &&
    isNumber(controller['beat_monotonic']) &&
    isNumber(controller['beat_within']) &&
    isFields(roster) &&
    isListOf(conditions, isFields) &&
    isRecordOf(agents, isAgent)
  );
}

const isAgent = (value: unknown): value is Fields =>
  isFields(value) && isListOf(value['conditions'], isFields) && isListOf(value['waiting'], isFields);
