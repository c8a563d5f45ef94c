/** A problem of a roster before its place in the text is known: places are looked up only when there is one to print. */
import type { Diagnostic, SourcePosition } from './diagnostics.ts';

/** Every code that a roster's diagnostics may bear, with its constant summary. */
export const SUMMARIES = {
  'roster-missing': 'no roster',
  'roster-unreadable': 'the roster cannot be read',
  'roster-not-a-file': 'the roster is not a file',
  'roster-too-large': 'the roster is too large',
  'roster-not-text': 'the roster is not text',
  'roster-empty': 'the roster is empty',
  'yaml-syntax': 'not valid YAML 1.2',
  'yaml-version': 'another version of YAML',
  'yaml-documents': 'more than one document',
  'yaml-nesting': 'nested too deeply',
  'yaml-alias': 'an alias',
  'yaml-tag': 'a tag',
  'yaml-key': 'a key that cannot be one',
  'yaml-character': 'a character that cannot be used',
  'duplicate-key': 'the same key twice',
  'unknown-key': 'unknown key',
  'missing-key': 'missing key',
  'bad-key': 'bad key',
  'bad-value': 'bad value',
  'bad-name': 'bad name',
  'name-collision': 'names collide',
  'unknown-reference': 'unknown name',
  'host-conflict': 'two definitions of one host',
  'dependency-cycle': 'depends_on goes round in a circle',
  contradiction: 'keys contradict each other',
  'layout-cannot': 'layout mosaic cannot do this',
  'reserved-variable': 'a variable that fleet itself sets',
  'command-needed': 'no command',
  'match-needed': 'no way to recognise it',
  'ignores-nothing': 'an ignore rule without a subject',
  'more-problems': 'there is more',
} as const;

export type ProblemCode = keyof typeof SUMMARIES;
export type DataPath = readonly (string | number)[];

export interface Problem {
  readonly code: ProblemCode;
  /** Into the roster's data. Where nothing is written there, the place is that of the nearest enclosing thing. */
  readonly path: DataPath;
  /** Whether the key at `path` is at fault or its value. */
  readonly at: 'key' | 'value';
  /** What was read and expected; from a function where it names another line. */
  readonly detail: string | ((lineOf: (path: DataPath) => number) => string);
  readonly remedy: string | null;
  /** Paths whose own faults would explain this one: with any of them it is not told. */
  readonly unlessFaulty?: readonly DataPath[];
}

/** Takes one problem; checks report into it and go on. */
export type Report = (problem: Problem) => void;

export function toDiagnostic(
  problem: { readonly code: ProblemCode; readonly detail: string; readonly remedy: string | null },
  position: SourcePosition | null,
): Diagnostic {
  const { code, detail, remedy } = problem;
  return { code, summary: SUMMARIES[code], detail, remedy, position };
}
