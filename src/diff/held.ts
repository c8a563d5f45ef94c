/** Changes that are put off because one that must come before them is. */
import type { PlanContext } from './context.ts';
import type { Finding } from './finding.ts';
import type { Change, DeferredChange } from './plan.ts';

/** What a change waits for, or undefined. */
export function heldBy(ctx: PlanContext, findings: readonly Finding[]): (change: Change) => DeferredChange | undefined {
  const put = findings.flatMap((f) => (f.bucket === 'deferred' ? [f.change] : []));
  const pruned = new Map(put.filter((c) => c.stage === 6).map((c) => [c.agent, c]));
  const stopped = new Map(put.filter((c) => c.stage === 5 && c.action === 'stop').map((c) => [c.agent, c]));
  /** Agents are stopped after what stands on them. The roster's checks exclude circles. */
  const standsOn = (name: string): DeferredChange | undefined => {
    if (stopped.size === 0) return undefined;
    for (const above of ctx.agents.filter((a) => a.dependsOn.includes(name))) {
      const waits = stopped.get(above.name) ?? standsOn(above.name);
      if (waits !== undefined) return waits;
    }
    return undefined;
  };
  return (change) => {
    if (change.agent === null) return undefined;
    // What is left of an agent waits for its session: removing the unit first would end it.
    if (change.stage === 6) return pruned.get(change.agent);
    return change.stage === 5 && change.action === 'stop' ? standsOn(change.agent) : undefined;
  };
}
