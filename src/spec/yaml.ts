/**
 * Text to plain data, with places. The library decides everything (yaml-library.ts); yaml-plain.ts is its quick stand-in,
 * and most rosters are read without loading the library at all.
 */
import type { DataPath, ProblemCode } from './problems.ts';
import { ok, type Result } from './result.ts';
import { readAnyYaml } from './yaml-library.ts';
import { type PlainYaml, readPlainYaml } from './yaml-plain.ts';

export interface Place {
  readonly line: number;
  readonly col: number;
}

/** A problem of the text itself. */
export interface YamlProblem extends Place {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly remedy: string | null;
}

export interface YamlText {
  readonly data: unknown;
  /** Of the key or the value at `path`, else of the nearest enclosing thing that is written. */
  readonly locate: (path: DataPath, at: 'key' | 'value') => Place;
}

export function readYaml(text: string): Result<YamlText, readonly YamlProblem[]> {
  const plain = readPlainYaml(text);
  if (plain === null) return readAnyYaml(text);
  let whole: YamlText | null = null;
  const locate: YamlText['locate'] = (path, at) => {
    const item = at === 'value' ? itemPlace(plain, path) : null;
    if (item !== null) return item;
    whole ??= unwrap(readAnyYaml(text));
    return whole.locate(path, at);
  };
  return ok({ data: plain.data, locate });
}

/** Of an item of one of the document's own lists (an agent, an ignore rule): known without the library. */
function itemPlace({ data, places }: PlainYaml, [section, index, ...deeper]: DataPath): Place | null {
  if (typeof section !== 'string' || typeof index !== 'number' || deeper.length > 0) return null;
  const list = (data as Readonly<Record<string, unknown>>)[section];
  return places.get(list)?.[index] ?? null;
}

function unwrap(result: Result<YamlText, readonly YamlProblem[]>): YamlText {
  if (result.ok) return result.value;
  throw new Error(`two readers disagree: ${result.error.map(({ line, detail }) => `${line}: ${detail}`).join('; ')}`);
}
