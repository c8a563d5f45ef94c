/** Reads what `systemctl show` prints: blocks of `Key=Value`, a blank line between two units. */

export type ShownUnit = ReadonlyMap<string, string>;

export function parseShow(text: string): readonly ShownUnit[] {
  const units: ShownUnit[] = [];
  let unit = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) unit.set(line.slice(0, equals), line.slice(equals + 1));
    else if (line === '' && unit.size > 0) {
      units.push(unit);
      unit = new Map();
    }
  }
  return unit.size > 0 ? [...units, unit] : units;
}

/** A list property: words between blanks, in double quotes with backslashes where a word needs it. */
export function parseShownList(value: string): readonly string[] {
  const words = value.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word));
}
