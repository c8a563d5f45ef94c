/**
 * Env files as systemd's EnvironmentFile= reads them (systemd.exec(5); systemd's src/basic/env-file.c), and their merge:
 * fleet owns its own keys and leaves every other line, byte for byte and in order, as it found it.
 */
import { formatEnvFileValue } from './quoting.ts';
import { recordOf } from './record.ts';
import { unreachable } from './result.ts';

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
    const line = readPlainLine(text, at) ?? readLine(text, at);
    lines.push(line);
    at += line.raw.length;
  }
  return { lines };
}

/** All keys in the order in which they first appear; the last assignment of each wins. */
export function envFileVariables(file: EnvFile): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const { key, value } of file.lines) if (key !== null) variables.set(key, value);
  return variables;
}

export function envFileValues(file: EnvFile): Readonly<Record<string, string>> {
  return recordOf(envFileVariables(file));
}

/**
 * The text with the wanted keys: replaced where they first stand (repetitions go), removed where null is wanted. Missing
 * ones are added behind the one that comes before them in `wanted`, so that a key that was taken away and comes again
 * stands where it stood; at the end where none of those is there. `text` null: there is no file yet. Own lines end in
 * a bare newline also in a file with CRLF: shells that read the file would take the CR for a part of the value.
 */
export function mergeEnvFile(text: string | null, wanted: Readonly<Record<string, string | null>>): string {
  const written = new Set<string>();
  const own = (key: string) => {
    const value = Object.hasOwn(wanted, key) ? wanted[key] : undefined;
    return value === undefined || value === null || written.has(key) ? '' : formatLine(key, value, written);
  };
  const { lines } = parseEnvFile(text ?? '');
  const present = new Set(lines.map((line) => line.key));
  const keys = Object.keys(wanted);
  /** Those that are missing right behind it, up to the next that stands in the file. */
  const followers = (key: string): readonly string[] => {
    const rest = keys.slice(keys.indexOf(key) + 1);
    const next = rest.findIndex((k) => present.has(k) && wanted[k] !== null);
    return (next === -1 ? rest : rest.slice(0, next)).filter((k) => !present.has(k));
  };
  const kept = lines.flatMap((line) => {
    const mine = line.key !== null && Object.hasOwn(wanted, line.key);
    if (!mine || line.key === null) return [line];
    const first = own(line.key);
    if (first === '') return [];
    return [{ ...line, raw: [first, ...followers(line.key).map(own)].join(''), end: 'closed' as const }];
  });
  const added = keys.map(own).join('');
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

/** A whole line without anything that the parser looks at twice; nearly all are, and it takes characters one by one. */
const PLAIN_LINE = /[A-Za-z_]\w*=(?:[\w@%+:.,/~=-](?:[\w@%+:.,/~= -]*[\w@%+:.,/~=-])?)?\n/y;

function readPlainLine(text: string, start: number): EnvLine | null {
  PLAIN_LINE.lastIndex = start;
  if (!PLAIN_LINE.test(text)) return null;
  const equals = text.indexOf('=', start);
  const next = PLAIN_LINE.lastIndex;
  const key = text.slice(start, equals);
  return { raw: text.slice(start, next), key, value: text.slice(equals + 1, next - 1), end: 'closed' };
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

/** A line as far as it has been read. */
interface Scan {
  state: State;
  key: string;
  value: string;
  /** Length of `value` without trailing white space that stood bare. */
  kept: number;
}

function readLine(text: string, start: number): EnvLine {
  const scan: Scan = { state: 'before-key', key: '', value: '', kept: 0 };
  let glued = false;
  for (let at = start; at < text.length; at += 1) {
    const char = text.charAt(at);
    const newline = char === '\n' || char === '\r';
    if (newline && !swallowsNewline(scan.state)) {
      const end = char === '\r' && text.charAt(at + 1) === '\n' ? at + 2 : at + 1;
      return toLine(text.slice(start, end), scan, 'closed');
    }
    glued = newline;
    step(scan, char, newline);
  }
  return toLine(text.slice(start), scan, glued || swallowsNewline(scan.state) ? 'open' : 'needs-newline');
}

function swallowsNewline(state: State): boolean {
  return state === 'single' || state === 'double' || state.endsWith('-escape');
}

/**
 * ```
 *  before-key --#;--> comment <--\--> comment-escape          (a continued comment swallows the next line up to
 *      |                                                       systemd 253; later ones end it. Read the older way a
 *     key --=--> before-value <--quote--> single, double       key behind one is added anew at the end, and the last
 *                     |                     \--> double-escape assignment wins either way)
 *                   value <--\--> value-escape
 * ```
 */
function step(scan: Scan, char: string, newline: boolean): void {
  switch (scan.state) {
    case 'before-key':
      if (char === '#' || char === ';') scan.state = 'comment';
      else if (!isSpace(char)) {
        scan.state = 'key';
        scan.key = char;
      }
      return;
    case 'key':
      if (char === '=') scan.state = 'before-value';
      else scan.key += char;
      return;
    case 'before-value':
      if (char === "'") scan.state = 'single';
      else if (char === '"') scan.state = 'double';
      else if (char === '\\') scan.state = 'value-escape';
      else if (!isSpace(char)) keep(scan, char, 'value');
      return;
    case 'value':
      if (char === '\\') keep(scan, '', 'value-escape');
      else if (isSpace(char)) scan.value += char;
      else keep(scan, char, 'value');
      return;
    case 'value-escape':
      keep(scan, newline ? '' : char, 'value');
      return;
    case 'single':
      if (char === "'") keep(scan, '', 'before-value');
      else keep(scan, char, 'single');
      return;
    case 'double':
      if (char === '"') keep(scan, '', 'before-value');
      else if (char === '\\') keep(scan, '', 'double-escape');
      else keep(scan, char, 'double');
      return;
    case 'double-escape':
      if ('"\\`$'.includes(char)) keep(scan, char, 'double');
      else keep(scan, char === '\n' ? '' : `\\${char}`, 'double');
      return;
    case 'comment':
      if (char === '\\') scan.state = 'comment-escape';
      return;
    case 'comment-escape':
      scan.state = 'comment';
      return;
    default:
      unreachable(scan.state);
  }
}

function keep(scan: Scan, text: string, next: State): void {
  scan.value += text;
  scan.kept = scan.value.length;
  scan.state = next;
}

function toLine(raw: string, scan: Scan, end: EnvLine['end']): EnvLine {
  const { state, key, value, kept } = scan;
  const assigned = state !== 'before-key' && state !== 'key' && !state.startsWith('comment');
  if (!assigned) return { raw, key: null, value: '', end };
  return { raw, key: key.replace(/[ \t]+$/, ''), value: value.slice(0, kept), end };
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\t';
}
