/** A saved `fleet observe` document: another major version, a torn or a foreign file is refused by name. */
import { readFileSync } from 'node:fs';
import { misfit } from '../observe/check-document.ts';
import type { Observed } from '../observe/state.ts';
import { err, ok, type Result } from '../spec/result.ts';
import type { Failure } from './command.ts';
import { EXIT } from './exit-codes.ts';

export function readObserved(path: string): Result<Observed, Failure> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return err(refused(path, `cannot be read: ${error instanceof Error ? error.message : String(error)}`));
  }
  return parseObserved(text, path);
}

export function parseObserved(text: string, path: string): Result<Observed, Failure> {
  const root = parseJson(text);
  if (!isRecord(root) || root['kind'] !== 'fleet.observed') return err(refused(path, 'is no `fleet observe` document'));
  const version = root['format_version'];
  if (typeof version !== 'string' || !version.startsWith('1.')) {
    return err(refused(path, `has format ${JSON.stringify(version)}, this fleet reads 1.x`));
  }
  const broken = brokenPart(root);
  if (broken !== null) return err(refused(path, `is damaged: ${broken}`));
  return ok(root as unknown as Observed);
}

/** The schema cannot say of a text that it is a time. */
function brokenPart(root: Readonly<Record<string, unknown>>): string | null {
  const wrong = misfit(root);
  if (wrong !== null) return wrong;
  return Number.isNaN(Date.parse(String(root['observed_at']))) ? 'observed_at is no time' : null;
}

function refused(path: string, what: string): Failure {
  return { code: EXIT.error, message: `${path} ${what}`, remedy: 'make one with: fleet observe > FILE' };
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
