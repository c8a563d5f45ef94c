/** What the schema found, as problems: where, what was read, what was expected, and the nearest right word. */
import { expectation } from './expectations.ts';
import type { DataPath, Problem } from './problems.ts';
import type { SchemaIssue } from './schema.ts';
import { nearest } from './suggest.ts';

export function shapeProblems(data: unknown, issues: readonly SchemaIssue[]): readonly Problem[] {
  return issues.flatMap((issue) => toProblems(data, [], issue));
}

function toProblems(data: unknown, base: DataPath, issue: SchemaIssue): readonly Problem[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, issue.message.split(' ')));
    case 'invalid_union': {
      const branch = issue.errors.find((errors) =>
        errors.every((e) => e.path.length > 0 || e.code === 'unrecognized_keys'),
      );
      if (branch !== undefined && branch.length > 0) return branch.flatMap((inner) => toProblems(data, path, inner));
      return [badValue(data, path, issue.message)];
    }
    case 'invalid_key': {
      const key = String(path.at(-1) ?? '');
      return [badKey(path, key, issue.issues[0]?.message ?? '')];
    }
    case 'invalid_value':
      return [
        expectation(issue.message) === null
          ? badChoice(data, path, issue.values.map(String))
          : badValue(data, path, issue.message),
      ];
    default:
      return [badValue(data, path, issue.message)];
  }
}

function unknownKey(path: DataPath, key: string, known: readonly string[]): Problem {
  const right = nearest(key, known);
  const detail = right === null ? `\`${key}\`; expected one of ${known.join(', ')}` : `\`${key}\``;
  return {
    code: 'unknown-key',
    path: [...path, key],
    at: 'key',
    detail,
    remedy: right && `did you mean \`${right}\`?`,
  };
}

function badKey(path: DataPath, key: string, id: string): Problem {
  const expected = expectation(id);
  const detail = `expected ${expected?.text ?? 'another one'}, got ${describe(key)}`;
  return { code: 'bad-key', path, at: 'key', detail, remedy: expected?.remedy?.(key) ?? null };
}

function badChoice(data: unknown, path: DataPath, values: readonly string[]): Problem {
  const value = valueAt(data, path);
  const right = typeof value === 'string' ? nearest(value, values) : null;
  const detail = `expected ${oneOf(values)}, got ${describe(value)}`;
  return {
    code: 'bad-value',
    path,
    at: 'value',
    detail: named(path, detail),
    remedy: right && `did you mean ${right}?`,
  };
}

const oneOf = (values: readonly string[]): string =>
  [values.slice(0, -1).join(', '), values.at(-1)].filter((part) => part !== '').join(' or ');

function badValue(data: unknown, path: DataPath, id: string): Problem {
  const expected = expectation(id);
  const value = valueAt(data, path);
  const text = expected?.text ?? 'something else';
  const key = path.at(-1);
  if (value === undefined && typeof key === 'string') {
    return {
      code: 'missing-key',
      path,
      at: 'value',
      detail: `\`${key}\`, ${text}`,
      remedy: expected?.remedy?.(value) ?? null,
    };
  }
  const detail = named(path, `expected ${text}, got ${describe(value)}`);
  return { code: 'bad-value', path, at: 'value', detail, remedy: expected?.remedy?.(value) ?? null };
}

/** Says which key it is about, since a place alone makes people count. */
function named(path: DataPath, detail: string): string {
  const key = path.findLast((step) => typeof step === 'string');
  return key === undefined ? detail : `${key}: ${detail}`;
}

export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return `${typeof value === 'number' ? 'the number ' : ''}${String(value)}`;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}

function valueAt(data: unknown, path: DataPath): unknown {
  let value = data;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
