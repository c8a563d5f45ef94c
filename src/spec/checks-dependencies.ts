/** `depends_on`: agents that are there, and no circles. */
import { type CheckContext, type CheckedAgent, knowsAllNames, originOf } from './roster-view.ts';
import { nearest } from './suggest.ts';

export function checkDependencies(context: CheckContext): void {
  const byName = new Map(context.agents.map((agent) => [agent.written.name, agent]));
  const waiting = context.agents.filter(
    ({ merged }) => merged.depends_on !== undefined && merged.depends_on.length > 0,
  );
  for (const agent of waiting) {
    const origin = originOf(agent, 'depends_on');
    for (const [i, name] of (agent.merged.depends_on ?? []).entries()) {
      if (byName.has(name) || !knowsAllNames(context)) continue;
      const near = nearest(name, [...byName.keys()]);
      context.report({
        code: 'unknown-reference',
        path: [...origin, i],
        at: 'value',
        detail: `agent ${JSON.stringify(name)} in depends_on`,
        remedy: near === null ? 'add that agent, or take it out of `depends_on`' : `did you mean ${near}?`,
      });
    }
  }
  for (const cycle of cycles(waiting, byName)) reportCycle(context, byName, cycle);
}

function reportCycle(context: CheckContext, byName: ReadonlyMap<string, CheckedAgent>, cycle: readonly string[]): void {
  const last = byName.get(cycle.at(-1) ?? '');
  if (last === undefined) return;
  const closing = (last.merged.depends_on ?? []).indexOf(cycle[0] ?? '');
  const detail = [...cycle, cycle[0]].join(' -> ');
  const remedy = cycle.length === 1 ? 'an agent cannot wait for itself' : 'take one of them out';
  context.report({
    code: 'dependency-cycle',
    path: [...originOf(last, 'depends_on'), closing],
    at: 'value',
    detail,
    remedy,
  });
}

/** Each circle once, as names in the order of waiting. Iterative: a chain may be as long as the roster. */
function cycles(
  waiting: readonly CheckedAgent[],
  byName: ReadonlyMap<string, CheckedAgent>,
): readonly (readonly string[])[] {
  const found: string[][] = [];
  const done = new Set<string>();
  for (const { written: start } of waiting) {
    const trail: string[] = [];
    const on = new Set<string>();
    const stack: { readonly name: string; readonly rest: string[] }[] = [];
    const enter = (name: string): void => {
      if (on.has(name)) found.push(trail.slice(trail.indexOf(name)));
      if (on.has(name) || done.has(name)) return;
      trail.push(name);
      on.add(name);
      stack.push({ name, rest: [...(byName.get(name)?.merged.depends_on ?? [])].filter((n) => byName.has(n)) });
    };
    enter(start.name);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.rest.shift();
      if (next !== undefined) {
        enter(next);
        continue;
      }
      stack.pop();
      trail.pop();
      on.delete(top.name);
      done.add(top.name);
    }
  }
  return found;
}
