/** The nearest right word for a misspelt one, for keys, names and choices alike. */

/** `socketName`, `Socket-Name` and `socket_name` are one word with different spellings. */
const fold = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');

/** `holder` for `holder_session`, `directory` for `working_directory`. */
const isPart = (word: string, whole: string): boolean =>
  word.length >= 3 && (whole.startsWith(`${word}_`) || whole.endsWith(`_${word}`));

/** Null where nothing is near: at most a third of the letters differ (a swap of neighbours counting once), or it is a part. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const folded = fold(word);
  // A word of one letter is near to every other.
  const limit = word.length < 2 ? 0 : Math.max(1, Math.floor(word.length / 3));
  let best: string | null = null;
  let least = limit + 1;
  for (const candidate of candidates) {
    const distance = folded !== '' && fold(candidate) === folded ? 0 : editDistance(word, candidate, least);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best ?? [...candidates].find((candidate) => isPart(word, candidate)) ?? null;
}

/** Optimal string alignment distance; anything not below `limit` is returned as `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 256) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return Math.min(last[b.length] ?? limit, limit);
}
