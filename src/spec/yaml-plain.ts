/**
 * A quick reader for the YAML that rosters are written in: block mappings and lists, one-line flow ones, plain words,
 * quotes without escapes, comments. It answers null for anything else, valid or not, and the library decides: what it
 * does answer is exactly what the library would (test/spec/roster-yaml-plain.test.ts holds the two together).
 * Why: of a roster with 1,000 agents the library takes some 150 ms, four times as long as Node takes to start.
 */

export interface PlainYaml {
  readonly data: unknown;
  /** Of the items of lists: where each begins, counting from 1. */
  readonly places: ReadonlyMap<unknown, readonly Place[]>;
}

interface Place {
  readonly line: number;
  readonly col: number;
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
/** Begins with a letter, so that it is no number; ends before `: `. */
const KEY = /([A-Za-z_][A-Za-z0-9_.-]{0,127}):(?= |$)/y;
const FLOW_KEY = /([A-Za-z_][A-Za-z0-9_.-]{0,127}): +/y;
/** Words of a flow list; what else plain text may hold there, the library knows. */
const FLOW_PLAIN = /[A-Za-z0-9_~/.+=-][A-Za-z0-9_~/.+=@%-]*(?: +[A-Za-z0-9_~/.+=@%-]+)* *(?=[,\]}])/y;
const QUOTED = /"([^"\\]*)"|'([^']*)'(?!')/y;
const PLAIN_START = /^[A-Za-z0-9_~/.$(+=;^-]/;
const MAX_DEPTH = 24;

/** Thrown, and caught in readPlainYaml alone: the text is beyond this reader. */
const NOT_PLAIN: unique symbol = Symbol('not plain');

class PlainReader {
  readonly places = new Map<unknown, readonly Place[]>();
  readonly #lines: readonly string[];
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
    return this.#mapping(0, 0);
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
      if (indent === line.length || line.charCodeAt(indent) === HASH) continue;
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
    return this.#mapping(indent, indent);
  }

  /** A mapping whose keys stand at column `col`, the first at `from` in the current line. */
  #mapping(col: number, from: number): Record<string, unknown> {
    if (++this.#depth > MAX_DEPTH) throw NOT_PLAIN;
    const data: Record<string, unknown> = {};
    for (let at = from; ; at = col) {
      const key = readKey(KEY, this.#line, at);
      if (key === null || Object.hasOwn(data, key)) throw NOT_PLAIN;
      data[key] = this.#value(at + key.length + 1, col);
      if (this.#indent < col) break;
      if (this.#indent > col) throw NOT_PLAIN;
    }
    this.#depth--;
    return data;
  }

  /** The value after a key's colon, with the lines below it where it is none of this line. */
  #value(after: number, col: number): unknown {
    const at = skipBlanks(this.#line, after);
    return isEnd(this.#line, at) ? this.#below(col, true) : this.#inline(at);
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
      KEY.lastIndex = at;
      items.push(KEY.test(this.#line) ? this.#mapping(at, at) : this.#inline(at));
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
      const flow = new FlowReader(line, at, this.#at + 1, this.places);
      value = flow.value(0);
      if (!isEnd(line, skipBlanks(line, flow.at)) || line.charCodeAt(flow.at) === HASH) throw NOT_PLAIN;
    } else {
      value = plainScalar(line.slice(at));
    }
    this.#next();
    return value;
  }
}

/** Flow collections and quoted text within one line. */
class FlowReader {
  at: number;
  readonly #line: string;
  readonly #lineNumber: number;
  readonly #places: Map<unknown, readonly Place[]>;

  constructor(line: string, at: number, lineNumber: number, places: Map<unknown, readonly Place[]>) {
    this.#line = line;
    this.at = at;
    this.#lineNumber = lineNumber;
    this.#places = places;
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw NOT_PLAIN;
    switch (this.#line.charCodeAt(this.at)) {
      case BRACE:
        return this.#mapping(depth);
      case BRACKET:
        return this.#list(depth);
      case DOUBLE:
      case SINGLE: {
        const found = this.#take(QUOTED);
        return found[1] ?? found[2];
      }
      default: {
        const [words] = this.#take(FLOW_PLAIN);
        return resolve(words.trimEnd());
      }
    }
  }

  #mapping(depth: number): Record<string, unknown> {
    const data: Record<string, unknown> = {};
    this.#items(CLOSING_BRACE, () => {
      const key = readKey(FLOW_KEY, this.#line, this.at);
      if (key === null || Object.hasOwn(data, key)) throw NOT_PLAIN;
      this.at = FLOW_KEY.lastIndex;
      data[key] = this.value(depth + 1);
    });
    return data;
  }

  #list(depth: number): unknown[] {
    const items: unknown[] = [];
    const places: Place[] = [];
    this.#items(CLOSING_BRACKET, () => {
      places.push({ line: this.#lineNumber, col: this.at + 1 });
      items.push(this.value(depth + 1));
    });
    this.#places.set(items, places);
    return items;
  }

  /** From the opening bracket to behind `closing`, one call an item. */
  #items(closing: number, item: () => void): void {
    this.at = skipBlanks(this.#line, this.at + 1);
    while (this.#line.charCodeAt(this.at) !== closing) {
      item();
      this.at = skipBlanks(this.#line, this.at);
      const next = this.#line.charCodeAt(this.at);
      if (next === COMMA) this.at = skipBlanks(this.#line, this.at + 1);
      else if (next !== closing) throw NOT_PLAIN;
    }
    this.at++;
  }

  #take(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#line);
    if (found === null) throw NOT_PLAIN;
    this.at = pattern.lastIndex;
    return found;
  }
}

// --- words --------------------------------------------------------------------------------------------------------

const SPACE = 0x20;
const DOUBLE = 0x22;
const HASH = 0x23;
const SINGLE = 0x27;
const COMMA = 0x2c;
const DASH = 0x2d;
const BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

function skipBlanks(line: string, from: number): number {
  let at = from;
  while (line.charCodeAt(at) === SPACE) at++;
  return at;
}

/** Nothing but perhaps a comment from here on; whoever asks has skipped the blanks before it. */
const isEnd = (line: string, at: number): boolean => at >= line.length || line.charCodeAt(at) === HASH;

const isDash = (line: string, at: number): boolean =>
  line.charCodeAt(at) === DASH && (at + 1 === line.length || line.charCodeAt(at + 1) === SPACE);

/** Null where no such key stands there, or one that is no text to YAML or to JavaScript. */
function readKey(pattern: RegExp, line: string, at: number): string | null {
  pattern.lastIndex = at;
  const key = pattern.exec(line)?.[1];
  return key === undefined || key === '__proto__' || /^(?:null|true|false)$/i.test(key) ? null : key;
}

/** Plain text to the end of the line or its comment. */
function plainScalar(rest: string): unknown {
  const comment = rest.indexOf(' #');
  const text = (comment === -1 ? rest : rest.slice(0, comment)).trimEnd();
  if (!PLAIN_START.test(text) || text.includes(': ') || text.endsWith(':')) throw NOT_PLAIN;
  return resolve(text);
}

/** YAML's core schema for what can be told at sight: text, true, false, small whole numbers. */
function resolve(text: string): unknown {
  if (/^[A-Za-z_/~$(=;^]/.test(text)) {
    if (text === 'true') return true;
    if (text === 'false') return false;
    if (text === '~' || /^(?:null|true|false)$/i.test(text)) throw NOT_PLAIN;
    return text;
  }
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  // Durations, dates, options and relative paths are no numbers either.
  if (/^(?:[0-9]+(?:ms|s|m|h|d)|[0-9]{4}-[0-9]{2}-[0-9]{2}|--?[A-Za-z][^ ]*|\.{1,2}\/.*)$/.test(text)) return text;
  throw NOT_PLAIN;
}
