/** The shell around the pure core, in simulated time: looks, applies and writes, and can be killed between any two. */
import { buildPlan, type PlanInput } from '../../../src/diff/build-plan.ts';
import type { Change, Plan } from '../../../src/diff/plan.ts';
import type { Pause } from '../../../src/diff/plan-holds.ts';
import { EMPTY_MEMORY } from '../../../src/diff/policy.ts';
import type { Moment } from '../../../src/reconcile/control/clock.ts';
import { type Counters, NO_COUNTERS } from '../../../src/reconcile/control/counters.ts';
import { beginPass, decidePass, type Effect, endPass } from '../../../src/reconcile/control/pass.ts';
import type { Reset } from '../../../src/reconcile/control/pauses.ts';
import { CONTROL_POLICY } from '../../../src/reconcile/control/policy.ts';
import { type RosterInForce, type RosterRead, stepRoster } from '../../../src/reconcile/control/roster-in-force.ts';
import { type ControlState, createControl, trigger } from '../../../src/reconcile/control/state.ts';
import { about, type Outcome } from '../../../src/reconcile/outcome.ts';
import { readCounters } from '../../../src/reconcile/state/counters-file.ts';
import { HOME, POLICY } from '../../diff/world.ts';
import type { Look } from './sim-convergence.ts';
import { Oracle, type PassSeen } from './sim-oracle.ts';
import type { Timeline } from './sim-time.ts';
import { rosterFor, type SimWorld, withBeats } from './sim-world.ts';

/** From the start of an effect to what is known of it: the settle time. */
const SETTLE_MS = 2_000;
const LOOK_MS = 20;

export class SimController {
  readonly oracle = new Oracle();
  readonly counts = new Map<string, number>();
  pauses: Pause[] = [];
  resets: Reset[] = [];
  stopped: string | null = null;
  state: ControlState | null = null;
  passes = 0;
  effects = 0;
  inFlight = 0;
  rosterRead: RosterRead;
  /** Called once, when effects begin. */
  onApply: (() => void) | null = null;
  /** Called with each decision. */
  onDecided: ((look: Look) => void) | null = null;
  private lastPlan: Plan | null = null;
  /** What lies on the disk. */
  private disk: string = JSON.stringify(NO_COUNTERS);
  private inForce: RosterInForce | null = null;
  private life = 0;
  private timer = 0;
  private readonly plans = new Map<string, Plan>();
  private readonly time: Timeline;
  private readonly world: SimWorld;
  private readonly moment: () => Moment;
  private readonly random: () => number;
  private readonly onStart: (agent: string) => void;

