/**
 * Which of the plan's changes are made now, which wait and until when. The plan alone says what differs and what would
 * repair it; this adds time, and never a change that the plan does not hold.
 */

import type { Change, Plan } from '../../diff/plan.ts';
import type { Pause } from '../../diff/plan-holds.ts';
import { isBringUp } from '../../diff/repetition.ts';
import { times } from '../../diff/times.ts';
import type { AgentSpec, Roster } from '../../spec/model.ts';
import { entry } from '../../spec/record.ts';
import { countStart, mayStart } from './calm.ts';
import { type Moment, stamp } from './clock.ts';
import { type AgentCounters, type Counters, sharedKey } from './counters.ts';
import { countRepair, newlyContested } from './fights.ts';
import { noteLooks, secondLook, waitingForSecondLook } from './looks.ts';
import type { ControlPolicy, Random } from './policy.ts';
import { EVERYTHING } from './queue.ts';
import { noteSeen } from './seen-in-plan.ts';
import { MINUTE_MS } from './tidy.ts';

export interface DecideInput {
  readonly plan: Plan;
  /** As `tidy` left them. */
  readonly counters: Counters;
  readonly roster: Roster;
  readonly now: Moment;
  readonly policy: ControlPolicy;
  readonly random: Random;
  readonly pauses: readonly Pause[];
  /** Agents that this look was about; null = everything. */
  readonly scope: ReadonlySet<string> | null;
  /** Agents, and addresses of what all share, that another pass works on; with the address of the last change of each. */
  readonly working: ReadonlyMap<string, string>;
  /** Why nothing at all may be done now (the PAUSED file, a lost lease); null where it may. */
  readonly stopped: string | null;
}

export type HoldWhy =
  | 'stopped'
  | 'in-progress'
  | 'backoff'
  | 'crash-loop'
  | 'contested'
  | 'second-look'
  | 'retry'
  | 'budget'
  | 'dependency'
  // as the plan defers it
  | 'busy'
  | 'attached'
  | 'other-panes'
  | 'in-transition'
  | 'awaiting-second-look';

export interface Held {
  readonly address: string;
  readonly agent: string | null;
  readonly action: Change['action'];
  readonly reason: Change['reason'];
  readonly why: HoldWhy;
  /** Steady time after which it is worth looking again; null: only an event or a person ends it. */
  readonly until: number | null;
  /** For people. */
  readonly detail: string;
  /** RFC 3339: since when it waits for idleness; null for all else. */
  readonly since: string | null;
  /** The address of the prerequisite that it waits for; null where it waits for none. */
  readonly behind: string | null;
}

export interface Decision {
  /** In the plan's order. */
  readonly act: readonly Change[];
  readonly held: readonly Held[];
  /** With the starts and repairs of `act` counted: to be written down before any of them is made. */
  readonly counters: Counters;
  /** What each agent's counters were before its start was counted: for starts that are not made after all. */
  readonly uncounted: Readonly<Record<string, AgentCounters>>;
  readonly wakes: readonly { readonly key: string; readonly at: number }[];
}

interface Draft {
  counters: Counters;
  /** What `counters.agents` is since something of it was changed, and only here may be written to: a thousand starts copy it once. */
  agents: Record<string, AgentCounters> | null;
  readonly act: Change[];
  readonly held: Held[];
  readonly uncounted: Record<string, AgentCounters>;
}

type Hold = Pick<Held, 'why' | 'until' | 'detail'> & Partial<Pick<Held, 'behind'>>;

export function decide(input: DecideInput): Decision {
  const seen = noteSeen(input.counters, input);
  const draft: Draft = { counters: noteLooks(seen, input), agents: null, act: [], held: [], uncounted: {} };
  for (const deferred of input.plan.deferred) {
    const candidate = waitingForSecondLook(deferred);
    if (candidate === null) draft.held.push(deferredHold(input, draft, deferred));
    else weigh(input, draft, candidate);
  }
  for (const change of input.plan.changes) weigh(input, draft, change);
  const wakes = draft.held.flatMap((h) => (h.until === null ? [] : [{ key: h.agent ?? EVERYTHING, at: h.until }]));
  const { counters, act, held, uncounted } = draft;
  return { counters, act, held, uncounted, wakes };
}

function deferredHold(input: DecideInput, draft: Draft, change: Plan['deferred'][number]): Held {
  const wait = entry(draft.counters.waits, change.address);
  const until = draft.counters.clock.steady + input.policy.deferredMs;
  const detail = change.evidence.at(-1) ?? change.why;
  return { ...about(change), why: change.why, until, detail, since: wait?.since ?? stamp(input.now), behind: null };
}

function weigh(input: DecideInput, draft: Draft, change: Change): void {
  for (const rule of RULES) {
    const hold = rule(input, draft, change);
    if (hold === null) continue;
    draft.held.push({ ...about(change), since: null, behind: null, ...hold });
    return;
  }
  draft.act.push(change);
  const actions = [...draft.counters.actions, draft.counters.clock.steady];
  draft.counters = countRepair({ ...draft.counters, actions }, change, input.roster.sha256, input.policy);
  const agent = agentOf(input, change);
  if (agent !== undefined && isBringUp(change)) count(input, draft, agent);
}

