import { expandHome } from './home.ts';

/**
 * The words of a simple command, an unquoted leading `~` expanded; null where a shell would do more than split it
 * (operators, substitutions, assignments, comments, several lines) or a quote is left open: what that would run cannot
 * be told from the text. Patterns (`*`, `[`) stay as they are.
 */
export function parseShellWords(text: string, home: string): readonly string[] | null {
  const words: string[] = [];
  const command = text.replace(/^[ \t\n]+/, '');
  let word: string | null = null;
  let at = 0;
  while (at < command.length) {
    const space = /[ \t\n]+/y;
    space.lastIndex = at;
    if (space.test(command)) {
      if (command.slice(at, space.lastIndex).includes('\n') && space.lastIndex < command.length) return null;
      if (word !== null) words.push(word);
      word = null;
      at = space.lastIndex;
      continue;
    }
    const piece = parsePiece(command, at, word === null, home);
    if (piece === null || (words.length === 0 && word === null && piece.assigns)) return null;
    word = (word ?? '') + piece.text;
    at = piece.end;
  }
  if (word !== null) words.push(word);
  return words;
}

interface Piece {
  readonly text: string;
  readonly end: number;
  readonly assigns: boolean;
}

/** One quoted or bare part of a word. `first`: the word begins here. */
function parsePiece(command: string, at: number, first: boolean, home: string): Piece | null {
  const token = /'([^']*)'|"((?:[^"\\$`]|\\.)*)"|\\(.)|([^ \t\n'"\\]+)/sy;
  token.lastIndex = at;
  const found = token.exec(command);
  if (found === null) return null;
  const [, single, double, escaped, bare] = found;
  const end = token.lastIndex;
  if (single !== undefined) return { text: single, end, assigns: false };
  if (double !== undefined) return { text: unescapeDouble(double), end, assigns: false };
  if (escaped !== undefined) return { text: escaped === '\n' ? '' : escaped, end, assigns: false };
  if (bare === undefined || /[|&;<>()$`]/.test(bare) || (first && bare.startsWith('#'))) return null;
  // `~'/x'` is not expanded by a shell: the slash or the word's end must stand bare behind the tilde.
  const tilde = first && (bare !== '~' || /^([ \t\n]|$)/.test(command.slice(end, end + 1)));
  return { text: tilde ? expandHome(bare, home) : bare, end, assigns: first && /^\w+=/.test(bare) };
}

function unescapeDouble(text: string): string {
  return text.replace(/\\([$`"\\\n])/g, (_, char: string) => (char === '\n' ? '' : char));
}
