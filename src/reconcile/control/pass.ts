/**
 * One pass in three pure steps; what lies between them (looking, applying) is the shell's, or the simulator's.
 *
 *   begin: take what is dirty --look--> decide: plan, and what of it now --apply--> end: count what came of it
 *
 * Several passes may be under way, about different agents. Effects are done in the order in which they are given: the
 * counters are on disk before anything is started that they count.
 */
import { buildPlan, type PlanInput } from '../../diff/build-plan.ts';
import type { Change, Plan } from '../../diff/plan.ts';
import type { Pause } from '../../diff/plan-holds.ts';
import type { PlanMemory, PlanPolicy } from '../../diff/policy.ts';
import type { Quiet } from '../../diff/quiet.ts';
import type { Observed } from '../../observe/state.ts';
import type { Roster } from '../../spec/model.ts';
import { haveSameKeys } from '../../spec/record.ts';
import type { Outcome } from '../outcome.ts';
import { type Moment, stamp, tick } from './clock.ts';
import type { Condition } from './conditions.ts';
import { type Decision, decide, type Held } from './decide.ts';
import { type ControlEvent, heldEvent, newlyHeld, outcomeEvent, plainEvent } from './events.ts';
import { freedByEffects, freedByLook } from './freed.ts';
import { holdsOf } from './holds.ts';
import { judge } from './judge.ts';
import type { Reset } from './pauses.ts';
import type { ControlPolicy, Random } from './policy.ts';
import { EVERYTHING, finish, mark, markAt, narrow, nextDue, take } from './queue.ts';
import { record } from './record.ts';
import type { ControlState, Working } from './state.ts';
import { tidy } from './tidy.ts';

export type Effect =
  /** `durable`: synced before the next effect is done. */
  | { readonly effect: 'write-counters'; readonly counters: ControlState['counters']; readonly durable: boolean }
  /** The counters that hold them have been given out before. */
  | { readonly effect: 'forget-resets'; readonly ids: readonly string[] }
  | { readonly effect: 'tell'; readonly events: readonly ControlEvent[] }
  /** Make just these changes; then `endPass` with what came of them. */
  | { readonly effect: 'apply'; readonly pass: number; readonly plan: Plan }
  | { readonly effect: 'write-status' };

export interface Step {
  readonly state: ControlState;
  readonly effects: readonly Effect[];
}

export interface PassBegun {
  readonly state: ControlState;
  /** Null: there is nothing to look at now. */
  readonly look: { readonly pass: number; readonly agents: readonly string[] | null } | null;
  /** Whole milliseconds, at least one, until something is due by itself; null where only an event ends the wait. */
  readonly wait: number | null;
}

export interface PassInput {
  readonly pass: number;
  /** In force, with the agents of this place alone. */
  readonly roster: Roster;
  readonly observed: Observed;
  /** From the inventory; `holds` is added here. */
  readonly memory: PlanMemory;
  readonly pauses: readonly Pause[];
  readonly resets: readonly Reset[];
  /** Why nothing at all may be done, null where it may. */
  readonly stopped: string | null;
  /** Why the roster's file is not what is in force, null where it is. */
  readonly trouble: { readonly reason: string; readonly message: string } | null;
  readonly home: string;
  readonly toolVersion: string;
  readonly planPolicy: PlanPolicy;
  readonly policy: ControlPolicy;
  readonly now: Moment;
  readonly random: Random;
  /** Of one controller: what earlier plans for everything had nothing to say about. */
  readonly quiet?: Quiet;
  /** Absent: the decision of src/diff. The simulation gives one that remembers what it was asked before. */
  readonly buildPlan?: (input: PlanInput) => Plan;
}

export interface EndInput {
  readonly pass: number;
  readonly outcomes: readonly Outcome[];
  readonly policy: ControlPolicy;
  readonly now: Moment;
  readonly random: Random;
}

/** How old the counters on disk may be where nothing was done: they hold the health that forgives. */
const WRITE_COUNTERS_MS = 300_000;
/** Not made although nothing is wrong (the lease is busy, somebody came): soon again, and not in a circle. */
const NOT_MADE_MS = 5_000;

export function beginPass(state: ControlState, now: Moment, policy: ControlPolicy, random: Random): PassBegun {
  const clock = tick(state.counters.clock, now);
  const ticked = { ...state, counters: { ...state.counters, clock } };
  const { queue, keys, since } = take(state.queue, clock.steady);
  if (keys.length === 0) {
    const due = nextDue(queue);
    return {
      state: { ...ticked, queue },
      look: null,
      wait: due === null ? null : Math.max(1, Math.ceil(due - clock.steady)),
    };
  }
  const pass = state.passes + 1;
  const whole = keys.includes(EVERYTHING);
  const resync = policy.resyncMs * (1 + policy.resyncJitter * (2 * random() - 1));
  const scope = whole ? null : new Set(keys);
  const work: Working = { keys, scope, since, acted: [], uncounted: {} };
  const next = {
    ...ticked,
    queue: whole ? markAt(queue, EVERYTHING, clock.steady + resync) : queue,
    passes: pass,
    working: new Map([...state.working, [pass, work]]),
  };
  return { state: next, look: { pass, agents: whole ? null : keys }, wait: null };
}

