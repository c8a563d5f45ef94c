/** Problems to diagnostics: their places looked up, in the order of the file, consequences and repetitions left out. */
import type { Diagnostic, SourcePosition } from './diagnostics.ts';
import { type DataPath, type Problem, toDiagnostic } from './problems.ts';
import { nearest } from './suggest.ts';
import type { YamlText } from './yaml.ts';

/** As many as anyone reads. More are a file of another kind, and their places would take long to find. */
export const MOST_PROBLEMS = 200;

export function tell(
  problems: readonly Problem[],
  yaml: YamlText,
  at: (line: number, col: number) => SourcePosition,
): readonly Diagnostic[] {
  const lineOf = (path: DataPath): number => yaml.locate(path, 'value').line;
  const told = withoutConsequences(problems.slice(0, MOST_PROBLEMS))
    .map((problem) => ({ problem, place: yaml.locate(problem.path, problem.at) }))
    .sort((a, b) => a.place.line - b.place.line || a.place.col - b.place.col)
    .map(({ problem, place }) => {
      const detail = typeof problem.detail === 'string' ? problem.detail : problem.detail(lineOf);
      return toDiagnostic({ code: problem.code, detail, remedy: problem.remedy }, at(place.line, place.col));
    });
  const distinct = new Map(told.map((diagnostic) => [JSON.stringify(diagnostic), diagnostic]));
  return [...distinct.values(), ...furtherProblems(problems.length)];
}

/** What stands for the problems of `count` that are not told. */
export function furtherProblems(count: number): readonly Diagnostic[] {
  if (count <= MOST_PROBLEMS) return [];
  const detail = `${count - MOST_PROBLEMS} further problems are not shown`;
  return [toDiagnostic({ code: 'more-problems', detail, remedy: 'mend these first' }, null)];
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
