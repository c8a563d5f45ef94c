/** Small JSON documents with a kind and a format version, each replaced in one step. */
import { err, ok, type Result } from '../../spec/result.ts';
import { type Failure, failure } from '../outcome.ts';
import type { FileRead, FileWriter } from '../ports.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Null where there is none. What cannot be understood is a failure, never nothing. */
export function readDocument<T>(
  path: string,
  kind: string,
  read: (path: string) => FileRead,
  parse: (fields: Fields) => T | null,
): Result<T | null, Failure> {
  const file = read(path);
  if (file.state === 'absent') return ok(null);
  if (file.state === 'failed') return err(file.failure);
  const fields = parseFields(file.content);
  if (fields === null || fields['kind'] !== kind) return err(unusable(path, `it is no ${kind} document (torn?)`));
  const version = fields['format_version'];
  if (typeof version !== 'string' || !version.startsWith('1.')) {
    return err(unusable(path, `its format is ${String(version)}, this fleet reads 1.x`));
  }
  const parsed = parse(fields);
  return parsed === null ? err(unusable(path, 'what it holds is broken')) : ok(parsed);
}

export function writeDocument(files: FileWriter, path: string, document: object): Result<null, Failure> {
  return files.write(path, `${JSON.stringify(document)}\n`, { always: 0o600 });
}

function unusable(path: string, why: string): Failure {
  return failure(
    'state-unusable',
    'A file of the controller cannot be used',
    `${path}: ${why}`,
    `look at it; to do without it: mv ${path} ${path}.bad`,
  );
}

export function parseFields(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether `value` is a record whose every entry `holds`. */
export function isRecordOf<T>(
  value: unknown,
  holds: (item: unknown) => item is T,
): value is Readonly<Record<string, T>> {
  return isFields(value) && Object.values(value).every(holds);
}

export function isListOf<T>(value: unknown, holds: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.every(holds);
}

export const isText = (value: unknown): value is string => typeof value === 'string';
export const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value);
export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
export const isNumberOrNull = (value: unknown): value is number | null => value === null || isNumber(value);
