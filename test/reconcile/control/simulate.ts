/**
 * One epoch of simulated life: faults of every kind for some thirty hours, then none: each agent must be as wanted within
 * three passes about it, all of them within half a minute, and nothing at all be done for the next thousand passes.
 * Everything by chance comes from the seed.
 */
import { buildPlan } from '../../../src/diff/build-plan.ts';
import { EMPTY_MEMORY } from '../../../src/diff/policy.ts';
import type { Moment } from '../../../src/reconcile/control/clock.ts';
import type { RosterRead } from '../../../src/reconcile/control/roster-in-force.ts';
import { POLICY } from '../../diff/world.ts';
import { SimController } from './sim-controller.ts';
import { PassesNeeded } from './sim-convergence.ts';
import { Timeline } from './sim-time.ts';
import { type Fate, NAMES, PLAIN, rosterFor, SimWorld, type SourceName, withBeats } from './sim-world.ts';

export interface EpochResult {
  readonly hours: number;
  readonly passes: number;
  readonly effects: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
  /** Of the agent that needed most, from the first full look after the faults (sim-convergence.ts). */
  readonly passesToMatch: number;
  /** From that look until everything matched. */
  readonly msToMatch: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const QUIET_PASSES = 1_000;
/** sim-convergence.ts says which passes count; docs/testing.md, why. */
const PASSES_TO_MATCH = 3;
const TIME_TO_MATCH = 30_000;
/** 2026-06-01T12:00:00Z */
const EPOCH_WALL = 1_780_315_200_000;

/** Mean hours between two faults of a kind. */
const RATES = {
  death: 1.5,
  'session killed': 6,
  'shell left': 8,
  'another program by hand': 8,
  'server killed': 20,
  attached: 4,
  busy: 2,
  'heartbeat silent': 8,
  'env file edited': 6,
  'fight begun': 30,
  'unit disabled': 10,
  'unit failed': 12,
  'linger off': 30,
  'source blind': 3,
  'stale looks': 6,
  'clock stepped': 8,
  'roster edited': 4,
  'roster invalid': 12,
  'roster missing': 15,
  'agent paused': 8,
  'all paused': 25,
  'PAUSED file': 15,
  'effects fail': 8,
  'fate: exits-at-once': 12,
  'fate: exits-after-1s': 12,
  'fate: exits-with-0': 12,
  'fate: dies-at-night': 20,
  'controller killed': 4,
  'host rebooted': 20,
  reset: 15,
} as const;
export type Fault = keyof typeof RATES;
export const FAULTS = Object.keys(RATES) as readonly Fault[];

/** What nobody undoes when the faults end. */
const LAST_BLOWS: readonly Fault[] = [
  'death',
  'session killed',
  'shell left',
  'another program by hand',
  'server killed',
  'env file edited',
  'unit disabled',
  'unit failed',
  'linger off',
  'controller killed',
];

export class Epoch {
  private readonly time = new Timeline();
  private readonly world: SimWorld;
  private readonly controller: SimController;
  private readonly random: () => number;
  private wallOffset = EPOCH_WALL;
  private bootedAt = 0;
  private boots = 1;
  private faulty = true;
  private fighting: string | null = null;
  private readonly undo = new Set<() => void>();

  constructor(random: () => number) {
    this.random = random;
    this.world = new SimWorld(() => Math.floor(this.moment().wall / 1000));
    this.controller = new SimController(
      this.time,
      this.world,
      () => this.moment(),
      random,
      (agent) => this.live(agent),
    );
  }

  run(faultHours: number): EpochResult {
    const { time, controller } = this;
    controller.boot();
    for (const fault of FAULTS) this.schedule(fault);
    this.runUntil(faultHours * HOUR);
    this.endFaults();
    const [passesToMatch, msToMatch] = this.settle();
    this.stayQuiet();
    const violations = controller.oracle.violations;
    return {
      hours: time.now / HOUR,
      passes: controller.passes,
      effects: controller.effects,
      counts: controller.counts,
      violations,
      passesToMatch,
      msToMatch,
    };
  }

