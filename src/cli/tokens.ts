/**
 * A command line as tokens, by the rules of Node's `util.parseArgs` without `strict`, token for token (a test holds them
 * against each other): that one takes a short command a twentieth of what Node takes to start.
 */

export interface Option {
  /** One letter, null where it has none. */
  readonly short: string | null;
  readonly takesValue: boolean;
}

export interface OptionToken {
  /** The option's long name; of an unknown one what was written. */
  readonly name: string;
  /** As it was written, `-f` or `--file`. */
  readonly rawName: string;
  readonly value: string | undefined;
  /** The value stands in the same word. */
  readonly inline: boolean;
}

/** Operands are texts. `options` by their long names. */
export function tokensOf(
  argv: readonly string[],
  options: ReadonlyMap<string, Option>,
): readonly (OptionToken | string)[] {
  const tokens: (OptionToken | string)[] = [];
  const rest = [...argv];
  /** A value may be the word that follows, whatever it looks like. */
  const option = (name: string, rawName: string, inline: string | undefined): void => {
    const follows = inline === undefined && options.get(name)?.takesValue === true;
    tokens.push({ name, rawName, value: follows ? rest.shift() : inline, inline: inline !== undefined });
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return [...tokens, ...rest];
    if (word.length < 2 || !word.startsWith('-')) {
      tokens.push(word);
      continue;
    }
    if (word.startsWith('--')) {
      // `--=x` is all name, and yet the name of `--=x=y` is empty.
      const equals = word.includes('=', 3) ? word.indexOf('=') : -1;
      if (equals === -1) option(word.slice(2), word, undefined);
      else option(word.slice(2, equals), word.slice(0, equals), word.slice(equals + 1));
      continue;
    }
    const name = longName(word.charAt(1), options);
    if (word.length > 2 && options.get(name)?.takesValue === true) option(name, word.slice(0, 2), word.slice(2));
    else if (word.length > 2) rest.unshift(...apart(word, options));
    else option(name, word, undefined);
  }
  return tokens;
}

/** `-abc` as `-a -b -c`; what follows an option that takes a value is its value. */
function apart(word: string, options: ReadonlyMap<string, Option>): readonly string[] {
  const words: string[] = [];
  for (let at = 1; at < word.length; at += 1) {
    const takesValue = options.get(longName(word.charAt(at), options))?.takesValue === true;
    words.push(`-${takesValue ? word.slice(at) : word.charAt(at)}`);
    if (takesValue) break;
  }
  return words;
}

function longName(short: string, options: ReadonlyMap<string, Option>): string {
  for (const [name, option] of options) if (option.short === short) return name;
  return short;
}
