import { formatDiagnostic } from '../../src/spec/diagnostics.ts';
import type { Roster } from '../../src/spec/model.ts';
import { parseRoster } from '../../src/spec/roster.ts';
import { schemaErrorsOfText } from './json-schema.ts';

/** The text without the indentation of its first line, which is empty. */
export function outdent(text: string): string {
  const lines = text.replace(/^\n/, '').replace(/\n *$/, '\n').split('\n');
  const indent = /^ */.exec(lines[0] ?? '')?.[0].length ?? 0;
  return lines.map((line) => line.slice(indent)).join('\n');
}

/** What is said of a roster, `line:col: …`; empty where it is valid. */
export function diagnose(text: string): readonly string[] {
  const result = parseRoster(new TextEncoder().encode(outdent(text)), 'r.yaml');
  return result.ok ? [] : result.error.map((d) => formatDiagnostic(d).replace(/^r\.yaml:/, ''));
}

/** A roster that must be valid, for the published JSON Schema too. */
export function roster(text: string): Roster {
  const result = parseRoster(new TextEncoder().encode(outdent(text)), 'r.yaml');
  if (!result.ok) throw new Error(result.error.map(formatDiagnostic).join('\n'));
  const errors = schemaErrorsOfText(outdent(text));
  if (errors?.length !== 0) throw new Error(`valid, but for the JSON Schema:\n${errors?.join('\n')}`);
  return result.value;
}
