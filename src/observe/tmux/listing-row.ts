/** One row of a listing: a pane, and what is told of its session with it. */
import { MARK_OPTION, PANE_OPTION, parseSessionMark, SPEC_OPTION } from '../../spec/session-mark.ts';
import type { SessionMark, TmuxPane } from '../state.ts';

export interface ListedSession {
  readonly id: string;
  readonly name: string;
  readonly created: number;
  readonly attached: number;
  readonly activity: number;
  readonly mark: SessionMark | null;
  readonly panes: readonly ListedPane[];
}

/** A pane before it is known what runs in it. Its size is the window's: a pane is smaller where a person has split it. */
export interface ListedPane extends Omit<TmuxPane, 'runs' | 'prompt'> {
  readonly title: string;
}

/** Numbers and ids, which tmux makes itself, or nothing: a space keeps them apart. */
const PLAIN = [
  'session_id',
  'session_created',
  'session_attached',
  'session_activity',
  'window_id',
  'window_index',
  'window_activity',
  'window_panes',
  'pane_id',
  'pane_pid',
  'pane_dead',
  'pane_in_mode',
  'alternate_on',
  'window_width',
  'window_height',
] as const;
/** Whatever programs and people have called things; and names that some tmux knows only of dead panes: it looks for others in the environment. */
const FREE = [
  'session_name',
  MARK_OPTION,
  SPEC_OPTION,
  PANE_OPTION,
  'pane_dead_status',
  'pane_dead_signal',
  'pane_tty',
  'pane_current_command',
  'pane_title',
] as const;
const FIELDS = [...PLAIN, ...FREE] as const;
type Field = (typeof FIELDS)[number];

/** What is asked of each pane. The nonce stands where only it can: of a thousand rows with all fields so, it was most of the bytes. */
export function rowFormat(nonce: string): string {
  const plain = PLAIN.map((field) => `#{${field}}`).join(' ');
  return [plain, ...FREE.map((field) => `#{${field}}`)].join(`${nonce}F`);
}

export interface ListedRow {
  readonly head: Omit<ListedSession, 'panes'>;
  readonly pane: ListedPane;
  /** A window's place in a session. */
  readonly place: string;
  /** How many panes that window has. */
  readonly windowPanes: number;
}

/** Values in the order of `FIELDS`. */
type Row = readonly string[];

const PLACES = Object.fromEntries(FIELDS.map((field, i) => [field, i])) as Readonly<Record<Field, number>>;
const fieldOf = (row: Row, field: Field): string => row[PLACES[field]] ?? '';

/** As `rowFormat` asks for it. Before each free field stands `separator` with an F behind it, its end is told by one with an E. Null where the text is no row. */
export function rowParser(serverPid: number, separator: string): (text: string) => ListedRow | null {
  const [end, between] = [`${separator}E\n`, `${separator}F`];
  const stray = new RegExp(`${separator}(?!F)`);
  return (text) => {
    const row = text.endsWith(end) ? text.slice(0, -end.length) : '';
    const [plain = '', ...free] = row.split(between);
    const fields = [...plain.split(' '), ...free];
    if (free.length !== FREE.length || fields.length !== FIELDS.length) return null;
    return stray.test(row) ? null : toRow(fields, serverPid);
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

export function wholeNumber(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}
