/**
 * The shell around the controller's pure core: it looks, writes, applies and waits as the core says, and decides nothing.
 *
 *   events, timers --> keys --beginPass--> look --decidePass--> write, tell --> apply (beside the next look) --endPass--> keys
 *
 * One look at a time; effects of several passes side by side, about different agents.
 */
import type { Observed } from '../../observe/state.ts';
import { blind } from '../../reconcile/control/blind.ts';
import type { Moment } from '../../reconcile/control/clock.ts';
import type { Counters } from '../../reconcile/control/counters.ts';
import {
  beginPass,
  decidePass,
  type Effect,
  endPass,
  type PassInput,
  type Step,
} from '../../reconcile/control/pass.ts';
import type { ControlPolicy } from '../../reconcile/control/policy.ts';
import { type ControlState, createControl, type Told, trigger } from '../../reconcile/control/state.ts';
import { type Failure, notAttempted, type Outcome } from '../../reconcile/outcome.ts';
import type { PassOutcome } from './telemetry.ts';

/** The world, as the controller reaches it. */
export interface ControllerPorts {
  readonly policy: ControlPolicy;
  readonly random: () => number;
  readonly moment: () => Moment;
  /** Reads the roster again where that was asked for. Resolves when what is in force is settled. */
  readonly refreshRoster: () => Promise<{ readonly changed: boolean }>;
  /** A look at these agents, null at everything; and all that a decision takes besides. Null: there is nothing to look at. */
  readonly look: (agents: readonly string[] | null) => Promise<Looked | null>;
  readonly apply: (plan: ApplyEffect, looked: Looked, progress: () => void) => Promise<readonly Outcome[]>;
  /** Null where it was written. */
  readonly write: (effect: Exclude<Effect, { effect: 'apply' }>, state: ControlState) => Promise<Failure | null>;
  readonly passEnded: (pass: { readonly full: boolean; readonly outcome: PassOutcome; readonly ms: number }) => void;
  /** Told at least every `tickMs` while things go on; not when one of them hangs. */
  readonly alive: (state: ControlState) => void;
  /** Once: the first look is decided on. */
  readonly ready: (state: ControlState) => Promise<void>;
  readonly tickMs: number;
  readonly signal: AbortSignal;
}

export type ApplyEffect = Extract<Effect, { effect: 'apply' }>;

export interface Looked {
  readonly observed: Observed;
  /** What the pure core takes, but for what the loop knows itself. */
  readonly input: Omit<PassInput, 'pass' | 'now' | 'random' | 'policy' | 'observed'>;
  /** Milliseconds since boot when it began. */
  readonly began: number;
}

export interface Controller {
  /** Something happened that is about this agent, or EVERYTHING. */
  readonly mark: (key: string) => void;
  readonly rosterChanged: () => void;
  readonly state: () => ControlState;
  /** Until the signal; resolves when the effects under way have ended. */
  readonly run: () => Promise<void>;
}

/** No single thing that a pass waits for takes so long: programs have deadlines of 100 s at most. Milliseconds. */
const HANGS_AFTER_MS = 240_000;

/** `toldBefore`: by the controller before this one. */
export function createController(counters: Counters, ports: ControllerPorts, toldBefore?: Told): Controller {
  return new Loop(counters, ports, toldBefore);
}

class Loop implements Controller {
  readonly #ports: ControllerPorts;
  #state: ControlState;
  #rosterDirty = true;
  #woken = false;
  #wake: () => void = () => {};
  /** Passes whose effects are under way, with the monotonic time of their last sign of life. */
  readonly #acting = new Map<Promise<void>, { at: number }>();