export function decidePass(state: ControlState, input: PassInput): Step {
  const work = state.working.get(input.pass);
  if (work === undefined) return { state, effects: [] };
  const { roster, now, policy, random, pauses, stopped } = input;
  const scope =
    work.scope === null ? null : new Set(roster.agents.map((a) => a.name).filter((n) => work.scope?.has(n)));
  const counters = tidy(state.counters, { roster, home: input.home, now, resets: input.resets, policy });
  const tidied = { ...state, counters };
  if (scope?.size === 0) return { state: leave(tidied, input.pass, work), effects: resetEffects(tidied, input) };
  const plan = planFor(input, counters, scope);
  const working = workedOn(state, input.pass);
  const decision = decide({ plan, counters, roster, now, policy, random, pauses, scope, working, stopped });
  const keys = [...new Set(decision.act.map((c) => c.agent ?? EVERYTHING))];
  const acting = {
    ...work,
    keys: keys.filter((k) => k !== EVERYTHING),
    acted: decision.act,
    uncounted: decision.uncounted,
  };
  const judged = judge(state, { ...input, plan, scope, decision });
  const held = heldNow(state, decision.held, scope, plan);
  const made = new Set([...working.keys(), ...decision.act.map((c) => c.agent ?? c.address)]);
  const freed = freedByLook(state.held, held, made);
  const { steady } = decision.counters.clock;
  const next: ControlState = {
    ...state,
    ...judged,
    counters: decision.counters,
    queue: freed.reduce((q, key) => mark(q, key, steady), requeue(state, work, acting.keys, decision)),
    working: new Map([...state.working, [input.pass, acting]]),
    held,
    pauses,
    stopped,
  };
  const events = [...newsOf(state, next, input), ...heldNews(state, decision.held, input)];
  const nothing = decision.act.length === 0;
  return {
    state: { ...(nothing ? leave(next, input.pass, acting) : next), ...writtenAt(state, input, decision) },
    effects: [
      ...countersEffect(state, input, decision),
      ...(input.resets.length > 0 ? [forget(input.resets)] : []),
      ...(events.length > 0 ? [{ effect: 'tell' as const, events }] : []),
      { effect: 'write-status' },
      ...(nothing ? [] : [{ effect: 'apply' as const, pass: input.pass, plan: { ...plan, changes: decision.act } }]),
    ],
  };
}

/** Also where nothing was looked at, because looking failed: with no outcomes. */
export function endPass(state: ControlState, input: EndInput): Step {
  const work = state.working.get(input.pass);
  if (work === undefined) return { state, effects: [] };
  const { outcomes, policy, now, random } = input;
  const { acted, uncounted } = work;
  const counters = record(state.counters, { acted, uncounted, outcomes, policy, now, random });
  const { steady } = counters.clock;
  const moved = outcomes.some((o) => o.outcome !== 'skipped');
  const others = new Set(workedOn(state, input.pass).values());
  const touched = [...acted.map((c) => c.agent ?? EVERYTHING), ...freedByEffects(state.held, acted, others)];
  const again = acted.length === 0 ? work.keys : [...new Set(touched)];
  const left = leave({ ...state, counters }, input.pass, work);
  const queue = again.reduce(
    (q, key) => (moved ? mark(q, key, steady) : markAt(q, key, steady + NOT_MADE_MS)),
    left.queue,
  );
  const lag = work.since === null ? null : steady - work.since;
  const base = { at: stamp(now), pass: input.pass };
  const events = outcomes.map((o) => outcomeEvent(base, o, lag));
  return {
    state: { ...left, queue, written: steady },
    effects: [
      { effect: 'write-counters', counters, durable: false },
      ...(events.length > 0 ? [{ effect: 'tell' as const, events }] : []),
      { effect: 'write-status' },
    ],
  };
}

function planFor(input: PassInput, counters: ControlState['counters'], scope: ReadonlySet<string> | null): Plan {
  const holds = holdsOf(counters, input.pauses, []);
  const targets = scope === null ? input.planPolicy.targets : [...scope];
  return (input.buildPlan ?? buildPlan)({
    roster: input.roster,
    observed: input.observed,
    memory: { ...input.memory, holds },
    policy: { ...input.planPolicy, targets },
    toolVersion: input.toolVersion,
    // A look at some says nothing of the others.
    quiet: scope === null ? input.quiet : undefined,
  });
}

