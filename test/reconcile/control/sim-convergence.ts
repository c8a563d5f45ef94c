/**
 * How many passes each agent, and what all share, needed until it was as the roster wants it. Several passes are under way
 * at once, each about the agents whose keys it took; one that finds an agent, or what that waits for, in the hands of another
 * pass leaves it to that one, and is no pass about it. All others count, those too that only find that it has to wait.
 */
import type { Plan } from '../../../src/diff/plan.ts';
import type { Held } from '../../../src/reconcile/control/decide.ts';

const SHARED = '';

export class PassesNeeded {
  private readonly passes = new Map<string, number>();

  /** Of one look: its plan, and what was decided to wait. `agents`: whom the look was about; null = everything. */
  looked(plan: Plan, held: ReadonlyMap<string, Held>, agents: ReadonlySet<string> | null): void {
    const differs = [...plan.changes, ...plan.deferred, ...plan.blocked, ...plan.unknown];
    const about = new Set<string>();
    for (const { agent, address } of differs) {
      const wait = held.get(address);
      if (agents !== null && !agents.has(agent ?? SHARED)) continue;
      if (wait === undefined || !leftToAnother(wait, held)) about.add(agent ?? SHARED);
    }
    for (const name of about) this.passes.set(name, (this.passes.get(name) ?? 0) + 1);
  }
  /** `alpha: 2, beta: 3`. */
  get told(): string {
    return [...this.passes].map(([name, passes]) => `${name === SHARED ? 'shared' : name}: ${passes}`).join(', ');
  }
  get most(): number {
    return Math.max(0, ...this.passes.values());
  }
}

function leftToAnother(wait: Held, held: ReadonlyMap<string, Held>): boolean {
  if (wait.why !== 'dependency') return wait.why === 'in-progress';
  const first = wait.behind === null ? undefined : held.get(wait.behind);
  return first === undefined || leftToAnother(first, held);
}