  constructor(
    time: Timeline,
    world: SimWorld,
    moment: () => Moment,
    random: () => number,
    onStart: (agent: string) => void,
  ) {
    this.time = time;
    this.world = world;
    this.moment = moment;
    this.random = random;
    this.onStart = onStart;
    this.rosterRead = { read: 'good', roster: rosterFor(world.choice).roster, commit: null };
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
  boot(): void {
    this.life += 1;
    const file = { state: 'present', content: this.disk, mode: 0o600, sha256: '' } as const;
    const read = readCounters('counters.json', () => file);
    if (!read.ok || read.value === null) throw new Error('counters cannot be read');
    this.state = createControl(read.value, this.moment());
    this.inFlight = 0;
    this.pump();
  }
  /** kill -9: what was not written is gone; effects that had begun are not undone. */
  kill(): void {
    this.life += 1;
    this.state = null;
    this.inFlight = 0;
  }
  mark(key: string): void {
    if (this.state === null) return;
    this.state = trigger(this.state, key, this.moment());
    this.pump();
  }
  readRoster(read: RosterRead): void {
    this.rosterRead = read;
    this.mark('*');
  }
  get counters(): Counters {
    return this.state?.counters ?? NO_COUNTERS;
  }

  /** Takes whatever can be taken; several passes may be under way. */
  private pump(): void {
    const { life } = this;
    for (;;) {
      if (this.state === null) return;
      const begun = beginPass(this.state, this.moment(), CONTROL_POLICY, this.random);
      this.state = begun.state;
      if (begun.look === null) {
        this.timer += 1;
        const { timer } = this;
        if (begun.wait !== null)
          this.time.after(begun.wait, () => this.timer === timer && life === this.life && this.pump());
        return;
      }
      const { pass } = begun.look;
      this.passes += 1;
      this.inFlight += 1;
      this.time.after(LOOK_MS, () => life === this.life && this.decide(pass));
    }
  }

  private decide(pass: number): void {
    if (this.state === null) return;
    const step = stepRoster(this.inForce, this.rosterRead, new Date(this.moment().wall).toISOString());
    this.inForce = step.inForce;
    if (step.news !== null) this.count(`roster ${step.news}`);
    if (this.inForce === null) throw new Error('no roster');
    const { roster } = this.inForce;
    const now = this.moment();
    const observed = this.world.look(now.wall);
    this.oracle.looked(observed, roster, this.time.now);
    const seen: PassSeen = {
      at: this.time.now,
      observed,
      stopped: this.stopped !== null,
      pauses: [...this.pauses],
      roster,
    };
    const agents = this.state.working.get(pass)?.scope ?? null;
    this.lastPlan = null;
    const decided = decidePass(this.state, {
      pass,
      roster,
      observed,
      memory: EMPTY_MEMORY,
      pauses: seen.pauses,
      resets: this.resets,
      stopped: this.stopped,
      trouble:
        this.inForce.refused === null ? null : { reason: 'RosterRefused', message: this.inForce.refused.message },
      home: HOME,
      toolVersion: '0.0.0',
      planPolicy: POLICY,
      policy: CONTROL_POLICY,
      now,
      random: this.random,
      buildPlan: (input) => {
        this.lastPlan = this.planned(input);
        return this.lastPlan;
      },
    });
    this.state = decided.state;
    const { held, counters } = decided.state;
    if (this.lastPlan !== null) this.onDecided?.({ plan: this.lastPlan, held, agents, steady: counters.clock.steady });
    const applying = decided.effects.some((e) => e.effect === 'apply');
    if (!applying) this.inFlight -= 1;
    this.perform(decided.effects, seen);
    if (!applying) this.pump();
  }

  /** The same facts, holds and scope give the same plan: an idle pass costs no decision anew. */
  private planned(input: PlanInput): Plan {
    const { memory, policy, roster } = input;
    const w = this.world;
    const decided = () => buildPlan({ ...input, observed: withBeats(input.observed) });
    if (w.stale !== null) return decided();
    const key = [
      w.revision,
      [...w.blind].sort().join(),
      roster.sha256,
      policy.targets.join(),
      JSON.stringify(memory.holds),
    ].join(' ');
    const known = this.plans.get(key);
    if (known !== undefined) return known;
    const plan = decided();
    if (this.plans.size > 50) this.plans.clear();
    this.plans.set(key, plan);
    return plan;
  }

  private perform(effects: readonly Effect[], seen: PassSeen): void {
    for (const effect of effects) {
      switch (effect.effect) {
        case 'write-counters':
          this.disk = JSON.stringify(effect.counters);
          break;
        case 'forget-resets':
          this.resets = this.resets.filter((r) => !effect.ids.includes(r.id));
          break;
        case 'tell':
          for (const e of effect.events) this.count(e.what === 'held' ? `held: ${e.message.split(':')[0]}` : e.what);
          break;
        case 'apply':
          this.oracle.decided(effect.plan, seen);
          this.onApply?.();
          this.onApply = null;
          this.apply(effect.pass, effect.plan, seen);
          break;
        case 'write-status':
          break;
      }
    }
  }

  /** One effect after the other, each as it is when its turn comes; what became of them is known after the settle time. */
  private apply(pass: number, plan: Plan, seen: PassSeen): void {
    const { life } = this;
    const outcomes: Outcome[] = [];
    const begin = (index: number): void => {
      if (life !== this.life) return;
      const change = plan.changes[index];
      if (change === undefined) {
        this.time.after(SETTLE_MS, () => {
          if (life === this.life) this.end(pass, plan.changes, outcomes);
        });
        return;
      }
      outcomes.push(this.make(change, outcomes, plan, seen));
      this.time.after(50, () => begin(index + 1));
    };
    this.time.after(10, () => begin(0));
  }

  private make(change: Change, before: readonly Outcome[], plan: Plan, seen: PassSeen): Outcome {
    const { world } = this;
    const failed = plan.changes.some((c, i) => {
      const outcome = before[i];
      if (!change.depends_on.includes(c.address) || outcome === undefined) return false;
      return outcome.outcome === 'failed' || (outcome.outcome === 'skipped' && outcome.why !== 'already-satisfied');
    });
    if (failed) return { outcome: 'skipped', ...about(change), why: 'dependency-failed', detail: 'simulated' };
    const refusal = world.refusal(change);
    if (refusal !== null) return { outcome: 'skipped', ...about(change), why: refusal.why, detail: 'simulated' };
    if (this.stopped !== null) return { outcome: 'skipped', ...about(change), why: 'not-attempted', detail: 'stopped' };
    this.oracle.effect(change, world, seen, this.time.now);
    this.effects += 1;
    const trouble = world.make(change);
    if (trouble !== null) return { outcome: 'failed', ...about(change), failure: trouble, begun: true };
    this.oracle.made(change, this.time.now);
    if (change.agent !== null && change.stage === 5 && change.action !== 'stop') this.onStart(change.agent);
    return { outcome: 'applied', ...about(change), evidence: [] };
  }

  private end(pass: number, changes: readonly Change[], outcomes: readonly Outcome[]): void {
    if (this.state === null) return;
    // What ended again within the settle time has failed.
    const settled = outcomes.map((o, i): Outcome => {
      const change = changes[i];
      const session = this.world.agents.get(o.agent ?? '')?.session ?? null;
      const up = change?.kind !== 'session' || change.action === 'stop' || session?.state === 'right';
      if (o.outcome !== 'applied' || up || change === undefined) return o;
      const failure = { code: 'exited', summary: 'It ended', detail: 'simulated', remedy: null, evidence: [] };
      return { outcome: 'failed', ...about(change), failure, begun: true };
    });
    this.inFlight -= 1;
    this.oracle.ended(changes);
    const ended = endPass(this.state, {
      pass,
      outcomes: settled,
      policy: CONTROL_POLICY,
      now: this.moment(),
      random: this.random,
    });
    this.state = ended.state;
    for (const effect of ended.effects) {
      if (effect.effect === 'write-counters') this.disk = JSON.stringify(effect.counters);
      if (effect.effect === 'tell') for (const e of effect.events) this.count(e.what);
    }
    this.pump();
  }
}
