/**
 * A faulty roster without its faults, so that the cross-checks can be made on the rest and every problem is told at
 * once. What cannot be mended by leaving things out gives null: the cross-checks then wait.
 */
import { checkShape, type RosterFile, type SchemaIssue } from './schema.ts';

/** Stand-ins keep the places of the items after them; no check complains of them where the fault itself is told. */
const NAMELESS_AGENT = { name: '' };
const AIMLESS_RULE = { target: 'linger/-', reason: '-' };
const ROUNDS = 3;

export function withoutFaults(data: unknown, issues: readonly SchemaIssue[]): RosterFile | null {
  if (!isObject(data)) return null;
  const rest = structuredClone(data);
  let faults = issues;
  for (let round = 0; round < ROUNDS; round++) {
    for (const path of faults.flatMap(faultPaths)) leaveOut(rest, path);
    const shape = checkShape(rest);
    if (shape.ok) return shape.value;
    faults = shape.error;
  }
  return null;
}

const faultPaths = (issue: SchemaIssue): readonly PropertyKey[][] =>
  issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [[...issue.path]];

function leaveOut(roster: Record<PropertyKey, unknown>, path: readonly PropertyKey[]): void {
  const [section, item, field, key] = path;
  if (section === undefined) return;
  if (section === 'version') roster['version'] = 1;
  else if (section === 'agents' && item === undefined) roster['agents'] = [];
  else if (section === 'agents' || section === 'ignore') leaveOutOfItem(roster[section], path);
  else if (item === undefined) delete roster[section];
  else if (section === 'defaults') leaveOutOfFields(roster[section], item, field);
  else if (field === undefined || key === undefined) leaveOutOfFields(roster[section], item, field);
  else leaveOutOfFields(child(roster[section], item), field, undefined);
}

function leaveOutOfItem(items: unknown, [section, index, field, key]: readonly PropertyKey[]): void {
  if (!Array.isArray(items) || typeof index !== 'number') return;
  const item: unknown = items[index];
  if (section === 'ignore') items[index] = AIMLESS_RULE;
  else if (field === undefined || !isObject(item)) items[index] = NAMELESS_AGENT;
  else if (field === 'name') item['name'] = '';
  else leaveOutOfFields(item, field, key);
}

function leaveOutOfFields(fields: unknown, field: PropertyKey, key: PropertyKey | undefined): void {
  if (!isObject(fields)) return;
  const inner = fields[field];
  if (key !== undefined && isObject(inner) && Object.hasOwn(inner, key)) delete inner[key];
  else delete fields[field];
}

const child = (value: unknown, key: PropertyKey): unknown => (isObject(value) ? value[key] : undefined);

const isObject = (value: unknown): value is Record<PropertyKey, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
