/** What has come to hold fleet back since a plan was saved: a pause, a crash loop. Pure. */
import { fingerprint } from '../spec/fingerprint.ts';
import type { AgentSpec } from '../spec/model.ts';
import { covers } from './hold-back.ts';
import { NO_HOLDS, type PlanHolds } from './plan-holds.ts';
import { isBringUp } from './repetition.ts';
import type { SavedPlan } from './saved-plan.ts';
import { times } from './times.ts';

export interface Held {
  readonly detail: string;
  /** The command that lets it go on. */
  readonly remedy: string;
}

/** The first; null where nothing stands in the way. What was held back when the plan was made is none of its changes. */
export function heldSince(
  plan: SavedPlan,
  holds: PlanHolds = NO_HOLDS,
  agents: readonly AgentSpec[] = [],
  home = '/',
): Held | null {
  for (const change of plan.changes) {
    const pause = holds.pauses.find((p) => covers(p, change.address, change.agent));
    if (pause !== undefined) {
      const detail = `${change.address} is paused by ${pause.by} since ${pause.since}: ${pause.reason}`;
      return { detail, remedy: `fleet resume ${pause.target ?? '--all'}` };
    }
    const agent = agents.find((a) => a.name === change.agent);
    if (agent === undefined || !isBringUp(change) || !Object.hasOwn(holds.crash_loops, agent.name)) continue;
    const loop = holds.crash_loops[agent.name];
    if (loop === undefined || loop.spec !== fingerprint(agent, home)) continue;
    const detail = `${agent.name} was restarted ${times(loop.restarts)} and ended again, left alone since ${loop.since}`;
    return { detail, remedy: `mend what ends it, then: fleet reset ${agent.name}` };
  }
  return null;
}