  constructor(counters: Counters, ports: ControllerPorts, toldBefore?: Told) {
    this.#ports = ports;
    this.#state = createControl(counters, ports.moment(), toldBefore);
    ports.signal.addEventListener('abort', () => this.#wakeUp());
  }

  readonly state = (): ControlState => this.#state;

  readonly mark = (key: string): void => {
    this.#state = trigger(this.#state, key, this.#ports.moment());
    this.#wakeUp();
  };

  readonly rosterChanged = (): void => {
    this.#rosterDirty = true;
    this.#wakeUp();
  };

  readonly run = async (): Promise<void> => {
    const { signal, moment, policy, random } = this.#ports;
    let first = true;
    while (!signal.aborted) {
      this.#tick();
      if (this.#rosterDirty) await this.#refresh();
      const begun = beginPass(this.#state, moment(), policy, random);
      this.#state = begun.state;
      if (begun.look === null) {
        await this.#sleep(begun.wait);
        continue;
      }
      await this.#pass(begun.look.pass, begun.look.agents);
      if (first) await this.#ports.ready(this.#state);
      first = false;
    }
    await Promise.all(this.#acting.keys());
  };

  #wakeUp(): void {
    this.#woken = true;
    this.#wake();
  }

  async #sleep(wait: number | null): Promise<void> {
    if (this.#woken || this.#ports.signal.aborted) {
      this.#woken = false;
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(wait ?? this.#ports.tickMs, this.#ports.tickMs));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
    this.#woken = false;
  }

  #tick(): void {
    const now = this.#ports.moment().monotonic;
    const hangs = [...this.#acting.values()].some((sign) => now - sign.at > HANGS_AFTER_MS);
    if (!hangs) this.#ports.alive(this.#state);
  }

  async #refresh(): Promise<void> {
    this.#rosterDirty = false;
    const { changed } = await this.#ports.refreshRoster();
    if (changed) this.mark('*');
  }

  async #pass(pass: number, agents: readonly string[] | null): Promise<void> {
    const started = this.#ports.moment().monotonic;
    const full = agents === null;
    const ended = (outcome: PassOutcome): void =>
      this.#ports.passEnded({ full, outcome, ms: this.#ports.moment().monotonic - started });
    const looked = await this.#ports.look(agents);
    if (looked === null) {
      this.#state = blind(this.#state, agents, this.#ports.moment());
      await this.#take(this.#end(pass, []));
      return;
    }
    const { policy, random, moment } = this.#ports;
    const now = moment();
    const step = decidePass(this.#state, { ...looked.input, pass, observed: looked.observed, policy, random, now });
    const { apply, uncounted } = await this.#take(step);
    if (apply !== null && uncounted !== null) {
      await this.#take(this.#end(pass, notAttempted(apply.plan, uncounted)));
      ended('failed');
      return;
    }
    if (apply === null) {
      ended(this.#clean(looked) ? 'clean' : 'incomplete');
      return;
    }
    this.#act(apply, looked, ended);
  }

  #clean({ observed }: Looked): boolean {
    return Object.values(observed.sources).every((source) => source.status === 'known');
  }

  /** Beside whatever comes next. */
  #act(apply: ApplyEffect, looked: Looked, ended: (outcome: PassOutcome) => void): void {
    const sign = { at: this.#ports.moment().monotonic };
    const progress = (): void => {
      sign.at = this.#ports.moment().monotonic;
    };
    const acting = this.#ports.apply(apply, looked, progress).then(async (outcomes) => {
      await this.#take(this.#end(apply.pass, outcomes));
      ended(outcomes.some((o) => o.outcome === 'failed') ? 'failed' : 'changed');
      this.#acting.delete(acting);
      this.#wakeUp();
    });
    this.#acting.set(acting, sign);
  }

  #end(pass: number, outcomes: readonly Outcome[]): Step {
    const { policy, random, moment } = this.#ports;
    return endPass(this.#state, { pass, outcomes, policy, random, now: moment() });
  }

  /**
   * In the order in which they are given; what is to be applied is left to the caller. `uncounted`: what it starts could
   * not be written down before, so that a controller that is killed would not remember it.
   */
  async #take(step: Step): Promise<{ readonly apply: ApplyEffect | null; readonly uncounted: Failure | null }> {
    this.#state = step.state;
    let apply: ApplyEffect | null = null;
    let uncounted: Failure | null = null;
    for (const effect of step.effects) {
      if (effect.effect === 'apply') {
        apply = effect;
        continue;
      }
      // Another pass may have counted more by now: never back to what this one knew.
      const latest = effect.effect === 'write-counters' ? { ...effect, counters: this.#state.counters } : effect;
      const failed = await this.#ports.write(latest, this.#state);
      if (latest.effect === 'write-counters' && latest.durable) uncounted = failed;
    }
    return { apply, uncounted };
  }
}
