/** The conditions of a look, from what was seen, its plan and what was decided. */
import { seenContext } from '../../diff/context.ts';
import { covers } from '../../diff/hold-back.ts';
import type { Plan } from '../../diff/plan.ts';
import { readinessOf } from '../../diff/standing.ts';
import type { AgentSpec } from '../../spec/model.ts';
import { entry, recordLike } from '../../spec/record.ts';
import { stamp } from './clock.ts';
import { agentConditions, type Condition, fleetConditions, namedIn } from './conditions.ts';
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
  const said = namedIn({ plan, held, acting, counters });
  const isTold = ({ name }: AgentSpec): boolean => scope?.has(name) === true || Object.hasOwn(state.agents, name);
  const told = scope === null ? roster.agents : roster.agents.filter(isTold);
  const all: (readonly Condition[])[] = [];
  for (const agent of told) {
    const known = entry(state.agents, agent.name);
    if (known !== undefined && scope !== null && !scope.has(agent.name)) {
      all.push(known);
      continue;
    }
    const { name } = agent;
    const pause = pauses.length === 0 ? null : (pauses.find((p) => covers(p, `/session/${name}`, name)) ?? null);
    const standing = readinessOf(seen, agent);
    const facts = { agent, plan, said, standing, held, acting, counters, pause, stopped };
    const previous = known ?? entry(state.toldBefore.agents, agent.name) ?? NONE;
    all.push(agentConditions(facts, previous, at));
  }
  const agents = recordLike(state.agents, told, all);
  const previous = state.fleet.length > 0 ? state.fleet : state.toldBefore.fleet;
  // After a look at everything every agent has been told of.
  const toldBefore = scope === null ? NOTHING_TOLD : state.toldBefore;
  return { agents, fleet: fleetConditions(roster, agents, trouble, previous, at), toldBefore };
}

const NONE: readonly Condition[] = [];