/** Two changes of one plan (its unit and its session) are one start. */
function count(input: DecideInput, draft: Draft, agent: AgentSpec): void {
  const known = entry(draft.counters.agents, agent.name);
  if (known === undefined || Object.hasOwn(draft.uncounted, agent.name)) return;
  draft.uncounted[agent.name] = known;
  const { steady } = draft.counters.clock;
  const counted = countStart(known, agent.restart, steady, input.policy, input.random);
  setCounters(draft, agent.name, counted);
}

function setCounters(draft: Draft, agent: string, counters: AgentCounters): void {
  if (draft.agents === null) {
    draft.agents = { ...draft.counters.agents };
    draft.counters = { ...draft.counters, agents: draft.agents };
  }
  draft.agents[agent] = counters;
}

type Rule = (input: DecideInput, draft: Draft, change: Change) => Hold | null;

const RULES: readonly Rule[] = [
  (input) => (input.stopped === null ? null : { why: 'stopped', until: null, detail: input.stopped }),
  inProgress,
  afterItsPrerequisites,
  calmly,
  notAgainYet,
  undisputed,
  secondLookRule,
  withinBudget,
];

function inProgress({ working }: DecideInput, _draft: Draft, change: Change): Hold | null {
  if (!working.has(change.agent ?? change.address)) return null;
  return { why: 'in-progress', until: null, detail: 'another pass is at it' };
}

function afterItsPrerequisites(input: DecideInput, draft: Draft, change: Change): Hold | null {
  const before = draft.held.find((h) => h.why !== 'contested' && change.depends_on.includes(h.address));
  if (before === undefined) return afterWhoIsComingUp(input, change);
  return {
    why: 'dependency',
    until: before.until,
    detail: `waits for ${before.address} (${before.why})`,
    behind: before.address,
  };
}

/** What another pass is starting looks right before it has settled, and is then no change any more to wait for. */
function afterWhoIsComingUp(input: DecideInput, change: Change): Hold | null {
  if (!isBringUp(change)) return null;
  const name = agentOf(input, change)?.dependsOn.find((below) => input.working.has(below));
  if (name === undefined) return null;
  const detail = `waits for ${name} (another pass is at it)`;
  return { why: 'dependency', until: null, detail, behind: input.working.get(name) ?? null };
}

function calmly(input: DecideInput, draft: Draft, change: Change): Hold | null {
  const agent = agentOf(input, change);
  const known = agent === undefined ? undefined : entry(draft.counters.agents, agent.name);
  if (agent === undefined || known === undefined || !isBringUp(change)) return null;
  if (Object.hasOwn(draft.uncounted, agent.name)) return null;
  const { steady } = draft.counters.clock;
  const verdict = mayStart(known, agent.restart, steady);
  switch (verdict.may) {
    case 'now':
      return null;
    case 'later':
      return { why: 'backoff', until: verdict.at, detail: `started ${times(known.streak)} without lasting health` };
    case 'not': {
      const { restarts } = verdict;
      const crash_loop = { spec: known.spec, since: stamp(input.now), restarts, window: agent.restart.window };
      setCounters(draft, agent.name, { ...known, crash_loop });
      const detail = `started ${times(restarts)} within ${agent.restart.window / 1000} s and down again`;
      return { why: 'crash-loop', until: null, detail };
    }
  }
}

function notAgainYet(_input: DecideInput, { counters }: Draft, change: Change): Hold | null {
  const failed = entry(counters.retries, change.address);
  if (failed !== undefined && failed.not_before > counters.clock.steady) {
    return { why: 'retry', until: failed.not_before, detail: `tried ${times(failed.streak)} in vain` };
  }
  const made = entry(counters.retries, sharedKey(change));
  if (made === undefined || made.not_before <= counters.clock.steady) return null;
  return { why: 'retry', until: made.not_before, detail: `repaired ${times(made.streak)} lately, and wanted again` };
}

function undisputed(input: DecideInput, draft: Draft, change: Change): Hold | null {
  const fought = newlyContested(draft.counters, change, input.roster.sha256, input.now, input.policy);
  const [first] = Object.values(fought);
  if (first === undefined) return null;
  draft.counters = { ...draft.counters, repairs: { ...draft.counters.repairs, ...fought } };
  const detail = `put back ${times(first.contested?.times ?? 0)} by somebody else`;
  return { why: 'contested', until: null, detail };
}

function secondLookRule(input: DecideInput, draft: Draft, change: Change): Hold | null {
  const until = secondLook(draft.counters, change, agentOf(input, change), input.policy);
  return until === null ? null : { why: 'second-look', until, detail: 'it lives: looked at once more before it ends' };
}

function withinBudget(input: DecideInput, { counters }: Draft, _change: Change): Hold | null {
  const most = input.policy.actionsPerMinute ?? Math.max(60, input.roster.agents.length);
  const oldest = counters.actions[counters.actions.length - most];
  if (oldest === undefined) return null;
  return { why: 'budget', until: oldest + MINUTE_MS, detail: `${most} effects were made within the last minute` };
}

function about(change: Change): Pick<Held, 'address' | 'agent' | 'action' | 'reason'> {
  return { address: change.address, agent: change.agent, action: change.action, reason: change.reason };
}

function agentOf(input: DecideInput, change: Change): AgentSpec | undefined {
  return input.roster.agents.find((a) => a.name === change.agent);
}