  private moment(): Moment {
    const boot_id = `boot-${this.boots}`;
    return { wall: this.time.now + this.wallOffset, monotonic: this.time.now - this.bootedAt, boot_id };
  }
  private runUntil(end: number): void {
    let reached = false;
    this.time.at(end, () => {
      reached = true;
    });
    while (!reached && this.time.step()) this.fight();
  }

  // --- after the faults ---

  /** At the last moment much is broken at once; in half of the epochs no event tells of it. */
  private lastBlow(): void {
    this.deaf = this.random() < 0.5;
    for (let blows = Math.floor(8 * this.random()); blows > 0; blows--) {
      const fault = this.pick(LAST_BLOWS);
      if (this.happen(fault)) this.controller.count(fault);
    }
  }
  private endFaults(): void {
    this.finishBoot?.();
    this.lastBlow();
    this.faulty = false;
    this.fighting = null;
    for (const end of [...this.undo]) end();
    this.undo.clear();
    this.controller.onApply = null;
    const { world, controller } = this;
    for (const name of NAMES) {
      const agent = world.agent(name);
      agent.fate = 'good';
      if (agent.session === null) continue;
      Object.assign(agent.session, { attached: 0, busy: false, beats: true });
    }
    world.choice = PLAIN;
    world.changed();
    if (controller.state === null) controller.boot();
    controller.pauses = [];
    controller.stopped = null;
    this.say('reset', null);
    controller.rosterRead = { read: 'good', roster: rosterFor(PLAIN).roster, commit: null };
    // Where every event is lost, the next full look finds all of it.
    if (!this.deaf) controller.mark('*');
  }

  /** What the agent that needed most needed, and how long all of it took. */
  private settle(): readonly [number, number] {
    const { controller } = this;
    const end = this.time.now + HOUR;
    const until = (done: () => boolean): boolean => {
      while (!done() && this.time.now < end && this.time.step());
      return done();
    };
    // Where the events were lost, passes about single agents may come before the first that can see all of it.
    const needed = new PassesNeeded();
    let from: number | null = null;
    controller.onDecided = (look) => {
      if (look.agents === null) from ??= this.time.now;
      if (from !== null) needed.looked(look);
    };
    const matched = until(() => from !== null && this.matches());
    const took = this.time.now - (from ?? 0);
    controller.onDecided = null;
    if (!matched) this.violation(`the world does not match an hour after the last fault: ${this.left()}`);
    else if (needed.most > PASSES_TO_MATCH) this.violation(`too many passes until the world matched: ${needed.told}`);
    else if (took > TIME_TO_MATCH) this.violation(`it took ${took} ms until the world matched`);
    until(() => controller.inFlight === 0);
    return [needed.most, took];
  }
  private stayQuiet(): void {
    const { controller } = this;
    const { passes, effects } = controller;
    while (controller.passes < passes + QUIET_PASSES && this.time.step());
    if (controller.passes < passes + QUIET_PASSES) this.violation('it looks no more');
    if (controller.effects > effects) this.violation(`${controller.effects - effects} effects where all was well`);
    if (!this.matches()) this.violation(`it matches no more: ${this.left()}`);
  }
  private plan() {
    const { roster } = rosterFor(this.world.choice);
    const observed = withBeats(this.world.look(this.moment().wall));
    return buildPlan({ roster, observed, memory: EMPTY_MEMORY, policy: POLICY, toolVersion: '0.0.0' });
  }
  private matches(): boolean {
    return this.controller.oracle.settled(this.plan());
  }
  private left(): string {
    const { changes, deferred, blocked } = this.plan();
    const waits = [...(this.controller.state?.held.values() ?? [])].map((h) => `${h.address}: ${h.why}`);
    return [...changes, ...deferred, ...blocked]
      .map((c) => `${c.address} ${c.reason}`)
      .concat(waits)
      .join(', ');
  }
  private violation(text: string): void {
    this.controller.oracle.violations.push(text);
  }

