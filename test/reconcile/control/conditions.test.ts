/** What is said of an agent of which there is nothing to say is what is said of it when all of it is asked. */
import { expect, test } from 'vitest';
import { buildPlan } from '../../../src/diff/build-plan.ts';
import { EMPTY_MEMORY } from '../../../src/diff/policy.ts';
import { agentConditions, namedIn } from '../../../src/reconcile/control/conditions.ts';
import { NO_COUNTERS } from '../../../src/reconcile/control/counters.ts';
import { FLEET } from '../../diff/rosters.ts';
import * as w from '../../diff/world.ts';

const roster = w.roster(FLEET);
const plan = buildPlan({
  roster,
  observed: w.healthy(roster),
  memory: EMPTY_MEMORY,
  policy: w.POLICY,
  toolVersion: '0',
});
const AT = '2026-06-01T12:00:00.000Z';
const UP = { stands: 'up', pane: null } as const;

test.each(['running', 'stopped'] as const)('of an agent that is to be %s and of which nothing is said', (state) => {
  for (const found of roster.agents) {
    const agent = { ...found, state };
    const rest = { plan, held: [], acting: [], counters: NO_COUNTERS };
    const facts = { ...rest, agent, standing: UP, pause: null, stopped: null };
    expect(namedIn(rest).has(agent.name)).toBe(false);
    const short = agentConditions({ ...facts, said: new Set() }, [], AT);
    expect(short).toEqual(agentConditions({ ...facts, said: new Set([agent.name]) }, [], AT));
    expect(short.map(({ type, status }) => [type, status])).toEqual([
      ['Ready', 'True'],
      ['Reconciling', 'False'],
      ['Stalled', 'False'],
      ['Paused', 'False'],
    ]);
    // Each that is as it was is the very same; and none is where the spec is another.
    expect(agentConditions({ ...facts, said: new Set() }, short, 'later')).toBe(short);
    const spec = { ...NO_COUNTERS, agents: { [agent.name]: { spec: 'x' } as never } };
    const other = agentConditions({ ...facts, counters: spec, said: new Set() }, short, 'later');
    expect(other.map((c) => [c.observed_generation, c.last_transition])).toEqual(short.map(() => ['x', AT]));
  }
});

test('whoever is named anywhere is asked about', () => {
  const [agent] = roster.agents;
  const name = agent?.name ?? '';
  const rest = { plan: { ...plan, unknown: [], warnings: [] }, held: [], acting: [], counters: NO_COUNTERS };
  const about = { agent: name } as never;
  const retry = { agent: name, streak: 3, not_before: 0, keep_until: null };
  for (const said of [
    ...(['changes', 'deferred', 'blocked', 'unknown', 'warnings'] as const).map((list) => ({
      ...rest,
      plan: { ...rest.plan, [list]: [about] },
    })),
    { ...rest, held: [about] },
    { ...rest, acting: [about] },
    { ...rest, counters: { ...NO_COUNTERS, retries: { x: retry } } },
  ]) {
    expect(namedIn(said).has(name)).toBe(true);
  }
});