/** Agents, and addresses of what all share, that other passes are making changes to, with the address of the last of them. */
function workedOn(state: ControlState, pass: number): ReadonlyMap<string, string> {
  const others = [...state.working].filter(([number]) => number !== pass).flatMap(([, work]) => work.acted);
  return new Map(others.map((c: Change) => [c.agent ?? c.address, c.address]));
}

function requeue(
  state: ControlState,
  work: Working,
  keys: readonly string[],
  decision: Decision,
): ControlState['queue'] {
  const queue = narrow(state.queue, work.keys, keys);
  return decision.wakes.reduce((q, wake) => markAt(q, wake.key, wake.at), queue);
}

function leave(state: ControlState, pass: number, work: Working): ControlState {
  const working = new Map([...state.working].filter(([number]) => number !== pass));
  return { ...state, working, queue: finish(state.queue, work.keys) };
}

function heldNow(
  state: ControlState,
  held: readonly Held[],
  scope: ReadonlySet<string> | null,
  plan: Plan,
): ControlState['held'] {
  const elsewhere = [...state.held].filter(([, h]) => scope !== null && (h.agent === null || !scope.has(h.agent)));
  // What could not be seen this time waits as before, so far as anybody knows.
  const unseen = new Set(plan.unknown.map((u) => u.agent));
  const blind = [...state.held].filter(([, h]) => h.agent !== null && unseen.has(h.agent));
  return new Map([...elsewhere, ...blind, ...held.map((h) => [h.address, h] as const)]);
}

function heldNews(state: ControlState, held: readonly Held[], { pass, now }: PassInput): readonly ControlEvent[] {
  const before = new Map([...state.held].map(([address, h]) => [address, h.why] as const));
  return newlyHeld(held, before).map((h) => heldEvent({ at: stamp(now), pass }, h));
}

function newsOf(before: ControlState, after: ControlState, input: PassInput): readonly ControlEvent[] {
  const base = { at: stamp(input.now), pass: input.pass };
  const name = (p: Pause): string => p.target ?? 'everything';
  const has = (list: readonly Pause[], p: Pause): boolean => list.some((q) => q.target === p.target);
  const came = after.pauses.filter((p) => !has(before.pauses, p));
  const went = before.pauses.filter((p) => !has(after.pauses, p));
  const ready: ControlEvent[] = [];
  for (const [agent, list] of after.agents === before.agents ? [] : Object.entries(after.agents)) {
    const known = before.agents[agent];
    const now = known === list ? undefined : list.find(isReady);
    if (now === undefined || known?.find(isReady)?.status === now.status) continue;
    ready.push(plainEvent(base, 'condition', `Ready ${now.status} (${now.reason}) ${now.message}`.trimEnd(), agent));
  }
  return [
    ...came.map((p) => plainEvent(base, 'paused', `${name(p)} by ${p.by}: ${p.reason}`)),
    ...went.map((p) => plainEvent(base, 'resumed', name(p))),
    ...input.resets.map((r) => plainEvent(base, 'reset', `${r.target ?? 'everything'} by ${r.by}`)),
    ...ready,
  ];
}

function isReady({ type }: Condition): boolean {
  return type === 'Ready';
}

function mustWrite(state: ControlState, { resets }: PassInput, { act, held, counters }: Decision): boolean {
  const latched = held.some((h) => h.why === 'crash-loop' || h.why === 'contested');
  // How long it has waited is shown by the next controller, too, and nothing of a wait that is over.
  const waits = !haveSameKeys(counters.waits, state.counters.waits);
  const now = act.length > 0 || latched || waits || resets.length > 0;
  return now || counters.clock.steady - state.written >= WRITE_COUNTERS_MS;
}

function writtenAt(state: ControlState, input: PassInput, decision: Decision): Pick<ControlState, 'written'> {
  return { written: mustWrite(state, input, decision) ? decision.counters.clock.steady : state.written };
}

function countersEffect(state: ControlState, input: PassInput, decision: Decision): readonly Effect[] {
  if (!mustWrite(state, input, decision)) return [];
  const durable = decision.act.length > 0 || input.resets.length > 0;
  return [{ effect: 'write-counters', counters: decision.counters, durable }];
}

function resetEffects({ counters }: ControlState, { resets }: PassInput): readonly Effect[] {
  return resets.length === 0 ? [] : [{ effect: 'write-counters', counters, durable: true }, forget(resets)];
}

function forget(resets: readonly Reset[]): Effect {
  return { effect: 'forget-resets', ids: resets.map((r) => r.id) };
}
