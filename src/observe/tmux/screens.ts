/** What is on the screens of some panes, and whose marks the sessions bear, each asked for all of them at once. */
import { MARK_OPTION, PANE_OPTION, SPEC_OPTION } from '../../spec/session-mark.ts';

/**
 * Plain `capture-pane -p` shows full-screen programs too; `-a` fails, or shows the other screen. A pane that is gone by
 * now fails alone: a script goes on after a command that fails.
 */
export function renderScreens(panes: readonly string[], nonce: string): string {
  // Without its `%`, which display-message would take for a time's.
  const name = (id: string) => id.slice('%'.length);
  const lines = panes.flatMap((id) => [`display-message -p '${nonce}P${name(id)}'`, `capture-pane -p -t '${id}'`]);
  return [...lines, `display-message -p '${nonce}Z'`, ''].join('\n');
}

/** Screens by pane id, without the blank lines at the end; a pane that was gone has none. Null: not such an answer. */
export function parseScreens(stdout: string, nonce: string): ReadonlyMap<string, readonly string[]> | null {
  const pieces = parsePieces(stdout, nonce, 'P');
  if (pieces === null) return null;
  const screens = new Map<string, readonly string[]>();
  for (const { name, text } of pieces) {
    if (text !== '') screens.set(`%${name}`, text.trimEnd().split('\n'));
  }
  return screens;
}

const OWN_OPTIONS = { mark: MARK_OPTION, spec: SPEC_OPTION, pane: PANE_OPTION } as const;

export interface OwnOptions {
  readonly mark: string;
  readonly spec: string;
  readonly pane: string;
}

/** `show-options` without -A tells what a session itself has, where `#{@option}` would inherit. */
export function renderOwnOptions(sessions: readonly string[], nonce: string): string {
  const lines = sessions.flatMap((id) =>
    Object.values(OWN_OPTIONS).flatMap((option) => [
      `display-message -p '${nonce}O${id}${option}'`,
      `show-options -qv -t '${id}:' ${option}`,
    ]),
  );
  return [...lines, `display-message -p '${nonce}Z'`, ''].join('\n');
}

/** By session id. Null: not such an answer. */
export function parseOwnOptions(stdout: string, nonce: string): ReadonlyMap<string, OwnOptions> | null {
  const pieces = parsePieces(stdout, nonce, 'O');
  if (pieces === null) return null;
  const values = new Map(pieces.map(({ name, text }) => [name, text.endsWith('\n') ? text.slice(0, -1) : text]));
  const sessions = new Map<string, OwnOptions>();
  for (const name of values.keys()) {
    const id = name.slice(0, name.indexOf('@'));
    const optionOf = (option: string) => values.get(`${id}${option}`) ?? '';
    const { mark, spec, pane } = OWN_OPTIONS;
    sessions.set(id, { mark: optionOf(mark), spec: optionOf(spec), pane: optionOf(pane) });
  }
  return sessions;
}

interface Piece {
  readonly name: string;
  readonly text: string;
}

/** `<nonce><letter><name>\n<text>` over and over, then the end. */
function parsePieces(stdout: string, nonce: string, letter: string): readonly Piece[] | null {
  const [before, ...raw] = stdout.split(nonce);
  if (before !== '' || raw.at(-1) !== 'Z\n') return null;
  const pieces: Piece[] = [];
  for (const piece of raw.slice(0, -1)) {
    const newline = piece.indexOf('\n');
    if (!piece.startsWith(letter) || newline < 0) return null;
    pieces.push({ name: piece.slice(1, newline), text: piece.slice(newline + 1) });
  }
  return pieces;
}
