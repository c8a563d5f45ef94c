/**
 * What is left of an agent goes whole or not at all: a unit that is stopped while its session is left alone on purpose
 * would end that session.
 */
import type { Finding } from './finding.ts';
import type { Change } from './plan.ts';

/** `after`: what a filter left of `before`. Where it took a part of a removal away, the rest of that goes too. */
export function wholeRemovals(before: readonly Finding[], after: readonly Finding[]): readonly Finding[] {
  const left = new Set(after.flatMap((f) => changeOf(f) ?? []));
  const broken = new Set<string | null>();
  for (const f of before) {
    const c = changeOf(f);
    if (c !== null && !left.has(c)) broken.add(c.agent);
  }
  if (broken.size === 0) return after;
  return after.filter((f) => !broken.has(changeOf(f)?.agent ?? null) || changeOf(f) === null);
}

/** Of a removal; null for all else. */
function changeOf(f: Finding): Change | null {
  const planned = f.bucket === 'change' || f.bucket === 'deferred';
  return planned && f.change.stage === 6 ? f.change : null;
}

/** The other parts of the same removal. */
export function restOfRemoval(changes: readonly Change[]): (c: Change) => readonly Change[] {
  return (c) => (c.stage === 6 ? changes.filter((other) => other.stage === 6 && other.agent === c.agent) : []);
}
