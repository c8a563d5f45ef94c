/** Sessions and panes of one server: the script that asks for all of them at once, and the parser of its answer. */
import { areSame } from '../../spec/kept.ts';
import { MARK_OPTION, PANE_OPTION, SPEC_OPTION } from '../../spec/session-mark.ts';
import { type ListedRow, type ListedSession, rowFormat, rowParser, wholeNumber } from './listing-row.ts';

export interface Listing {
  readonly pid: number;
  /** Unix seconds. */
  readonly start: number;
  readonly version: string;
  readonly sessions: readonly ListedSession[];
  /**
   * Options of ours are set for all sessions or windows at once: formats inherit them, or show them instead of a
   * session's own, so the marks of this listing are not to be believed and each session must be asked.
   */
  readonly marksInherited: boolean;
}

const SCOPES = ['-s', '-g', '-gw'];

/**
 * After each nonce stands one letter: R begins a row, F the next free field, E ends the row, I what is set in a shared
 * scope, S the server, Z the end of all. The server comes last, so what ends early is seen.
 */
export function renderListing(nonce: string): string {
  const options = [MARK_OPTION, SPEC_OPTION, PANE_OPTION];
  const inherited = SCOPES.flatMap((scope) => options.map((option) => `show-options ${scope} -qv ${option}`));
  const server = ['pid', 'start_time', 'version'].map((field) => `#{${field}}`).join(`${nonce}F`);
  return [
    `list-panes -a -F '${nonce}R${rowFormat(nonce)}${nonce}E'`,
    `display-message -p '${nonce}I'`,
    ...inherited,
    `display-message -p '${nonce}S${server}${nonce}E'`,
    `display-message -p '${nonce}Z'`,
    '',
  ].join('\n');
}

export function isWhole(nonce: string): (stdout: string) => boolean {
  const end = `${nonce}Z\n`;
  return (stdout) => stdout.endsWith(end);
}

/** Rows of the last answer with their texts: what is the same text again is the same row. */
export interface KnownRows {
  /** The server that they were told by. */
  serverPid: number | null;
  /** In the order of the last answer, which is that of the next one but for what came and went. */
  rows: readonly KnownRow[];
  /** By id. */
  sessions: ReadonlyMap<string, KnownSession>;
}

interface KnownRow {
  readonly text: string;
  readonly row: ListedRow;
}

interface KnownSession {
  readonly rows: readonly ListedRow[];
  readonly session: ListedSession;
}

export function knownRows(): KnownRows {
  return { serverPid: null, rows: [], sessions: new Map() };
}

/**
 * Null where the answer is not one to `renderListing(nonce)`. With `known` sessions of which every word is as before are
 * the very objects that they were, and it is left holding the rows of this answer and no others.
 */
export function parseListing(stdout: string, nonce: string, known?: KnownRows): Listing | null {
  const records = parseRecords(stdout, nonce, known !== undefined);
  if (records === null) return null;
  const [pid, start, version, ...more] = records.server;
  if (pid === undefined || start === undefined || version === undefined || more.length > 0) return null;
  const server = { pid: wholeNumber(pid), start: wholeNumber(start) };
  if (server.pid === null || server.start === null) return null;
  const sessions = parseSessions(records, server.pid, known);
  if (sessions === null) return null;
  const marksInherited = records.shared.trim() !== '';
  return { pid: server.pid, start: server.start, version, sessions, marksInherited };
}

interface Records {
  /** Of each the text, with `separator` between its fields. */
  readonly rows: readonly string[];
  readonly separator: string;
  readonly server: readonly string[];
  /** What the shared scopes hold, one line each. */
  readonly shared: string;
}

/** tmux prints strings of C, in which it cannot be. */
const NUL = '\0';

/** `alike`: rows shall be the same where they tell the same, so one character stands for the nonce, which is another each time. */
function parseRecords(stdout: string, nonce: string, alike: boolean): Records | null {
  if (stdout.includes(NUL)) return null;
  const separator = alike ? NUL : nonce;
  // Nonces are letters and digits, and `-` and `_`.
  const text = alike ? stdout.replace(new RegExp(nonce, 'g'), NUL) : stdout;
  const shared = text.indexOf(`${separator}I`);
  if (shared === -1) return null;
  const [before, ...rows] = text.slice(0, shared).split(`${separator}R`);
  const [none, inherited = '', ...rest] = text.slice(shared).split(separator);
  if (before !== '' || none !== '' || rest.at(-1) !== 'Z\n' || rest.at(-2) !== 'E\n') return null;
  const [first, ...fields] = rest.slice(0, -2);
  if (first?.startsWith('S') !== true || !fields.every((field) => field.startsWith('F'))) return null;
  const server = [first, ...fields].map((field) => field.slice(1));
  return { rows, separator, server, shared: inherited.slice(1) };
}

function parseSessions(
  { rows: texts, separator }: Records,
  serverPid: number,
  known: KnownRows | undefined,
): readonly ListedSession[] | null {
  const before = known?.serverPid === serverPid ? known : knownRows();
  const parse = rowParser(serverPid, separator);
  const find = rowFinder(before.rows);
  const rows: KnownRow[] = [];
  const sessions = new Map<string, Rows>();
  const missing = new Map<string, number>();
  for (const text of texts) {
    const seen = find(text);
    const own = seen?.text ?? (known === undefined ? text : ownCopy(text));
    const row = seen?.row ?? parse(own);
    if (row === null) return null;
    rows.push(seen ?? { text: own, row });
    const { place, windowPanes, head } = row;
    const others = sessions.get(head.id);
    if (others === undefined) sessions.set(head.id, [row]);
    else others.push(row);
    missing.set(place, (missing.get(place) ?? windowPanes) - 1);
  }
  for (const count of missing.values()) if (count !== 0) return null;
  const told = new Map<string, KnownSession>();
  for (const [id, own] of sessions) {
    const seen = before.sessions.get(id);
    told.set(id, seen !== undefined && areSame(seen.rows, own) ? seen : { rows: own, session: sessionOf(own) });
  }
  if (known !== undefined) Object.assign(known, { serverPid, rows, sessions: told });
  return [...told.values()].map(({ session }) => session);
}

/** Row after row, where it was expected; to look it up among all takes a hash of each text, which takes as long as all else. */
function rowFinder(rows: readonly KnownRow[]): (text: string) => KnownRow | undefined {
  let next = 0;
  let byText: ReadonlyMap<string, number> | null = null;
  return (text) => {
    if (rows[next]?.text === text) {
      next += 1;
      return rows[next - 1];
    }
    if (rows.length === 0) return undefined;
    byText ??= new Map(rows.map((row, index) => [row.text, index]));
    const at = byText.get(text);
    if (at === undefined) return undefined;
    next = at + 1;
    return rows[at];
  };
}

/** What is cut out of an answer keeps all of it in memory. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

type Rows = [ListedRow, ...ListedRow[]];

function sessionOf(rows: Rows): ListedSession {
  // A window may be linked into a session twice: its panes are the same ones.
  const panes = new Map(rows.map(({ pane }) => [pane.id, pane]));
  return { ...rows[0].head, panes: [...panes.values()] };
}
