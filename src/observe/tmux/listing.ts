/** Sessions and panes of one server: the script that asks for all of them at once, and the parser of its answer. */
import { areSame } from '../../spec/kept.ts';
import { MARK_OPTION, PANE_OPTION, parseSessionMark, SPEC_OPTION } from '../../spec/session-mark.ts';
import type { SessionMark } from '../state.ts';

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

export interface ListedSession {
  readonly id: string;
  readonly name: string;
  readonly created: number;
  readonly attached: number;
  readonly activity: number;
  readonly mark: SessionMark | null;
  readonly panes: readonly ListedPane[];
}

export interface ListedPane {
  readonly id: string;
  readonly window_id: string;
  readonly window_activity: number | null;
  readonly pid: number | null;
  readonly tty: string | null;
  readonly dead: boolean;
  readonly dead_status: number | null;
  readonly dead_signal: string | null;
  readonly in_mode: boolean;
  readonly alternate_on: boolean;
  /** Of the window: a pane is smaller where a person has split it. */
  readonly width: number;
  readonly height: number;
  readonly current_command: string;
  readonly title: string;
}

const FIELDS = [
  'session_id',
  'session_name',
  'session_created',
  'session_attached',
  'session_activity',
  MARK_OPTION,
  SPEC_OPTION,
  PANE_OPTION,
  'window_id',
  'window_index',
  'window_activity',
  'window_panes',
  'pane_id',
  'pane_pid',
  'pane_tty',
  'pane_dead',
  'pane_dead_status',
  'pane_dead_signal',
  'pane_in_mode',
  'alternate_on',
  'window_width',
  'window_height',
  'pane_current_command',
  'pane_title',
] as const;
type Field = (typeof FIELDS)[number];

const SCOPES = ['-s', '-g', '-gw'];

/**
 * After each nonce stands one letter: R begins a row, F the next field, E ends the row, I what is set in a shared
 * scope, S the server, Z the end of all. The server comes last, so what ends early is seen.
 */
