/** Durations as people write them: a number and a unit (`500ms`, `15s`, `10m`, `1h`, `2d`). Never a bare number. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export const DURATION_PATTERN = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)$/;

/** Longest duration: a year. Node's timers overflow at 2^31 ms (24.8 days); whoever sleeps must sleep in parts. */
const LONGEST = 365 * 86_400_000;

/** Whole milliseconds, or null where the text is not a duration or is longer than a year. */
export function parseDuration(text: string): number | null {
  let known = parsed.get(text);
  if (known === undefined) {
    known = parse(text);
    // A roster has few, and each of its agents has them all.
    if (parsed.size < 64) parsed.set(text, known);
  }
  return known;
}

const parsed = new Map<string, number | null>();

function parse(text: string): number | null {
  const found = DURATION_PATTERN.exec(text);
  const unit = UNITS[found?.[2] ?? ''];
  if (found === null || unit === undefined) return null;
  const milliseconds = Math.round(Number(found[1]) * unit);
  return milliseconds > LONGEST ? null : milliseconds;
}

/** The shortest exact text: `90s`, `10m`, `1h`. */
export function formatDuration(milliseconds: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = UNITS[unit];
    if (size !== undefined && milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`;
  }
  return `${milliseconds}ms`;
}
