/**
 * How many passes each agent, and what all share, needed until it was as the roster wants it. Several passes are under way
 * at once, each about the agents whose keys it took. No pass about an agent is one that finds it, or what it waits for, in
 * the hands of another pass, and leaves it to that one; nor one that only finds it in a wait that it was found in before,
 * whose end has not come yet: events may make any number of looks meanwhile. The look that begins a wait counts.
 */
import type { Plan } from '../../../src/diff/plan.ts';
import type { Held } from '../../../src/reconcile/control/decide.ts';

type HeldNow = ReadonlyMap<string, Held>;

export interface Look {
  readonly plan: Plan;
  /** What was decided to wait. */
  readonly held: HeldNow;
  /** Whom the look was about; null = everything. */
  readonly agents: ReadonlySet<string> | null;
  /** Of the controller's clock, as `Held.until`. */
  readonly steady: number;
}

const SHARED = '';

export class PassesNeeded {
  private readonly passes = new Map<string, number>();
  /** By agent: what it was waiting for at the last look that counted. */
  private readonly waits = new Map<string, string>();

  looked({ plan, held, agents, steady }: Look): void {
    const differs = [...plan.changes, ...plan.deferred, ...plan.blocked, ...plan.unknown];
    for (const name of new Set(differs.map((d) => d.agent ?? SHARED))) {
      if (agents !== null && !agents.has(name)) continue;
      const own = differs.filter((d) => (d.agent ?? SHARED) === name).map(({ address }) => held.get(address));
      if (own.every((wait) => wait !== undefined && leftToAnother(wait, held))) continue;
      const waiting = own.every((wait) => wait !== undefined && (wait.until ?? 0) > steady);
      const wait = JSON.stringify(own.map((w) => [w?.address, w?.why, w?.until]));
      if (waiting && this.waits.get(name) === wait) continue;
      this.waits.set(name, wait);
      this.passes.set(name, (this.passes.get(name) ?? 0) + 1);
    }
  }
  /** `alpha: 2, beta: 3`. */
  get told(): string {
    return [...this.passes].map(([name, passes]) => `${name === SHARED ? 'shared' : name}: ${passes}`).join(', ');
  }
  get most(): number {
    return Math.max(0, ...this.passes.values());
  }
}

function leftToAnother(wait: Held, held: HeldNow): boolean {
  if (wait.why !== 'dependency') return wait.why === 'in-progress';
  const first = wait.behind === null ? undefined : held.get(wait.behind);
  return first === undefined || leftToAnother(first, held);
}
