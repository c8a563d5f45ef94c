/**
 * What is told where nothing could be looked at (the inventory, the pauses or the place cannot be read): of agents that nobody
 * sees it is not known how they are, whatever was seen of them before.
 */
import { recordOf } from '../../spec/record.ts';
import { type Moment, stamp } from './clock.ts';
import type { Condition } from './conditions.ts';
import type { ControlState } from './state.ts';

const MESSAGE = 'nothing can be looked at: the trouble is the last of `fleet events`';

/** `agents`: that were to be looked at; null: all. */
export function blind(state: ControlState, agents: readonly string[] | null, now: Moment): ControlState {
  const at = stamp(now);
  const unseen = (conditions: readonly Condition[]): readonly Condition[] => conditions.map((c) => unknown(c, at));
  const scope = agents === null ? null : new Set(agents);
  const told = Object.entries(state.agents).map(
    ([name, conditions]) => [name, scope === null || scope.has(name) ? unseen(conditions) : conditions] as const,
  );
  return { ...state, agents: recordOf(told), fleet: unseen(state.fleet) };
}

/** An agent that is to be stopped is ready whatever there is of it. */
function unknown(condition: Condition, at: string): Condition {
  if (condition.type !== 'Ready' || condition.reason === 'Stopped' || condition.message === MESSAGE) return condition;
  const last_transition = condition.status === 'Unknown' ? condition.last_transition : at;
  return { ...condition, status: 'Unknown', reason: 'Unobserved', message: MESSAGE, last_transition };
}
