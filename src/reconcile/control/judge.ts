/** The conditions of a look, from what was seen, its plan and what was decided. */
import { seenContext } from '../../diff/context.ts';
import { covers } from '../../diff/hold-back.ts';
import type { Plan } from '../../diff/plan.ts';
import { readinessOf } from '../../diff/standing.ts';
import { stamp } from './clock.ts';
import { agentConditions, type Condition, fleetConditions } from './conditions.ts';
import { entry } from './counters.ts';
import type { Decision } from './decide.ts';
import type { PassInput } from './pass.ts';
import { type ControlState, NOTHING_TOLD } from './state.ts';

interface Judged extends PassInput {
  readonly plan: Plan;
  readonly scope: ReadonlySet<string> | null;
  readonly decision: Decision;
}

export function judge(state: ControlState, input: Judged): Pick<ControlState, 'agents' | 'fleet' | 'toldBefore'> {
  const { roster, plan, scope, decision, stopped, trouble, pauses } = input;
  const at = stamp(input.now);
  const { held, counters } = decision;
  // What other passes are at is under way all the same, whether this look finds it wrong still or right already.
  const acting = [...decision.act, ...[...state.working.values()].flatMap((work) => work.acted)];
  const seen = seenContext(input);
  const agents: Record<string, readonly Condition[]> = {};
  for (const agent of roster.agents) {
    const before = state.agents[agent.name] ?? NONE;
    const looked = scope === null || scope.has(agent.name);
    if (!looked && before.length > 0) agents[agent.name] = before;
    if (!looked) continue;
    const pause = pauses.find((p) => covers(p, `/session/${agent.name}`, agent.name)) ?? null;
    const standing = readinessOf(seen, agent);
    const facts = { agent, plan, standing, held, acting, counters, pause, stopped };
    const previous = before.length > 0 ? before : (entry(state.toldBefore.agents, agent.name) ?? NONE);
    agents[agent.name] = agentConditions(facts, previous, at);
  }
  const previous = state.fleet.length > 0 ? state.fleet : state.toldBefore.fleet;
  // After a look at everything every agent has been told of.
  const toldBefore = scope === null ? NOTHING_TOLD : state.toldBefore;
  return { agents, fleet: fleetConditions(roster, agents, trouble, previous, at), toldBefore };
}

const NONE: readonly Condition[] = [];
