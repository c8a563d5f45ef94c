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
  /** Behind what was read last. */
  at = 0;
  #line = '';
  #lineNumber = 0;
  readonly #places: Map<unknown, readonly Place[]>;

  constructor(places: Map<unknown, readonly Place[]>) {
    this.#places = places;
  }

  read(line: string, at: number, lineNumber: number): unknown {
    this.#line = line;
    this.#lineNumber = lineNumber;
    this.at = at;
    return this.#value(0);
  }

  #value(depth: number): unknown {
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
      default:
        return resolve(this.#take(FLOW_PLAIN)[0].trimEnd());
    }
  }

  #mapping(depth: number): Record<string, unknown> {
    const data: Record<string, unknown> = {};
    let count = 0;
    for (let more = this.#open(CLOSING_BRACE); more; more = this.#goOn(CLOSING_BRACE)) {
      const key = this.#take(FLOW_KEY)[1] ?? '';
      if (!isText(key)) throw NOT_PLAIN;
      data[key] = this.#value(depth + 1);
      count++;
    }
    if (Object.keys(data).length !== count) throw NOT_PLAIN;
    return data;
  }

  #list(depth: number): unknown[] {
    const items: unknown[] = [];
    const places: Place[] = [];
    for (let more = this.#open(CLOSING_BRACKET); more; more = this.#goOn(CLOSING_BRACKET)) {
      places.push({ line: this.#lineNumber, col: this.at + 1 });
      items.push(this.#value(depth + 1));
    }
    if (depth === 0) this.#places.set(items, places);
    return items;
  }

  /** Past the opening bracket; false where `closing` follows at once, and is passed too. */
  #open(closing: number): boolean {
    this.at = skipBlanks(this.#line, this.at + 1);
    return !this.#passes(closing);
  }

  /** Past an item; false at the end, which is passed too. */
  #goOn(closing: number): boolean {
    this.at = skipBlanks(this.#line, this.at);
    if (this.#passes(closing)) return false;
    if (!this.#passes(COMMA)) throw NOT_PLAIN;
    this.at = skipBlanks(this.#line, this.at);
    return !this.#passes(closing);
  }

  #passes(character: number): boolean {
    if (this.#line.charCodeAt(this.at) !== character) return false;
    this.at++;
    return true;
  }

  #take(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#line);
    if (found === null) throw NOT_PLAIN;
    this.at = pattern.lastIndex;
    return found;
  }
}
