/**
 * A quick reader for the YAML that rosters are written in: block mappings and lists, one-line flow ones, plain words,
 * quotes without escapes, comments. It answers null for anything else, valid or not, and the library decides: what it
 * does answer is exactly what the library would (test/spec/roster-yaml-plain.test.ts holds the two together).
 * Why: of a roster with 1,000 agents the library takes some 150 ms, four times as long as Node takes to start.
 */

import { FlowReader, MAX_DEPTH, type Place } from './yaml-plain-flow.ts';
import {
  BRACE,
  BRACKET,
  DOUBLE,
  HASH,
  isDash,
  isEnd,
  isText,
  NOT_PLAIN,
  plainScalar,
  SINGLE,
  SPACE,
  skipBlanks,
} from './yaml-plain-words.ts';

export interface PlainYaml {
  readonly data: unknown;
  /** Of the items of lists: where each begins, counting from 1. */
  readonly places: ReadonlyMap<unknown, readonly Place[]>;
}

export function readPlainYaml(text: string): PlainYaml | null {
  if (STRANGE.test(text)) return null;
  const reader = new PlainReader(text);
  try {
    return { data: reader.document(), places: reader.places };
  } catch (error) {
    if (error === NOT_PLAIN) return null;
    throw error;
  }
}

/** Control characters (tabs too), byte order marks, and what Unicode calls a blank. */
const STRANGE =
  /[^\n\x20-\x7e\xa1-\u167f\u1681-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\u2fff\u3001-\ufefe\uff00-\ufffd]/;
/**
 * A key that begins with a letter, so that it is no number, the blanks after its colon, and its value where that is one
 * word without anything to look at twice.
 */
const PAIR = /([A-Za-z_][A-Za-z0-9_.-]{0,127}):(?: +(?:([A-Za-z_/~$][A-Za-z0-9_/~.@+=$-]*)(?: *| +#.*)$)?|$)/y;

function findPair(line: string, at: number): RegExpExecArray | null {
  PAIR.lastIndex = at;
  return PAIR.exec(line);
}

class PlainReader {
  readonly places = new Map<unknown, readonly Place[]>();
  readonly #lines: readonly string[];
  readonly #flow = new FlowReader(this.places);
  /** Index of the current line, and its text up to the comment, if that is all it has. */
  #at = -1;
  #line = '';
  /** Column of the current line's first character that is no blank; -1 after the last line. */
  #indent = -1;
  #depth = 0;

  constructor(text: string) {
    this.#lines = text.split('\n');
  }

  document(): unknown {
    this.#next();
    if (this.#line === '---') this.#next();
    if (this.#indent !== 0) throw NOT_PLAIN;
    // A mapping at column 0 ends with the text and nowhere before.
    return this.#mapping(0, findPair(this.#line, 0));
  }

  /** To the next line that is neither blank nor a comment. */
  #next(): void {
    for (;;) {
      const line = this.#lines[++this.#at];
      if (line === undefined) {
        this.#line = '';
        this.#indent = -1;
        return;
      }
      let indent = 0;
      while (line.charCodeAt(indent) === SPACE) indent++;
      if (isEnd(line, indent)) continue;
      this.#line = line;
      this.#indent = indent;
      return;
    }
  }

  /** What stands below a key or a dash at column `outer`. */
  #below(outer: number, inMapping: boolean): unknown {
    this.#next();
    const indent = this.#indent;
    if (isDash(this.#line, indent) && (indent > outer || (inMapping && indent === outer))) return this.#list(indent);
    if (indent <= outer) throw NOT_PLAIN;
    return this.#mapping(indent, findPair(this.#line, indent));
  }

  /** A mapping whose keys stand at column `col`; `first` is its first pair, found in the current line. */
  #mapping(col: number, first: RegExpExecArray | null): Record<string, unknown> {
    if (++this.#depth > MAX_DEPTH) throw NOT_PLAIN;
    const data: Record<string, unknown> = {};
    let count = 0;
    for (let pair = first; ; pair = findPair(this.#line, col)) {
      const key = pair?.[1];
      const word = pair?.[2];
      if (key === undefined || !isText(key)) throw NOT_PLAIN;
      count++;
      if (word !== undefined && isText(word)) {
        data[key] = word;
        this.#next();
      } else {
        const at = skipBlanks(this.#line, this.#line.indexOf(':', col) + 1);
        data[key] = isEnd(this.#line, at) ? this.#below(col, true) : this.#inline(at);
      }
      if (this.#indent < col) break;
      if (this.#indent > col) throw NOT_PLAIN;
    }
    // A key twice leaves fewer than were read; asking once is cheaper than asking before each.
    if (Object.keys(data).length !== count) throw NOT_PLAIN;
    this.#depth--;
    return data;
  }

  #list(col: number): unknown[] {
    if (++this.#depth > MAX_DEPTH) throw NOT_PLAIN;
    const items: unknown[] = [];
    const places: Place[] = [];
    while (this.#indent === col && isDash(this.#line, col)) {
      const at = skipBlanks(this.#line, col + 1);
      if (isEnd(this.#line, at)) {
        const item = this.#at;
        items.push(this.#below(col, false));
        places.push(this.#firstPlace(item + 1));
        continue;
      }
      if (isDash(this.#line, at)) throw NOT_PLAIN;
      places.push({ line: this.#at + 1, col: at + 1 });
      const pair = findPair(this.#line, at);
      items.push(pair === null ? this.#inline(at) : this.#mapping(at, pair));
    }
    if (this.#indent > col) throw NOT_PLAIN;
    this.#depth--;
    this.places.set(items, places);
    return items;
  }

  /** Of the first significant line from index `at` on. */
  #firstPlace(at: number): Place {
    for (let i = at; ; i++) {
      const found = /^ *(?=[^ #])/.exec(this.#lines[i] ?? 'x');
      if (found !== null) return { line: i + 1, col: found[0].length + 1 };
    }
  }

  /** A value that begins and ends in this line; then to the next one. */
  #inline(at: number): unknown {
    const line = this.#line;
    const first = line.charCodeAt(at);
    let value: unknown;
    if (first === BRACE || first === BRACKET || first === DOUBLE || first === SINGLE) {
      const flow = this.#flow;
      value = flow.read(line, at, this.#at + 1);
      if (!isEnd(line, skipBlanks(line, flow.at)) || line.charCodeAt(flow.at) === HASH) throw NOT_PLAIN;
    } else {
      value = plainScalar(line.slice(at));
    }
    this.#next();
    return value;
  }
}
