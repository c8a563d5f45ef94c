/**
 * The `yaml` library's reading, which decides everything: YAML 1.2 core schema, one document; aliases, tags, keys that
 * are no text and nesting beyond 64 are refused, warnings are errors.
 */
import {
  Alias,
  Composer,
  type CST,
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Pair,
  type ParsedNode,
  Parser,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { DataPath, ProblemCode } from './problems.ts';
import { err, ok, type Result } from './result.ts';
import type { Place, YamlProblem, YamlText } from './yaml.ts';

const MAX_NESTING = 64;

export function readAnyYaml(text: string): Result<YamlText, readonly YamlProblem[]> {
  const lineCounter = new LineCounter();
  const place = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return line === 0 ? { line: 1, col: 1 } : { line, col };
  };
  const composed = compose(text, lineCounter);
  if (composed.document === null) {
    return err([{ ...place(composed.tooDeepAt), ...TOO_DEEP }]);
  }
  const { document, secondAt } = composed;
  const problems = syntaxProblems(document, place);
  if (secondAt !== null) {
    const detail = 'a roster is one document; another begins here';
    problems.push({ ...place(secondAt), code: 'yaml-documents', detail, remedy: 'remove the second `---`' });
  }
  const data = toData(document.contents, 1, { problems, place });
  if (problems.length > 0) return err(problems.sort((p, q) => p.line - q.line || p.col - q.col));
  return ok({ data, locate: (path, at) => place(offsetOf(document.contents, path, at)) });
}

const TOO_DEEP = { code: 'yaml-nesting', detail: `deeper than ${MAX_NESTING} levels`, remedy: null } as const;

/** The parser's own levels for each of ours: a document, and at most three tokens a collection. */
const PARSER_LEVELS = 4 * MAX_NESTING;

type Composed =
  | { readonly document: Document.Parsed; readonly secondAt: number | null }
  | { readonly document: null; readonly tooDeepAt: number };

/**
 * The library's parser makes tokens without recursion; its composer recurses, and a megabyte of brackets ends the whole
 * of Node (measured with yaml 2.9). So the depth is watched while tokens are made.
 */
function compose(text: string, lineCounter: LineCounter): Composed {
  const parser = new Parser(lineCounter.addNewLine);
  lineCounter.addNewLine(0);
  let tooDeepAt: number | null = null;
  function* tokens(): Generator<CST.Token, void> {
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme);
      if (parser.stack.length > PARSER_LEVELS) {
        tooDeepAt = parser.offset;
        return;
      }
    }
    yield* parser.end();
  }
  // uniqueKeys compares each key with all before it; toData does it in one pass.
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, prettyErrors: false });
  let first: Document.Parsed | null = null;
  for (const document of composer.compose(tokens(), true, text.length)) {
    if (tooDeepAt !== null) break;
    if (first !== null) return { document: first, secondAt: document.range[0] };
    first = document;
  }
  if (first === null || tooDeepAt !== null) return { document: null, tooDeepAt: tooDeepAt ?? 0 };
  return { document: first, secondAt: null };
}

function syntaxProblems(document: Document.Parsed, place: (offset: number) => Place): YamlProblem[] {
  const problems: YamlProblem[] = [];
  // A tag that is not known is a warning here and found again, with every other tag, in toData.
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    if (code === 'TAG_RESOLVE_FAILED') continue;
    const { line, col } = place(pos[0]);
    const last = problems.at(-1);
    // What the library finds at one place after the first is a consequence of it.
    if (last?.line === line && last.col === col) continue;
    const detail = lowerFirst(message);
    problems.push({ line, col, code: 'yaml-syntax', detail, remedy: syntaxRemedy(code, message) });
  }
  const { explicit, version } = document.directives.yaml;
  if (explicit === true && version !== '1.2') {
    problems.push({
      ...place(0),
      code: 'yaml-version',
      detail: `%YAML ${version}; a roster is YAML 1.2`,
      remedy: 'remove the directive',
    });
  }
  return problems;
}

const SYNTAX_REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'line it up with its siblings',
  MISSING_CHAR: 'close the quote or bracket, or quote the text',
  BLOCK_AS_IMPLICIT_KEY: 'quote a text that holds `: `',
};

const syntaxRemedy = (code: string, message: string): string | null =>
  (message.includes('without - indicator') ? SYNTAX_REMEDIES['BAD_INDENT'] : SYNTAX_REMEDIES[code]) ?? null;

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

