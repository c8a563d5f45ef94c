/** One controller at a desk: its clock is turned by hand, its world broken by hand, and what it would do only noted. */
import type { Plan } from '../../../src/diff/plan.ts';
import type { Pause } from '../../../src/diff/plan-holds.ts';
import { EMPTY_MEMORY, type PlanMemory } from '../../../src/diff/policy.ts';
import type { Observed } from '../../../src/observe/state.ts';
import type { Moment } from '../../../src/reconcile/control/clock.ts';
import { type Counters, NO_COUNTERS } from '../../../src/reconcile/control/counters.ts';
import type { ControlEvent } from '../../../src/reconcile/control/events.ts';
import { beginPass, decidePass, type Effect, endPass } from '../../../src/reconcile/control/pass.ts';
import type { Reset } from '../../../src/reconcile/control/pauses.ts';
import { CONTROL_POLICY, type ControlPolicy } from '../../../src/reconcile/control/policy.ts';
import { EVERYTHING } from '../../../src/reconcile/control/queue.ts';
import {
  type ControlState,
  createControl,
  NOTHING_TOLD,
  type Told,
  trigger,
} from '../../../src/reconcile/control/state.ts';
import { about, failure, type Outcome } from '../../../src/reconcile/outcome.ts';
import { readCounters } from '../../../src/reconcile/state/counters-file.ts';
import type { Roster } from '../../../src/spec/model.ts';
import * as w from '../../diff/world.ts';

export interface Pass {
  readonly number: number;
  /** What would be applied; empty where nothing. */
  readonly plan: Plan | null;
  /** `session/coder backoff`, one a held change. */
  readonly held: readonly string[];
  /** `restart session/coder session-dead`, one a change. */
  readonly acts: readonly string[];
  readonly effects: readonly Effect[];
}

export class Desk {
  state: ControlState;
  now = 0;
  wallOffset = w.NOW;
  roster: Roster;
  observed: w.Mutable<Observed>;
  pauses: Pause[] = [];
  resets: Reset[] = [];
  memory: PlanMemory = EMPTY_MEMORY;
  stopped: string | null = null;
  policy: ControlPolicy = { ...CONTROL_POLICY, jitter: 0, resyncJitter: 0 };
  written: Counters = NO_COUNTERS;
  readonly events: ControlEvent[] = [];
  #boots = 1;
  #bootedAt = 0;

  constructor(yaml: string) {
    this.roster = w.roster(yaml);
    this.observed = w.healthy(this.roster);
    this.state = createControl(NO_COUNTERS, this.moment);
  }

  get moment(): Moment {
    const { now } = this;
    return { wall: this.wallOffset + now, monotonic: now - this.#bootedAt, boot_id: `b00t-${this.#boots}` };
  }
  wait(ms: number): void {
    this.now += ms;
  }
  /** A new process with what lies on the disk, read back as a text. */
  restartController(told: Told = this.state): void {
    const content = JSON.stringify(this.written);
    const read = readCounters('counters.json', () => ({ state: 'present', content, sha256: '', mode: 0o600 }));
    if (!read.ok || read.value === null) throw new Error(JSON.stringify(read));
    const { agents, fleet } = told;
    this.state = createControl(read.value, this.moment, { agents, fleet });
  }
  /** The same, with a monotonic clock that begins anew, and nothing of how things stood before (see `toldIn`). */
  rebootHost(): void {
    this.#boots += 1;
    this.#bootedAt = this.now;
    this.restartController(NOTHING_TOLD);
  }
  /** Something happened that is about this agent, or EVERYTHING. */
  mark(key: string): void {
    this.state = trigger(this.state, key, this.moment);
  }
  /** Looks and decides; `end` tells what came of it. Everything, or just that agent; null: what is due by itself. */
  look(key: string | null = EVERYTHING): Pass {
    if (key !== null) this.mark(key);
    const begun = beginPass(this.state, this.moment, this.policy, () => 0);
    this.state = begun.state;
    if (begun.look === null) throw new Error('nothing to look at');
    const number = begun.look.pass;
    const observed = { ...this.observed, observed_at: new Date(this.moment.wall).toISOString() } as Observed;
    const step = decidePass(this.state, {
      pass: number,
      roster: this.roster,
      observed: withFreshBeats(observed, this.now),
      memory: this.memory,
      pauses: [...this.pauses],
      resets: this.resets,
      stopped: this.stopped,
      trouble: null,
      home: w.HOME,
      toolVersion: '0.0.0',
      planPolicy: w.POLICY,
      policy: this.policy,
      now: this.moment,
      random: () => 0,
    });
    this.state = step.state;
    this.take(step.effects);
    const apply = step.effects.find((e) => e.effect === 'apply');
    const short = (address: string): string => address.replace('w-jarvis/jarvis/', '');
    return {
      number,
      plan: apply?.plan ?? null,
      held: [...this.state.held.values()].map((h) => `${short(h.address)} ${h.why}`),
      acts: apply?.plan.changes.map((c) => `${c.action} ${short(c.address)} ${c.reason}`) ?? [],
      effects: step.effects,
    };
  }
  end(pass: Pass, how: 'applied' | 'failed' | 'stale' = 'applied'): void {
    const outcomes = (pass.plan?.changes ?? []).map((c): Outcome => {
      if (how === 'applied') return { outcome: 'applied', ...about(c), evidence: ['made'] };
      if (how === 'failed')
        return { outcome: 'failed', ...about(c), failure: failure('x', 'It failed', 'as asked'), begun: true };
      return { outcome: 'skipped', ...about(c), why: 'stale', detail: 'as asked' };
    });
    const step = endPass(this.state, {
      pass: pass.number,
      outcomes,
      policy: this.policy,
      now: this.moment,
      random: () => 0,
    });
    this.state = step.state;
    this.take(step.effects);
  }
  /** One whole pass in which everything works out. */
  pass(key: string = EVERYTHING): readonly string[] {
    const pass = this.look(key);
    if (pass.plan !== null) this.end(pass);
    return pass.acts;
  }
  condition(agent: string, type: string): string {
    const found = this.state.agents[agent]?.find((c) => c.type === type);
    return `${found?.status} ${found?.reason}`;
  }
  private take(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.effect === 'write-counters') this.written = effect.counters;
      if (effect.effect === 'tell') this.events.push(...effect.events);
      if (effect.effect === 'forget-resets') this.resets = this.resets.filter((r) => !effect.ids.includes(r.id));
    }
  }
}

/** Heartbeats go on while time passes. */
function withFreshBeats(observed: Observed, passed: number): Observed {
  const { heartbeats } = observed.sources;
  if (heartbeats.status !== 'known') return observed;
  const value = structuredClone(heartbeats.value) as w.Mutable<typeof heartbeats.value>;
  for (const { beat } of Object.values(value.agents)) if (beat.state === 'present') beat.ts_ms += passed;
  return { ...observed, sources: { ...observed.sources, heartbeats: w.known(value) } };
}

export function dead(desk: Desk, name = 'coder'): void {
  Object.assign(w.paneOf(desk.observed, name), { dead: true, runs: { verdict: 'dead', status: 1, signal: null } });
}

export function alive(desk: Desk): void {
  desk.observed = w.healthy(desk.roster);
}
