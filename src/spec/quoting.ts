/**
 * How a value from the roster is written where something else would read more into it: a shell, systemd, tmux. None of
 * these can carry NUL; the roster refuses it.
 */

/** One POSIX shell word, always single-quoted: nothing in it is ever expanded. */
export function quoteShell(word: string): string {
  return word.includes("'") ? `'${word.replaceAll("'", "'\\''")}'` : `'${word}'`;
}

/** Shell words with quotes only where a word needs them. `=` in the first word would make it an assignment. */
export function formatShellWords(words: readonly string[]): string {
  return words
    .map((word, index) => {
      const plain = index === 0 ? /^[\w@%+:,./-]+$/ : /^[\w@%+=:,./-]+$/;
      return plain.test(word) ? word : quoteShell(word);
    })
    .join(' ');
}

/**
 * A value for an env file that systemd reads (EnvironmentFile=), with quotes only where they are needed: an empty value
 * is nothing at all, since other readers take `''` for two quotes. Source: systemd.exec(5), systemd's env-file.c.
 */
export function formatEnvFileValue(value: string): string {
  if (value === '') return '';
  const plain = !/^[\s'"]|\s$|[\\\n\r]/.test(value);
  return plain ? value : `"${value.replace(/["\\`$]/g, '\\$&')}"`;
}

/** One word of ExecStart= and its kin: specifiers and variables doubled, C escapes, quotes only where needed. */
export function formatUnitWord(word: string): string {
  const literal = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  if (/^[\w@%$+=:,./-]+$/.test(literal)) return literal;
  const escaped = literal
    .replace(/["\\]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `"${escaped}"`;
}

/** A value of a setting that is not a command (Description=): specifiers doubled, on one line. */
export function formatUnitText(text: string): string {
  return text.replaceAll('%', '%%').replace(/[\r\n\\]/g, ' ');
}

/**
 * One argument of a tmux command that expands formats: every `#` doubled, since `#(…)` runs a shell in at least 21
 * places, but for those right before a `[`, which tmux leaves as they are; and a trailing `;`, which would end the
 * command, escaped. Measured on tmux 3.3a.
 */
export function tmuxFormatLiteral(value: string): string {
  return tmuxArgument(value.replace(/#+(?![#[])/g, '$&$&'));
}

/** One argument of a tmux command that expands nothing: only a trailing `;` needs an escape. Measured on tmux 3.3a. */
export function tmuxArgument(value: string): string {
  return value.endsWith(';') ? `${value.slice(0, -1)}\\;` : value;
}