// --- nodes to data ------------------------------------------------------------------------------------------------

interface Walk {
  readonly problems: YamlProblem[];
  readonly place: (offset: number) => Place;
}

function complain(walk: Walk, node: unknown, code: ProblemCode, detail: string, remedy: string | null): void {
  walk.problems.push({ ...walk.place(startOf(node) ?? 0), code, detail, remedy });
}

function toData(node: unknown, depth: number, walk: Walk): unknown {
  if (node instanceof Alias) {
    complain(
      walk,
      node,
      'yaml-alias',
      `*${node.source}; a roster says everything where it holds`,
      'write it out, or move it to `defaults`',
    );
    return null;
  }
  if (!isNode(node)) return null;
  if (node.tag !== undefined) complain(walk, node, 'yaml-tag', shownTag(node.tag), 'remove it; quotes make text');
  if (isScalar(node)) {
    if (typeof node.value === 'string') refuseCharacters(node.value, node, walk);
    return node.value;
  }
  if (depth > MAX_NESTING) {
    complain(walk, node, 'yaml-nesting', `deeper than ${MAX_NESTING} levels`, null);
    return null;
  }
  if (isSeq(node)) return node.items.map((item) => toData(item, depth + 1, walk));
  return isMap(node) ? mapToData(node, depth, walk) : null;
}

function mapToData(node: YAMLMap, depth: number, walk: Walk): Record<string, unknown> {
  const data: Record<string, unknown> = {};
  for (const pair of node.items) {
    const key = keyOf(pair, depth, walk);
    if (key === null) continue;
    if (Object.hasOwn(data, key)) complain(walk, pair.key, 'duplicate-key', `\`${key}\``, 'keep one of them');
    data[key] = toData(pair.value, depth + 1, walk);
  }
  return data;
}

/** The key's text, or null after saying why it is none. */
function keyOf(pair: Pair, depth: number, walk: Walk): string | null {
  const key = pair.key;
  if (!isScalar(key)) {
    if (key instanceof Alias) toData(key, depth, walk);
    else
      complain(
        walk,
        key,
        'yaml-key',
        'expected text, got a list or mapping',
        'quote a text that begins with a bracket',
      );
    return null;
  }
  if (key.tag !== undefined) complain(walk, key, 'yaml-tag', shownTag(key.tag), 'remove it; quotes make text');
  if (typeof key.value !== 'string') {
    complain(walk, key, 'yaml-key', `expected text, got ${String(key.source ?? key.value)}`, 'write it in quotes');
    return null;
  }
  refuseCharacters(key.value, key, walk);
  if (key.value === '__proto__') {
    complain(walk, key, 'yaml-key', '`__proto__` means something else in JavaScript', 'choose another name');
    return null;
  }
  return key.value;
}

function refuseCharacters(value: string, node: unknown, walk: Walk): void {
  if (value.includes('\0')) {
    complain(walk, node, 'yaml-character', 'NUL; no argument, variable or file name can hold it', 'remove the `\\0`');
  } else if (/\p{Surrogate}/u.test(value)) {
    complain(walk, node, 'yaml-character', 'half of a surrogate pair', 'write the character itself');
  }
}

const shownTag = (tag: string): string => tag.replace(/^tag:yaml\.org,2002:/, '!!');

// --- data path to place -------------------------------------------------------------------------------------------

function startOf(node: unknown): number | null {
  return isNode(node) && node.range ? node.range[0] : null;
}

function offsetOf(root: ParsedNode | null, path: DataPath, at: 'key' | 'value'): number {
  let node: unknown = root;
  let offset = startOf(root) ?? 0;
  for (const [i, step] of path.entries()) {
    const last = i === path.length - 1;
    if (isMap(node)) {
      const pair = findPair(node, step);
      if (pair === undefined) return offset;
      const key = startOf(pair.key) ?? offset;
      node = pair.value;
      // A value that is not written has a place, but nothing stands there.
      offset = (last && at === 'key') || isNothing(node) ? key : (startOf(node) ?? key);
    } else if (isSeq(node)) {
      const item: unknown = (node satisfies YAMLSeq).items[Number(step)];
      if (item === undefined) return offset;
      node = item;
      offset = startOf(item) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

const findPair = (map: YAMLMap, key: string | number): Pair | undefined =>
  map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);

const isNothing = (node: unknown): boolean => isScalar(node) && node.source === '' && node.type === 'PLAIN';
