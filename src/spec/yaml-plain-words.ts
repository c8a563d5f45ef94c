/** Words and blanks of plain YAML, for the quick reader (yaml-plain.ts): what can be told at sight, and nothing else. */

/** Thrown, and caught in readPlainYaml alone: the text is beyond the quick reader. */
export const NOT_PLAIN: unique symbol = Symbol('not plain');

export const SPACE = 0x20;
export const DOUBLE = 0x22;
export const HASH = 0x23;
export const SINGLE = 0x27;
export const COMMA = 0x2c;
export const DASH = 0x2d;
export const BRACKET = 0x5b;
export const CLOSING_BRACKET = 0x5d;
export const BRACE = 0x7b;
export const CLOSING_BRACE = 0x7d;

export function skipBlanks(line: string, from: number): number {
  let at = from;
  while (line.charCodeAt(at) === SPACE) at++;
  return at;
}

/** Nothing but perhaps a comment from here on; whoever asks has skipped the blanks before it. */
export const isEnd = (line: string, at: number): boolean => at >= line.length || line.charCodeAt(at) === HASH;

export const isDash = (line: string, at: number): boolean =>
  line.charCodeAt(at) === DASH && (at + 1 === line.length || line.charCodeAt(at + 1) === SPACE);

/** What is no text to YAML (its core schema), or as a key to JavaScript. */
const NO_TEXT = new Set(['~', 'null', 'Null', 'NULL', 'true', 'True', 'TRUE', 'false', 'False', 'FALSE', '__proto__']);

export const isText = (word: string): boolean => !NO_TEXT.has(word);

const PLAIN_START = /^[A-Za-z0-9_~/.$(+=;^-]/;

/** Plain text to the end of the line or its comment. */
export function plainScalar(rest: string): unknown {
  const comment = rest.indexOf(' #');
  const text = (comment === -1 ? rest : rest.slice(0, comment)).trimEnd();
  if (!PLAIN_START.test(text) || text.includes(': ') || text.endsWith(':')) throw NOT_PLAIN;
  return resolve(text);
}

/** YAML's core schema for what can be told at sight: text, true, false, small whole numbers. */
export function resolve(text: string): unknown {
  if (/^[A-Za-z_/~$(=;^]/.test(text)) {
    if (isText(text)) return text;
    if (text === 'true') return true;
    if (text === 'false') return false;
    throw NOT_PLAIN;
  }
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  // Durations, dates, options and relative paths are no numbers either.
  if (/^(?:[0-9]+(?:ms|s|m|h|d)|[0-9]{4}-[0-9]{2}-[0-9]{2}|--?[A-Za-z][^ ]*|\.{1,2}\/.*)$/.test(text)) return text;
  throw NOT_PLAIN;
}
