/**
 * Bytes to roster: text, YAML, shape, cross-checks, defaults. Every problem that can be told is told at once, each with
 * its line and column; places are looked up only then.
 */
import { createHash } from 'node:crypto';
import { checkRoster } from './checks.ts';
import { decodeText } from './decode.ts';
import type { Diagnostic, SourcePosition } from './diagnostics.ts';
import type { Roster } from './model.ts';
import { normalize } from './normalize.ts';
import { type DataPath, type Problem, toDiagnostic } from './problems.ts';
import { err, ok, type Result } from './result.ts';
import { type RosterView, viewRoster } from './roster-view.ts';
import { checkShape, type SchemaIssue } from './schema.ts';
import { shapeProblems } from './shape-problems.ts';
import { nearest } from './suggest.ts';
import { withoutFaults } from './without-faults.ts';
import { readYaml, type YamlText } from './yaml.ts';

/** At most 1 MiB. Source: docs/contract.md, section 1. */
export const MAX_ROSTER_BYTES = 1024 * 1024;

/** `path` is as it should be printed. Diagnostics are in the order of the file, without duplicates. */
export function parseRoster(bytes: Uint8Array, path: string): Result<Roster, readonly Diagnostic[]> {
  const at = (line: number, col: number): SourcePosition => ({ file: path, line, col });
  const text = decodeText(bytes, MAX_ROSTER_BYTES);
  if (!text.ok) {
    const { place, ...problem } = text.error;
    return err([toDiagnostic(problem, place && at(place.line, place.col))]);
  }
  const yaml = readYaml(text.value);
  if (!yaml.ok) return err(yaml.error.map((problem) => toDiagnostic(problem, at(problem.line, problem.col))));
  const { data, locate } = yaml.value;
  if (data === null) {
    const remedy = 'start from the sample fleet.yaml; `agents: []` is a roster without agents';
    return err([toDiagnostic({ code: 'roster-empty', detail: 'expected `version` and `agents`', remedy }, at(1, 1))]);
  }
  const shape = checkShape(data);
  if (!shape.ok) return err(placed(allProblems(data, shape.error), yaml.value, at));
  const view = viewRoster(shape.value);
  const problems = crossProblems(view);
  if (problems.length > 0) return err(placed(problems, yaml.value, at));
  const place = (path: DataPath): SourcePosition => {
    const { line, col } = locate(path, 'value');
    return at(line, col);
  };
  return ok(
    normalize(view, {
      path,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      agentAt: (index) => place(['agents', index]),
      ignoreAt: (index) => place(['ignore', index]),
    }),
  );
}

function crossProblems(view: RosterView): readonly Problem[] {
  const problems: Problem[] = [];
  checkRoster(view, (problem) => problems.push(problem));
  return problems;
}

/** Those of the shape, and those of the rest that are not their consequence. */
function allProblems(data: unknown, issues: readonly SchemaIssue[]): readonly Problem[] {
  const faults = shapeProblems(data, issues);
  const rest = withoutFaults(data, issues);
  if (rest === null) return faults;
  const explained = (path: DataPath): boolean =>
    faults.some((fault) => path.every((step, i) => fault.path[i] === step));
  const further = crossProblems(viewRoster(rest)).filter((problem) => !(problem.unlessFaulty ?? []).some(explained));
  return [...faults, ...further];
}

/** A misspelt key leaves the right one missing: one problem, not two. */
function withoutConsequences(problems: readonly Problem[]): readonly Problem[] {
  const misspelt = problems.filter(({ code }) => code === 'unknown-key').map(({ path }) => path);
  return problems.filter(({ code, path }) => {
    const key = String(path.at(-1));
    const isMeant = (other: DataPath): boolean =>
      other.length === path.length &&
      other.slice(0, -1).every((step, i) => path[i] === step) &&
      nearest(String(other.at(-1)), [key]) === key;
    return code !== 'missing-key' || !misspelt.some(isMeant);
  });
}

function placed(
  problems: readonly Problem[],
  yaml: YamlText,
  at: (line: number, col: number) => SourcePosition,
): readonly Diagnostic[] {
  const seen = new Set<string>();
  const lineOf = (path: DataPath): number => yaml.locate(path, 'value').line;
  return withoutConsequences(problems)
    .map((problem) => ({ problem, place: yaml.locate(problem.path, problem.at) }))
    .sort((a, b) => a.place.line - b.place.line || a.place.col - b.place.col)
    .map(({ problem, place }) => {
      const detail = typeof problem.detail === 'string' ? problem.detail : problem.detail(lineOf);
      return toDiagnostic({ code: problem.code, detail, remedy: problem.remedy }, at(place.line, place.col));
    })
    .filter((diagnostic) => {
      const key = JSON.stringify(diagnostic);
      return seen.size < seen.add(key).size;
    });
}
