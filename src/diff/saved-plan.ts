/**
 * A saved plan: the plan's document (docs/contract.md, section 5) and what apply must know of it later: until when it is
 * good, by which policy it was made, where the roster lies, and what fleet remembered of all that it touches. Pure.
 */
import { err, ok, type Result } from '../spec/result.ts';
import { sha256 } from '../spec/sha256.ts';
import { canonicalJson } from './canonical.ts';
import type { Change, Plan } from './plan.ts';
import type { PlanMemory, PlanPolicy } from './policy.ts';

/** A saved plan lives so long. Milliseconds. */
export const LIFETIME_MS = 24 * 3_600_000;

export interface SavedPlan extends Plan {
  /** RFC 3339: `created` and 24 hours. */
  readonly expires: string;
  /** Absolute path of the roster. */
  readonly roster_file: string;
  /** As in PlanPolicy, in snake case. */
  readonly policy: Readonly<Record<string, unknown>>;
  /** By agent (what its session was started from) and `kind/name` (what is ours): hex SHA-256 of the canonical record. */
  readonly inventory: Readonly<Record<string, string | null>>;
  /** Hex SHA-256 of the canonical document without this field. */
  readonly seal: string;
}

/** Not covered by `plan_id`: the same drift planned twice has the same id. */
const OUTSIDE_ID: ReadonlySet<string> = new Set<keyof SavedPlan>([
  'plan_id',
  'created',
  'tool_version',
  'expires',
  'roster_file',
  'policy',
  'inventory',
  'seal',
]);

export interface SaveInput {
  readonly plan: Plan;
  readonly policy: PlanPolicy;
  readonly memory: PlanMemory;
  readonly rosterFile: string;
}

/** The same input always gives the same bytes of `renderSavedPlan`. */
export function savePlan({ plan, policy, memory, rosterFile }: SaveInput): SavedPlan {
  const document = {
    ...plan,
    expires: new Date(Date.parse(plan.created) + LIFETIME_MS).toISOString(),
    roster_file: rosterFile,
    policy: Object.fromEntries(Object.entries(policy).map(([key, value]) => [snakeCase(key), value])),
    inventory: touchedRecords(plan.changes, memory),
  };
  return { ...document, seal: sha256(canonicalJson(document)) };
}

export const renderSavedPlan = (plan: SavedPlan): string => `${JSON.stringify(plan)}\n`;

/** The policy by which it was made. */
export function policyOfSaved(plan: SavedPlan): PlanPolicy {
  const entries = Object.entries(plan.policy).map(([key, value]) => [camelCase(key), value]);
  return Object.fromEntries(entries) as PlanPolicy;
}

const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_all, c: string) => c.toUpperCase());

/** What fleet remembers of one thing that the changes touch, by its key in `inventory`. */
export interface TouchedRecord {
  readonly key: string;
  readonly changes: readonly Change[];
  /** The plan that wrote it last; null where there is none, or no plan did. */
  readonly plan: string | null;
  readonly sha256: string | null;
}

/** In the order of the changes, each once. */
export function recordsOf(changes: readonly Change[], memory: PlanMemory): readonly TouchedRecord[] {
  const touched = new Map<string, Change[]>();
  for (const change of changes) {
    for (const key of keysOf(change)) touched.set(key, [...(touched.get(key) ?? []), change]);
  }
  return [...touched].map(([key, by]) => {
    const records = key.includes('/') ? memory.owned : memory.sessions;
    const record = Object.hasOwn(records, key) ? records[key] : undefined;
    const hash = record === undefined ? null : sha256(canonicalJson(record));
    return { key, changes: by, plan: record?.plan ?? null, sha256: hash };
  });
}

function touchedRecords(changes: readonly Change[], memory: PlanMemory): Readonly<Record<string, string | null>> {
  return Object.fromEntries(recordsOf(changes, memory).map((record) => [record.key, record.sha256]));
}

/** Names of agents hold no slash, so the two kinds of keys do not meet. */
function keysOf(change: Change): readonly string[] {
  const owned = change.address.split('/').slice(2).join('/');
  const session = change.agent !== null && (change.kind === 'session' || change.kind === 'unit');
  return session ? [change.agent, owned] : [owned];
}

export interface Unusable {
  /** What is wrong with the text, to be said after the name of its file. */
  readonly detail: string;
  readonly remedy: string;
}

const AGAIN = 'make a new one: fleet plan -o FILE';

/** A document that is torn, edited, foreign or of another major version is refused. */
export function parseSavedPlan(text: string): Result<SavedPlan, Unusable> {
  const root = parseJson(text);
  if (!isRecord(root) || root['kind'] !== 'fleet.plan') {
    return err({ detail: 'is no fleet plan (torn, or written by something else)', remedy: AGAIN });
  }
  const version = root['format_version'];
  if (typeof version !== 'string' || !version.startsWith('1.')) {
    const detail = `has format ${JSON.stringify(version)}, this fleet reads 1.x`;
    return err({ detail, remedy: `use the fleet that wrote it, or ${AGAIN}` });
  }
  if (!('seal' in root)) {
    const detail = 'is the output of `fleet plan --json`: it lacks what apply must know later';
    return err({ detail, remedy: AGAIN });
  }
  const { seal, ...sealed } = root;
  const body = Object.fromEntries(Object.entries(root).filter(([key]) => !OUTSIDE_ID.has(key)));
  if (seal !== sha256(canonicalJson(sealed)) || root['plan_id'] !== sha256(canonicalJson(body))) {
    return err({ detail: 'was changed since fleet wrote it: its checksum does not fit', remedy: AGAIN });
  }
  // Sealed by fleet in this format: its fields are what the types say.
  return ok(root as unknown as SavedPlan);
}

/** Whether a file may be replaced by a plan: it holds one, of whatever version. */
export function looksLikePlan(text: string): boolean {
  const root = parseJson(text);
  return isRecord(root) && root['kind'] === 'fleet.plan';
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