  // --- chance ---

  private schedule(fault: Fault): void {
    const wait = -Math.log(1 - this.random()) * RATES[fault] * HOUR;
    this.time.after(wait, () => {
      if (!this.faulty) return;
      if (this.happen(fault)) this.controller.count(fault);
      this.schedule(fault);
    });
  }
  private pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.random() * from.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }
  /** Now, and the opposite after a while, at the latest when the faults end. */
  private forAWhile(meanMs: number, begin: () => void, end: () => void): boolean {
    begin();
    const undo = (): void => {
      if (!this.undo.delete(undo)) return;
      end();
    };
    this.undo.add(undo);
    this.time.after((0.2 + 1.6 * this.random()) * meanMs, undo);
    return true;
  }
  /** Most changes come with an event; the full look finds the others. */
  private seen(key: string): true {
    this.world.changed();
    const { life } = this;
    if (!this.deaf && this.random() < 0.8) this.time.after(20, () => life === this.life && this.controller.mark(key));
    return true;
  }
  private deaf = false;
  private life = 0;

  private happen(fault: Fault): boolean {
    const name = this.pick(NAMES);
    const agent = this.world.agent(name);
    const { session } = agent;
    switch (fault) {
      case 'death':
        return session?.state === 'right' && this.die(name);
      case 'session killed':
        if (session === null) return false;
        agent.session = null;
        return this.seen(name);
      case 'shell left':
        return session?.state === 'right' && this.become(name, 'shell');
      case 'another program by hand':
        return session !== null && this.byHand(name);
      case 'server killed':
        this.world.endServer();
        return this.seen('*');
      case 'attached':
        return session !== null && this.touch(name, { attached: 1 }, { attached: 0 }, 40 * MINUTE);
      case 'busy':
        return session !== null && this.touch(name, { busy: true }, { busy: false }, 60 * MINUTE);
      case 'heartbeat silent':
        return session?.state === 'right' && this.touch(name, { beats: false }, { beats: true }, 10 * MINUTE);
      case 'env file edited':
        agent.envOther = true;
        return this.seen(name);
      case 'fight begun':
        return this.beginFight(name);
      case 'unit disabled':
        agent.enabled = false;
        return this.seen(name);
      case 'unit failed':
        Object.assign(agent, { active: 'failed', session: null });
        return this.seen(name);
      case 'linger off':
        this.world.linger = false;
        return this.seen('*');
      default:
        return this.happenAround(fault, name);
    }
  }
  private happenAround(fault: Fault, name: string): boolean {
    const { world, controller } = this;
    switch (fault) {
      case 'source blind': {
        const source = this.pick<SourceName>(['tmux', 'units', 'files', 'heartbeats', 'processes']);
        const end = () => world.blind.delete(source);
        return this.forAWhile(10 * MINUTE, () => world.blind.add(source), end);
      }
      case 'stale looks': {
        const old = world.truth();
        return this.forAWhile(
          2 * MINUTE,
          () => Object.assign(world, { stale: old }),
          () => Object.assign(world, { stale: null }),
        );
      }
      case 'clock stepped':
        return this.stepClock();
      case 'agent paused':
        return this.pause(name, 90 * MINUTE);
      case 'all paused':
        return this.pause(null, 60 * MINUTE);
      case 'PAUSED file':
        return this.forAWhile(
          30 * MINUTE,
          () => Object.assign(controller, { stopped: 'the PAUSED file is there' }),
          () => Object.assign(controller, { stopped: null }),
        );
      case 'effects fail':
        return this.forAWhile(
          20 * MINUTE,
          () => Object.assign(world, { broken: true }),
          () => Object.assign(world, { broken: false }),
        );
      case 'roster edited':
        return this.editRoster(name);
      case 'roster invalid':
      case 'roster missing':
        return this.spoilRoster(fault);
      case 'controller killed':
        return this.killController();
      case 'host rebooted':
        return this.reboot();
      case 'reset':
        this.say('reset', this.pick([name, null]));
        return true;
      default:
        return this.setFate(name, fault.slice('fate: '.length) as Fate);
    }
  }