export function renderListing(nonce: string): string {
  const row = FIELDS.map((field) => `#{${field}}`).join(`${nonce}F`);
  const options = [MARK_OPTION, SPEC_OPTION, PANE_OPTION];
  const inherited = SCOPES.flatMap((scope) => options.map((option) => `show-options ${scope} -qv ${option}`));
  const server = ['pid', 'start_time', 'version'].map((field) => `#{${field}}`).join(`${nonce}F`);
  return [
    `list-panes -a -F '${nonce}R${row}${nonce}E'`,
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

/** Rows of earlier answers by their text: what is the same text again is the same row. */
export interface KnownRows {
  /** The server that they were told by. */
  serverPid: number | null;
  rows: ReadonlyMap<string, ListedRow>;
  /** By id. */
  sessions: ReadonlyMap<string, KnownSession>;
}

interface KnownSession {
  readonly rows: readonly ListedRow[];
  readonly session: ListedSession;
}

export function knownRows(): KnownRows {
  return { serverPid: null, rows: new Map(), sessions: new Map() };
}

interface ListedRow {
  readonly head: Omit<ListedSession, 'panes'>;
  readonly pane: ListedPane;
  /** A window's place in a session. */
  readonly place: string;
  /** How many panes that window has. */
  readonly windowPanes: number;
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

/** Values in the order of `FIELDS`. */
type Row = readonly string[];

const PLACES = Object.fromEntries(FIELDS.map((field, i) => [field, i])) as Readonly<Record<Field, number>>;
const fieldOf = (row: Row, field: Field): string => row[PLACES[field]] ?? '';

function parseSessions(
  { rows: texts, separator }: Records,
  serverPid: number,
  known: KnownRows | undefined,
): readonly ListedSession[] | null {
  const before = known?.serverPid === serverPid ? known : knownRows();
  const parse = rowParser(serverPid, separator);
  const rows = new Map<string, ListedRow>();
  const sessions = new Map<string, Rows>();
  const missing = new Map<string, number>();
  for (const text of texts) {
    const own = known === undefined || before.rows.has(text) ? text : ownCopy(text);
    const row = before.rows.get(text) ?? parse(own);
    if (row === null) return null;
    rows.set(own, row);
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

/** Null where the text is not a row. */
function rowParser(serverPid: number, separator: string): (text: string) => ListedRow | null {
  const [end, between] = [`${separator}E\n`, `${separator}F`];
  const stray = new RegExp(`${separator}(?!F)`);
  return (text) => {
    const row = text.endsWith(end) ? text.slice(0, -end.length) : '';
    const fields = row.split(between);
    return fields.length !== FIELDS.length || stray.test(row) ? null : toRow(fields, serverPid);
  };
}

function toRow(fields: Row, serverPid: number): ListedRow | null {
  const pane = parsePane(fields);
  const head = parseHead(fields, serverPid);
  if (pane === null || head === null) return null;
  return {
    head,
    pane,
    place: `${fieldOf(fields, 'session_id')}:${fieldOf(fields, 'window_index')}`,
    windowPanes: wholeNumber(fieldOf(fields, 'window_panes')) ?? 0,
  };
}

function parseHead(row: Row, serverPid: number): Omit<ListedSession, 'panes'> | null {
  const created = wholeNumber(fieldOf(row, 'session_created'));
  const attached = wholeNumber(fieldOf(row, 'session_attached'));
  if (!/^\$\d+$/.test(fieldOf(row, 'session_id')) || created === null || attached === null) return null;
  const identity = { pid: serverPid, id: fieldOf(row, 'session_id'), created };
  return {
    id: fieldOf(row, 'session_id'),
    name: fieldOf(row, 'session_name'),
    created,
    attached,
    activity: wholeNumber(fieldOf(row, 'session_activity')) ?? created,
    mark: readMark(
      { mark: fieldOf(row, MARK_OPTION), spec: fieldOf(row, SPEC_OPTION), pane: fieldOf(row, PANE_OPTION) },
      identity,
    ),
  };
}

/** The mark where it is this very session's; what stands beside a mark that is not counts for nothing. */
export function readMark(
  options: { readonly mark: string; readonly spec: string; readonly pane: string },
  session: { readonly pid: number; readonly id: string; readonly created: number },
): SessionMark | null {
  const mark = parseSessionMark(options.mark, session);
  if (mark === null) return null;
  const pane = /^%\d+$/.test(options.pane) ? options.pane : null;
  return { owner: mark.owner, agent: mark.agent, spec: options.spec === '' ? null : options.spec, pane };
}

function parsePane(row: Row): ListedPane | null {
  const width = wholeNumber(fieldOf(row, 'window_width'));
  const height = wholeNumber(fieldOf(row, 'window_height'));
  const dead = fieldOf(row, 'pane_dead') === '1';
  if (
    !/^%\d+$/.test(fieldOf(row, 'pane_id')) ||
    !/^@\d+$/.test(fieldOf(row, 'window_id')) ||
    width === null ||
    height === null
  )
    return null;
  return {
    id: fieldOf(row, 'pane_id'),
    window_id: fieldOf(row, 'window_id'),
    window_activity: wholeNumber(fieldOf(row, 'window_activity')),
    pid: positive(wholeNumber(fieldOf(row, 'pane_pid'))),
    tty: fieldOf(row, 'pane_tty') === '' ? null : fieldOf(row, 'pane_tty'),
    dead,
    dead_status: dead ? wholeNumber(fieldOf(row, 'pane_dead_status')) : null,
    dead_signal: dead && fieldOf(row, 'pane_dead_signal') !== '' ? fieldOf(row, 'pane_dead_signal') : null,
    in_mode: (wholeNumber(fieldOf(row, 'pane_in_mode')) ?? 0) > 0,
    alternate_on: fieldOf(row, 'alternate_on') === '1',
    width,
    height,
    current_command: fieldOf(row, 'pane_current_command'),
    title: fieldOf(row, 'pane_title'),
  };
}

function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}

function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
