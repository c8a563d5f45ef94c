/** Sessions and panes of one server: the script that asks for all of them at once, and the parser of its answer. */
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

/** Null where the answer is not one to `renderListing(nonce)`. */
export function parseListing(stdout: string, nonce: string): Listing | null {
  const records = parseRecords(stdout, nonce);
  if (records === null || records.server === null || records.shared === null) return null;
  const [pid, start, version, ...more] = records.server;
  if (pid === undefined || start === undefined || version === undefined || more.length > 0) return null;
  const server = { pid: wholeNumber(pid), start: wholeNumber(start) };
  if (server.pid === null || server.start === null) return null;
  const sessions = parseSessions(records.rows, server.pid);
  if (sessions === null) return null;
  const marksInherited = records.shared.trim() !== '';
  return { pid: server.pid, start: server.start, version, sessions, marksInherited };
}

interface Records {
  readonly rows: readonly (readonly string[])[];
  readonly server: readonly string[] | null;
  /** What the shared scopes hold, one line each; null where they were not told. */
  readonly shared: string | null;
}

function parseRecords(stdout: string, nonce: string): Records | null {
  const [before, ...pieces] = stdout.split(nonce);
  if (before !== '' || pieces.at(-1) !== 'Z\n') return null;
  const rows: string[][] = [];
  let server: string[] | null = null;
  let shared: string | null = null;
  let open: string[] | null = null;
  for (const piece of pieces.slice(0, -1)) {
    const letter = piece.charAt(0);
    const value = piece.slice(1);
    if (letter === 'F' && open !== null) open.push(value);
    else if (letter === 'E' && open !== null && value === '\n') open = null;
    else if (open !== null) return null;
    else if (letter === 'R') {
      open = [value];
      rows.push(open);
    } else if (letter === 'S' && server === null) {
      open = [value];
      server = open;
    } else if (letter === 'I' && shared === null) shared = value;
    else return null;
  }
  return open === null ? { rows, server, shared } : null;
}

type Row = Readonly<Record<Field, string>>;

function parseSessions(rows: Records['rows'], serverPid: number): readonly ListedSession[] | null {
  const sessions = new Map<string, { head: Omit<ListedSession, 'panes'>; panes: Map<string, ListedPane> }>();
  const missing = new Map<string, number>();
  for (const values of rows) {
    const row = nameFields(values);
    const pane = row === null ? null : parsePane(row);
    if (row === null || pane === null) return null;
    const known = sessions.get(row.session_id);
    const head = known?.head ?? parseHead(row, serverPid);
    if (head === null) return null;
    // A window may be linked into a session twice: its panes are the same ones.
    if (known === undefined) sessions.set(row.session_id, { head, panes: new Map([[pane.id, pane]]) });
    else known.panes.set(pane.id, pane);
    const place = `${row.session_id}:${row.window_index}`;
    missing.set(place, (missing.get(place) ?? wholeNumber(row.window_panes) ?? 0) - 1);
  }
  if ([...missing.values()].some((count) => count !== 0)) return null;
  return [...sessions.values()].map(({ head, panes }) => ({ ...head, panes: [...panes.values()] }));
}

function nameFields(values: readonly string[]): Row | null {
  if (values.length !== FIELDS.length) return null;
  const row = Object.fromEntries(FIELDS.map((field, i) => [field, values[i] ?? '']));
  return row as Row;
}

function parseHead(row: Row, serverPid: number): Omit<ListedSession, 'panes'> | null {
  const created = wholeNumber(row.session_created);
  const attached = wholeNumber(row.session_attached);
  if (!/^\$\d+$/.test(row.session_id) || created === null || attached === null) return null;
  const identity = { pid: serverPid, id: row.session_id, created };
  return {
    id: row.session_id,
    name: row.session_name,
    created,
    attached,
    activity: wholeNumber(row.session_activity) ?? created,
    mark: readMark({ mark: row[MARK_OPTION], spec: row[SPEC_OPTION], pane: row[PANE_OPTION] }, identity),
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
  const width = wholeNumber(row.window_width);
  const height = wholeNumber(row.window_height);
  const dead = row.pane_dead === '1';
  if (!/^%\d+$/.test(row.pane_id) || !/^@\d+$/.test(row.window_id) || width === null || height === null) return null;
  return {
    id: row.pane_id,
    window_id: row.window_id,
    window_activity: wholeNumber(row.window_activity),
    pid: positive(wholeNumber(row.pane_pid)),
    tty: row.pane_tty === '' ? null : row.pane_tty,
    dead,
    dead_status: dead ? wholeNumber(row.pane_dead_status) : null,
    dead_signal: dead && row.pane_dead_signal !== '' ? row.pane_dead_signal : null,
    in_mode: (wholeNumber(row.pane_in_mode) ?? 0) > 0,
    alternate_on: row.alternate_on === '1',
    width,
    height,
    current_command: row.pane_current_command,
    title: row.pane_title,
  };
}

function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}

function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