  // --- agents ---

  /** A started agent lives as its fate has it. */
  private live(name: string): void {
    const { session, fate } = this.world.agent(name);
    const after = {
      good: null,
      'exits-at-once': 1,
      'exits-after-1s': 1_000,
      'exits-with-0': 9_000,
      'dies-at-night': null,
    }[fate];
    if (session === null || after === null) return;
    this.time.after(after, () => {
      if (this.faulty && this.world.agent(name).session === session && session.state === 'right') this.die(name);
    });
  }
  private die(name: string): boolean {
    return this.become(name, 'dead');
  }
  private become(name: string, state: 'dead' | 'shell' | 'other'): boolean {
    const { session } = this.world.agent(name);
    if (session !== null) Object.assign(session, { state, busy: false });
    return this.seen(name);
  }
  private byHand(name: string): boolean {
    const live = this.world.makeSession(name);
    live.state = 'other';
    return this.seen(name);
  }
  private touch(name: string, begin: object, end: object, mean: number): boolean {
    const { session } = this.world.agent(name);
    if (session === null) return false;
    const set = (what: object) => () => {
      Object.assign(session, what);
      this.seen(name);
    };
    return this.forAWhile(mean, set(begin), set(end));
  }
  private setFate(name: string, fate: Fate): boolean {
    const agent = this.world.agent(name);
    const begin = (): void => {
      agent.fate = fate;
      if (fate === 'dies-at-night') this.nightly(name);
      else if (agent.session?.state === 'right') this.die(name);
    };
    return this.forAWhile((fate === 'dies-at-night' ? 30 : 3) * HOUR, begin, () => {
      agent.fate = 'good';
    });
  }
  /** Between 22:00 and 06:00 of the host's own clock it dies some ten minutes after each start. */
  private nightly(name: string): void {
    const agent = this.world.agent(name);
    this.time.after((5 + 10 * this.random()) * MINUTE, () => {
      if (agent.fate !== 'dies-at-night') return;
      const hour = new Date(this.moment().wall).getUTCHours();
      if ((hour >= 22 || hour < 6) && agent.session?.state === 'right' && this.die(name))
        this.controller.count('night death');
      this.nightly(name);
    });
  }
  private beginFight(name: string): boolean {
    if (this.fighting !== null) return false;
    const begin = (): void => {
      this.fighting = name;
      this.world.agent(name).envOther = true;
      this.seen(name);
    };
    return this.forAWhile(2 * HOUR, begin, () => {
      this.fighting = null;
    });
  }
  /** Somebody's script writes its own value back, seconds after fleet's. */
  private fight(): void {
    const name = this.fighting;
    if (name === null || this.world.agent(name).envOther || this.answering) return;
    this.answering = true;
    this.time.after(5_000, () => {
      this.answering = false;
      if (this.fighting !== name) return;
      this.world.agent(name).envOther = true;
      this.seen(name);
    });
  }
  private answering = false;

  // --- people and clocks ---

