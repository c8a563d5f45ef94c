import type { Roster } from '../../spec/model.ts';

/**
 * Whom a look is narrowed to that is about these: those that the roster still knows, which may have changed since, with
 * all that they stand on. What is not looked at is unknown, and would hold nobody back who must wait for it.
 */
export function lookedAt(agents: readonly string[], roster: Pick<Roster, 'agents'>): readonly string[] {
  const below = new Map(roster.agents.map((agent) => [agent.name, agent.dependsOn]));
  const names = new Set(agents.filter((name) => below.has(name)));
  // A set is walked in order of insertion, those that are added on the way included.
  for (const name of names) for (const next of below.get(name) ?? []) if (below.has(next)) names.add(next);
  return [...names];
}
