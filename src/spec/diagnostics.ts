/**
 * One problem of a roster (or of another input file), as printed: `file:line:col: message`.
 * `code` is stable and kebab-case; `summary` is constant for a code; `detail` is specific (what was read, what was
 * expected); `remedy`, where there is one, is what to type or write next. Lines and columns count from 1.
 */
import { printable } from './printable.ts';

export interface Diagnostic {
  readonly code: string;
  readonly summary: string;
  readonly detail: string;
  readonly remedy: string | null;
  readonly position: SourcePosition | null;
}

export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly col: number;
}

/** `file:line:col: summary: detail (remedy)`: one line a problem, safe on a terminal. */
export function formatDiagnostic(d: Diagnostic): string {
  const where = d.position === null ? '' : `${d.position.file}:${d.position.line}:${d.position.col}: `;
  const remedy = d.remedy === null ? '' : ` (${d.remedy})`;
  return printable(`${where}${d.summary}: ${d.detail}${remedy}`);
}