  private say(_what: 'reset', target: string | null): void {
    const at = new Date(this.moment().wall).toISOString();
    this.controller.resets.push({ id: `r${this.time.now}-${this.random()}`, target, by: 'ada', at });
    this.controller.oracle.forget(target);
    if (this.faulty) this.controller.mark('*');
  }
  private pause(target: string | null, mean: number): boolean {
    const { controller } = this;
    if (controller.pauses.some((p) => p.target === target)) return false;
    const at = this.moment().wall;
    const until = this.random() < 0.5 ? null : new Date(at + 30 * MINUTE).toISOString();
    const pause = { target, reason: 'simulated', until, since: new Date(at).toISOString(), by: 'ada' };
    const begin = () => controller.pauses.push(pause);
    return this.forAWhile(mean, begin, () => {
      controller.pauses = controller.pauses.filter((p) => p !== pause);
      controller.mark('*');
    });
  }
  private stepClock(): boolean {
    const size = this.pick([2_000, 90_000, HOUR, 26 * HOUR, 400 * 24 * HOUR]) * (this.random() < 0.5 ? -1 : 1);
    this.wallOffset += size;
    const { world } = this;
    // What beat before the step bears the old time, until it beats again.
    const set = (skew: number) => () => {
      world.beatSkew = skew;
      world.changed();
    };
    return this.forAWhile(10_000, set(-size), set(0));
  }
  private editRoster(name: string): boolean {
    const { choice } = this.world;
    const version = ((choice.args[name] ?? 0) + 1) % 2;
    const flip = (list: readonly string[]) => (list.includes(name) ? list.filter((n) => n !== name) : [...list, name]);
    const next = this.pick([
      { ...choice, args: { ...choice.args, [name]: version } },
      { ...choice, stopped: flip(choice.stopped) },
      { ...choice, absent: flip(choice.absent) },
    ]);
    if (next.absent.length > 2) return false;
    this.world.choice = next;
    this.world.changed();
    this.controller.oracle.forget(name);
    this.controller.readRoster({ read: 'good', roster: rosterFor(next).roster, commit: null });
    return true;
  }
  private spoilRoster(fault: 'roster invalid' | 'roster missing'): boolean {
    const { controller } = this;
    const code = fault === 'roster invalid' ? ('invalid' as const) : ('missing' as const);
    const bad: RosterRead = { read: 'refused', code, message: 'simulated' };
    return this.forAWhile(
      20 * MINUTE,
      () => controller.readRoster(bad),
      () => {
        const { roster } = rosterFor(this.world.choice);
        controller.readRoster({ read: 'good', roster, commit: null });
      },
    );
  }
  private killController(): boolean {
    if (this.controller.state === null) return false;
    const { life, controller } = this;
    const back = 1_000 + 60_000 * this.random();
    const kill = (): void => {
      if (!this.faulty || life !== this.life || controller.state === null) return;
      controller.kill();
      this.time.after(back, () => {
        if (life === this.life && controller.state === null) controller.boot();
      });
    };
    // Half of them in the middle of what it does next.
    if (this.random() < 0.5) kill();
    else controller.onApply = () => this.time.after(3_000 * this.random(), kill);
    return true;
  }
  /** Sessions and the controller end; what is enabled comes up with the host, and the clock may be another. */
  private reboot(): boolean {
    const { controller, world } = this;
    controller.kill();
    this.life += 1;
    const { life } = this;
    world.endServer();
    for (const agent of world.agents.values()) agent.active = 'inactive';
    this.finishBoot = () => {
      this.finishBoot = null;
      this.boots += 1;
      this.bootedAt = this.time.now;
      controller.oracle.booted();
      if (this.random() < 0.3) this.wallOffset += (this.random() - 0.5) * 72 * HOUR;
      this.comeUp();
      controller.boot();
    };
    this.time.after((1 + 30 * this.random()) * MINUTE, () => life === this.life && this.finishBoot?.());
    return true;
  }
  /** While the host is down: at the latest when the faults end. */
  private finishBoot: (() => void) | null = null;
  private comeUp(): void {
    const { world } = this;
    if (!world.linger) return;
    world.startServer();
    for (const [name, agent] of world.agents) {
      const spec = world.spec(name);
      if (!agent.enabled || spec === undefined || spec.state === 'stopped') continue;
      agent.active = 'active';
      world.makeSession(name);
      this.live(name);
    }
    world.changed();
  }
}
