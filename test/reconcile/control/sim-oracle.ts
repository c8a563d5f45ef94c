/** What must hold at every instant of a simulation, kept by other means than the controller's own counters. */
import type { Change, Plan } from '../../../src/diff/plan.ts';
import type { Pause } from '../../../src/diff/plan-holds.ts';
import type { Observed } from '../../../src/observe/state.ts';
import { fingerprint } from '../../../src/spec/fingerprint.ts';
import type { Roster } from '../../../src/spec/model.ts';
import { HOME } from '../../diff/world.ts';
import type { Live, SimWorld } from './sim-world.ts';

/** What a pass saw and was told when it decided. */
export interface PassSeen {
  /** When it decided, simulated milliseconds. */
  readonly at: number;
  readonly observed: Observed;
  readonly stopped: boolean;
  readonly pauses: readonly Pause[];
  readonly roster: Roster;
}

/** A boot may be credited with so much by the controller's clock. */
const BOOT_CREDIT_MS = 300_000;

export class Oracle {
  readonly violations: string[] = [];
  /** By agent: when it was started by fleet, since its spec changed or somebody said `reset`. */
  private readonly starts = new Map<string, number[]>();
  /** By agent: starts decided at so many milliseconds, whose controller was killed before it knew what came of them. */
  private readonly open = new Map<string, number>();
  private readonly effects: number[] = [];
  private readonly repairs = new Map<string, number[]>();
  /** By session: how often it was seen just like this. */
  private readonly looks = new Map<string, { readonly signature: string; readonly times: number[] }>();
  private credit = 0;
  private shown: readonly unknown[] = [];
  private shownTimes = 0;

