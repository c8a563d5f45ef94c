import type { ConditionType } from '../../reconcile/control/conditions.ts';
import type { ControlState } from '../../reconcile/control/state.ts';

/** What `systemctl status` shows of the controller, on one line. */
export function statusLine(state: ControlState): string {
  const all = Object.values(state.agents);
  const having = new Map<ConditionType, number>();
  for (const conditions of all) {
    for (const { type, status } of conditions) if (status === 'True') having.set(type, (having.get(type) ?? 0) + 1);
  }
  const parts = [`${having.get('Ready') ?? 0} of ${all.length} agents ready`];
  for (const [type, word] of [
    ['Reconciling', 'reconciling'],
    ['Stalled', 'stalled'],
    ['Paused', 'paused'],
  ] as const) {
    const number = having.get(type) ?? 0;
    if (number > 0) parts.push(`${number} ${word}`);
  }
  if (state.stopped !== null) parts.push(`all actions are stopped: ${state.stopped}`);
  return parts.join(', ');
}
