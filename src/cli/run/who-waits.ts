/** For whom a heartbeat is worth a look: it changes nothing for an agent that is well and waits for nothing. */
import type { Condition } from '../../reconcile/control/conditions.ts';
import type { ControlState } from '../../reconcile/control/state.ts';
import { onceOf } from '../../spec/kept.ts';

export function isWaitedFor(state: ControlState, agent: string): boolean {
  return !isReady(state.agents[agent]) || [...state.held.values()].some((held) => held.agent === agent);
}

export function anyoneWaits(state: ControlState): boolean {
  return state.held.size > 0 || isAnyNotReady(state.agents);
}

/** Of a thousand agents of which each is as it was it is told already. */
const isAnyNotReady = onceOf((agents: ControlState['agents']): boolean => Object.values(agents).some(isNotReady));

function isNotReady(conditions: readonly Condition[]): boolean {
  return !isReady(conditions);
}

function isReady(conditions: readonly Condition[] | undefined): boolean {
  return conditions?.some(saysReady) === true;
}

function saysReady({ type, status }: Condition): boolean {
  return type === 'Ready' && status === 'True';
}
