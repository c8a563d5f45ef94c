import type { ControlState } from '../../reconcile/control/state.ts';

/** What `systemctl status` shows of the controller, on one line. */
export function statusLine(state: ControlState): string {
  const all = Object.values(state.agents);
  const having = (type: string, status: string): number =>
    all.filter((list) => list.some((c) => c.type === type && c.status === status)).length;
  const parts = [`${having('Ready', 'True')} of ${all.length} agents ready`];
  for (const [type, word] of [
    ['Reconciling', 'reconciling'],
    ['Stalled', 'stalled'],
    ['Paused', 'paused'],
  ] as const) {
    const number = having(type, 'True');
    if (number > 0) parts.push(`${number} ${word}`);
  }
  if (state.stopped !== null) parts.push(`all actions are stopped: ${state.stopped}`);
  return parts.join(', ');
}
