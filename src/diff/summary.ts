/** The plan in numbers. */
import type { AgentSpec } from '../spec/model.ts';
import type { Action, Plan, Summary } from './plan.ts';

type Buckets = Pick<Plan, 'changes' | 'deferred' | 'blocked' | 'unknown' | 'unmanaged' | 'ignored' | 'warnings'>;

export function summarize(agents: readonly AgentSpec[], buckets: Buckets): Summary {
  const { changes, deferred, blocked, unknown, unmanaged, ignored, warnings } = buckets;
  const count = (action: Action): number => changes.filter((c) => c.action === action).length;
  const touched = new Set([...changes, ...deferred, ...blocked, ...unknown].map((x) => x.agent));
  let unchanged = 0;
  for (const { name } of agents) if (!touched.has(name)) unchanged += 1;
  return {
    create: count('create'),
    start: count('start'),
    restart: count('restart'),
    enable: count('enable'),
    disable: count('disable'),
    update: count('update'),
    reload: count('reload'),
    signal: count('signal'),
    stop: count('stop'),
    destroy: count('destroy'),
    unchanged,
    deferred: deferred.length,
    blocked: blocked.length,
    unknown: unknown.length,
    unmanaged: unmanaged.length,
    ignored: ignored.length,
    warnings: warnings.length,
  };
}