  booted(): void {
    this.credit += BOOT_CREDIT_MS;
  }
  forget(agent: string | null): void {
    if (agent === null) this.starts.clear();
    else this.starts.delete(agent);
    if (agent === null) this.open.clear();
    else this.open.delete(agent);
    this.repairs.clear();
  }
  /** Called with each look that the controller is given: only what it shows counts as seen. */
  looked(observed: Observed, roster: Roster, now: number): void {
    const { tmux, units, heartbeats } = observed.sources;
    const shown = [tmux, units, heartbeats, roster];
    const same = shown.every((s, i) => s === this.shown[i]);
    this.shown = shown;
    // Nothing new: two looks at it are as good as a hundred.
    if (same && this.shownTimes > 2) return;
    this.shownTimes = same ? this.shownTimes + 1 : 0;
    if (tmux.status !== 'known' || units.status !== 'known') return;
    for (const { server } of tmux.value.servers) {
      if (server.state !== 'running') continue;
      for (const s of server.sessions) {
        const runs = s.panes[0]?.runs;
        const wanted = roster.agents.find((a) => a.name === s.name);
        const spec = wanted === undefined ? 'none' : `${wanted.state} ${fingerprint(wanted, HOME)}`;
        const id = `${s.name} ${s.id} ${s.created}`;
        this.note(id, [spec, runs?.verdict, s.mark?.spec].join(' '), now);
        // What runs in it speaks for itself, whatever the roster says of it meanwhile.
        this.note(`${id} runs`, [runs?.verdict, runs?.verdict === 'runtime' ? runs.runtime : ''].join(' '), now);
        this.note(`${id} beats`, this.beat(observed, s.name), now);
        // To be stopped is the roster's wish alone, whatever runs in it by then.
        this.note(`${id} stops`, wanted?.state ?? 'none', now);
      }
    }
  }
  private note(key: string, signature: string, now: number): void {
    const known = this.looks.get(key);
    if (known?.signature !== signature) this.looks.set(key, { signature, times: [now] });
    else if (known.times.length < 3) known.times.push(now);
  }
  private beat(observed: Observed, agent: string): string {
    const { heartbeats } = observed.sources;
    const file = heartbeats.status === 'known' ? heartbeats.value.agents[agent]?.beat : undefined;
    return file?.state === 'present' && 'age' in file && Number(file.age) > 45_000 ? 'stale' : 'fresh';
  }
  decided(plan: Plan, pass: PassSeen): void {
    if (pass.stopped) this.violations.push(`${plan.changes.length} changes decided although all was stopped`);
  }
  /** Just before an effect. */
  effect(change: Change, world: SimWorld, pass: PassSeen, time: number): void {
    const now = time + this.credit;
    const say = (what: string): void => {
      this.violations.push(`${what}: ${change.action} ${change.address} (${change.reason})`);
    };
    const { tmux, units } = pass.observed.sources;
    const throughTmux = change.kind === 'session' || change.kind === 'tmux-server';
    if (throughTmux && tmux.status !== 'known') say('an effect on what was not seen (tmux)');
    if ((throughTmux || change.kind === 'unit') && units.status !== 'known')
      say('an effect on what was not seen (units)');
    if (pass.pauses.some((p) => p.target === null || p.target === change.agent)) say('an effect on what is paused');
    this.effects.push(now);
    while ((this.effects[0] ?? now) <= now - 60_000) this.effects.shift();
    if (this.effects.length > 60) say('more than 60 effects within a minute');
    const agent = pass.roster.agents.find((a) => a.name === change.agent);
    if (agent === undefined) return;
    const live = world.agents.get(agent.name)?.session ?? null;
    const ends = change.kind === 'session' && change.action !== 'start' && live !== null;
    if (ends) this.killed(change, live, time, say);
    const starts = change.action === 'start' || change.action === 'restart';
    if (starts && change.stage === 5 && change.reason !== 'unit-inactive')
      this.started(agent, now, pass.at + this.credit, say);
  }
  /** Called when a controller learns what came of its changes. */
  ended(changes: readonly Change[]): void {
    for (const { agent } of changes) if (agent !== null) this.open.delete(agent);
  }
  private started(agent: Roster['agents'][number], now: number, decided: number, say: (what: string) => void): void {
    const { window, limit, backoff } = agent.restart;
    const before = (this.starts.get(agent.name) ?? []).filter((t) => t > now - Math.max(window, 1_800_000));
    const recent = before.filter((t) => t > now - window);
    const last = this.open.get(agent.name) ?? before.at(-1);
    if (recent.length >= limit) say(`start ${recent.length + 1} within the window, ${limit} are allowed`);
    // Healthy for half an hour it may start at once; else at least the shortest backoff is between two.
    if (last !== undefined && now - last < backoff) say(`started again after ${now - last} ms, backoff is ${backoff}`);
    this.starts.set(agent.name, [...before, now]);
    this.open.set(agent.name, decided);
  }
  private killed(change: Change, live: Live, time: number, say: (what: string) => void): void {
    if (live.state === 'dead') return;
    const times = this.looks.get(`${change.agent} ${live.id} ${live.created}${evidenceOf(change)}`)?.times ?? [];
    if (times.length < 2) say(`ended alive on ${times.length} look(s)`);
    else if (change.cause !== 'intentional' && time - (times[0] ?? time) < 2_000) say('ended alive within 2 s');
    if (live.attached > 0) say('ended although somebody is attached');
  }
  /** Just after an effect that was made. */
  made(change: Change, time: number): void {
    if (change.kind !== 'env-file') return;
    const now = time + this.credit;
    const before = (this.repairs.get(change.address) ?? []).filter((t) => t > now - 3_600_000);
    if (before.length >= 3)
      this.violations.push(`repaired ${before.length + 1} times within an hour: ${change.address}`);
    this.repairs.set(change.address, [...before, now]);
  }
  /** Nothing is wanted that the roster does not forbid, and nothing waits. */
  settled(plan: Plan): boolean {
    return plan.changes.length === 0 && plan.deferred.length === 0 && plan.blocked.length === 0 && plan.complete;
  }
}

/** Which of the notes on a session must have been the same twice. */
function evidenceOf({ action, reason }: Change): string {
  if (action === 'stop') return ' stops';
  if (reason === 'heartbeat-stale') return ' beats';
  return reason === 'shell-left' || reason === 'runtime-mismatch' ? ' runs' : '';
}
