/** One-line flow collections and quoted text, for the quick reader (yaml-plain.ts). */
import {
  BRACE,
  BRACKET,
  CLOSING_BRACE,
  CLOSING_BRACKET,
  COMMA,
  DOUBLE,
  isText,
  NOT_PLAIN,
  resolve,
  SINGLE,
  skipBlanks,
} from './yaml-plain-words.ts';

/** Where a list's item begins, counting from 1. */
export interface Place {
  readonly line: number;
  readonly col: number;
}

/** Levels of flow, and of blocks, that the quick reader follows. */
export const MAX_DEPTH = 24;

const FLOW_KEY = /([A-Za-z_][A-Za-z0-9_.-]{0,127}): +/y;
/** Words of a flow list; what else plain text may hold there, the library knows. */
const FLOW_PLAIN = /[A-Za-z0-9_~/.+=-][A-Za-z0-9_~/.+=@%-]*(?: +[A-Za-z0-9_~/.+=@%-]+)* *(?=[,\]}])/y;
const QUOTED = /"([^"\\]*)"|'([^']*)'(?!')/y;

export class FlowReader {
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
      const key = this.#take(FLOW_KEY)[1] ?? '';
      if (!isText(key) || Object.hasOwn(data, key)) throw NOT_PLAIN;
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
