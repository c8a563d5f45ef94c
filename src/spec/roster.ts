/**
 * Bytes to roster: text, YAML, shape, cross-checks, defaults. Every problem that can be told is told at once, each with
 * its line and column; places are looked up only then.
 */
import { checkRoster } from './checks.ts';
import { decodeText } from './decode.ts';
import type { Diagnostic, SourcePosition } from './diagnostics.ts';
import type { Roster } from './model.ts';
import { normalize } from './normalize.ts';
import { type DataPath, type Problem, toDiagnostic } from './problems.ts';
import { err, ok, type Result } from './result.ts';
import { type RosterView, viewRoster } from './roster-view.ts';
import { checkShape, type SchemaIssue } from './schema.ts';
import { sha256 } from './sha256.ts';
import { shapeProblems } from './shape-problems.ts';
import { furtherProblems, MOST_PROBLEMS, tell } from './tell.ts';
import { withoutFaults } from './without-faults.ts';
import { readYaml } from './yaml.ts';

/** At most 1 MiB. Source: docs/contract.md, section 1. */
export const MAX_ROSTER_BYTES = 1024 * 1024;

/** `path` is as it should be printed. Diagnostics are in the order of the file, without duplicates. */
export function parseRoster(bytes: Uint8Array, path: string): Result<Roster, readonly Diagnostic[]> {
  const at = (line: number, col: number): SourcePosition => ({ file: path, line, col });
  const text = decodeText(bytes, MAX_ROSTER_BYTES);
  if (!text.ok) {
    const { place, ...problem } = text.error;
    return err([toDiagnostic(problem, at(place.line, place.col))]);
  }
  const yaml = readYaml(text.value);
  if (!yaml.ok) {
    const kept = yaml.error
      .slice(0, MOST_PROBLEMS)
      .map((problem) => toDiagnostic(problem, at(problem.line, problem.col)));
    return err([...kept, ...furtherProblems(yaml.error.length)]);
  }
  const { data, locate } = yaml.value;
  if (data === null) {
    const remedy = 'start from the sample fleet.yaml; `agents: []` is a roster without agents';
    return err([toDiagnostic({ code: 'roster-empty', detail: 'expected `version` and `agents`', remedy }, at(1, 1))]);
  }
  const shape = checkShape(data);
  if (!shape.ok) return err(tell(allProblems(data, shape.error), yaml.value, at));
  const view = viewRoster(shape.value);
  const problems = crossProblems(view);
  if (problems.length > 0) return err(tell(problems, yaml.value, at));
  const place = (path: DataPath): SourcePosition => {
    const { line, col } = locate(path, 'value');
    return at(line, col);
  };
  return ok(
    normalize(view, {
      path,
      sha256: sha256(bytes),
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
  if (faults.length > MOST_PROBLEMS) return faults;
  const rest = withoutFaults(data, issues);
  if (rest === null) return faults;
  const explained = (path: DataPath): boolean => faults.some((fault) => onOneBranch(path, fault.path));
  const further = crossProblems(viewRoster(rest)).filter((problem) => !(problem.unlessFaulty ?? []).some(explained));
  return [...faults, ...further];
}

/** One of the two leads on from the other. */
const onOneBranch = (a: DataPath, b: DataPath): boolean => a.every((step, i) => i >= b.length || b[i] === step);
