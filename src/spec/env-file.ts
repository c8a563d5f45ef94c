/**
 * Env files as systemd's EnvironmentFile= reads them (systemd.exec(5); systemd's src/basic/env-file.c), and their merge:
 * fleet owns its own keys and leaves every other line, byte for byte and in order, as it found it.
 */
import { formatEnvFileValue } from './quoting.ts';

export { sameEnvValue, wantedEnv } from './agent-env.ts';

export interface EnvFile {
  /** Every byte of the file: the lines' `raw` joined give the text. */
  readonly lines: readonly EnvLine[];
}

/** One logical line: an assignment with its continuations and quoted line ends, a comment, or anything else. */
export interface EnvLine {
  readonly raw: string;
  /** Null for comments, blank lines, and lines without `=`. */
  readonly key: string | null;
  readonly value: string;
  /**
   * How a further line may follow: at once; after a line end that is missing; or not at all, since an open quote or a
   * continuation would swallow it.
   */
  readonly end: 'closed' | 'needs-newline' | 'open';
}

export function parseEnvFile(text: string): EnvFile {
  const lines: EnvLine[] = [];
  for (let at = 0; at < text.length; ) {
    const line = readLine(text, at);
    lines.push(line);
    at += line.raw.length;
  }
  return { lines };
}

/** All keys in the order in which they first appear. */
export function envFileKeys(file: EnvFile): readonly string[] {
  return [...new Set(file.lines.flatMap((line) => (line.key === null ? [] : [line.key])))];
}

/** The last assignment of a key wins. */
export function envFileValues(file: EnvFile): Readonly<Record<string, string>> {
  return Object.fromEntries(file.lines.flatMap((line) => (line.key === null ? [] : [[line.key, line.value]])));
}

/**
 * The text with the wanted keys: replaced where they first stand (repetitions go), added at the end in the order of
 * `wanted` where they are missing, removed where null is wanted. `text` null: there is no file yet. Own lines end in
 * a bare newline also in a file with CRLF: shells that read the file would take the CR for a part of the value.
 */
export function mergeEnvFile(text: string | null, wanted: Readonly<Record<string, string | null>>): string {
  const written = new Set<string>();
  const own = (key: string) => {
    const value = Object.hasOwn(wanted, key) ? wanted[key] : undefined;
    return value === undefined || value === null || written.has(key) ? '' : formatLine(key, value, written);
  };
  const kept = parseEnvFile(text ?? '').lines.flatMap((line) => {
    const mine = line.key !== null && Object.hasOwn(wanted, line.key);
    if (!mine || line.key === null) return [line];
    const raw = own(line.key);
    return raw === '' ? [] : [{ ...line, raw, end: 'closed' as const }];
  });
  const added = Object.keys(wanted).map(own).join('');
  const last = kept.at(-1);
  const raws = kept.map((line) => line.raw);
  if (added === '' || last === undefined || last.end === 'closed') return [...raws, added].join('');
  if (last.end === 'needs-newline') return [...raws, '\n', added].join('');
  return [...raws.slice(0, -1), added, last.raw].join('');
}

function formatLine(key: string, value: string, written: Set<string>): string {
  written.add(key);
  return `${key}=${formatEnvFileValue(value)}\n`;
}

/** The states of systemd's own parser. `value-escape` and its kin: just behind a backslash. */
type State =
  | 'before-key'
  | 'key'
  | 'before-value'
  | 'value'
  | 'value-escape'
  | 'single'
  | 'double'
  | 'double-escape'
  | 'comment'
  | 'comment-escape';

/**
 * ```
 *  before-key --#;--> comment <--\--> comment-escape          (a continued comment swallows the next line up to
 *      |                                                       systemd 253; later ones end it. Read the older way a
 *     key --=--> before-value <--quote--> single, double       key behind one is added anew at the end, and the last
 *                     |                     \--> double-escape assignment wins either way)
 *                   value <--\--> value-escape
 * ```
 */
function readLine(text: string, start: number): EnvLine {
  let state: State = 'before-key';
  let key = '';
  let value = '';
  /** Length of `value` without trailing white space that stood bare. */
  let kept = 0;
  let glued = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charAt(at);
    const newline = char === '\n' || char === '\r';
    const closes = newline && state !== 'single' && state !== 'double' && !state.endsWith('-escape');
    if (closes) {
      const end = char === '\r' && text.charAt(at + 1) === '\n' ? at + 2 : at + 1;
      return toLine(text.slice(start, end), state, key, value.slice(0, kept), 'closed');
    }
    glued = newline;
    switch (state) {
      case 'before-key':
        if (char === '#' || char === ';') state = 'comment';
        else if (!isSpace(char)) {
          state = 'key';
          key = char;
        }
        break;
      case 'key':
        if (char === '=') state = 'before-value';
        else key += char;
        break;
      case 'before-value':
        if (char === "'") state = 'single';
        else if (char === '"') state = 'double';
        else if (char === '\\') state = 'value-escape';
        else if (!isSpace(char)) {
          state = 'value';
          value += char;
          kept = value.length;
        }
        break;
      case 'value':
        if (char === '\\') {
          state = 'value-escape';
          kept = value.length;
        } else {
          value += char;
          if (!isSpace(char)) kept = value.length;
        }
        break;
      case 'value-escape':
        state = 'value';
        if (!newline) value += char;
        kept = value.length;
        break;
      case 'single':
        if (char === "'") state = 'before-value';
        else value += char;
        kept = value.length;
        break;
      case 'double':
        if (char === '"') state = 'before-value';
        else if (char === '\\') state = 'double-escape';
        else value += char;
        kept = value.length;
        break;
      case 'double-escape':
        state = 'double';
        if ('"\\`$'.includes(char)) value += char;
        else if (char !== '\n') value += `\\${char}`;
        kept = value.length;
        break;
      case 'comment':
        if (char === '\\') state = 'comment-escape';
        break;
      case 'comment-escape':
        state = 'comment';
        break;
    }
  }
  const open = glued || state === 'single' || state === 'double' || state.endsWith('-escape');
  return toLine(text.slice(start), state, key, value.slice(0, kept), open ? 'open' : 'needs-newline');
}

function toLine(raw: string, state: State, key: string, value: string, end: EnvLine['end']): EnvLine {
  const assigned = state !== 'before-key' && state !== 'key' && state !== 'comment' && state !== 'comment-escape';
  return assigned ? { raw, key: key.replace(/[ \t]+$/, ''), value, end } : { raw, key: null, value: '', end };
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\t';
}
