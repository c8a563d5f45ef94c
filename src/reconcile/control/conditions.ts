/**
 * How each agent and the fleet are, in four words that keep the time of their last change. Told from one look, its plan
 * and what was decided; an agent outside the look keeps what was told of it before.
 */

import type { Plan } from '../../diff/plan.ts';
import type { Pause } from '../../diff/plan-holds.ts';
import type { Reason } from '../../diff/reasons.ts';
import type { Standing } from '../../diff/standing.ts';
import { camel } from '../../spec/camel.ts';
import { areSame } from '../../spec/kept.ts';
import type { AgentSpec, Roster } from '../../spec/model.ts';
import { entry } from '../../spec/record.ts';
import type { Counters } from './counters.ts';
import type { Held } from './decide.ts';
import { AS_WANTED, evaluateReady, type Verdict } from './readiness.ts';

export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled' | 'Paused';

export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase and stable, for machines. */
  readonly reason: string;
  readonly message: string;
  /** What was in force: the agent's spec by its fingerprint; for the fleet the roster by its SHA-256. */
  readonly observed_generation: string;
  /** RFC 3339: when `status` last changed. */
  readonly last_transition: string;
}

export interface AgentFacts {
  readonly agent: AgentSpec;
  readonly plan: Plan;
  /** `namedIn` all this. */
  readonly said: ReadonlySet<string | null>;
  /** As it was seen, whatever the plan has to do with it. */
  readonly standing: Standing;
  readonly held: readonly Held[];
  readonly acting: readonly { readonly agent: string | null; readonly reason: Reason }[];
  readonly counters: Counters;
  readonly pause: Pause | null;
  /** Of what is paused is known only that it is. */
  readonly stopped: string | null;
}

/** `previous`: to keep the time of what did not change. `at`: RFC 3339. */
export function agentConditions(facts: AgentFacts, previous: readonly Condition[], at: string): readonly Condition[] {
  const generation = entry(facts.counters.agents, facts.agent.name)?.spec ?? '';
  return transitions(isWell(facts) ? WELL : verdictsOf(facts), generation, previous, at);
}

type Verdicts = Readonly<Record<ConditionType, Verdict>>;

function verdictsOf(facts: AgentFacts): Verdicts {
  return {
    Ready: evaluateReady(facts),
    Reconciling: evaluateReconciling(facts),
    Stalled: evaluateStalled(facts),
    Paused: evaluatePaused(facts),
  };
}

/** Nothing is said of it, and it is up. */
function isWell({ agent, said, standing, pause, stopped }: AgentFacts): boolean {
  const free = pause === null && stopped === null;
  return free && agent.state === 'running' && standing.stands === 'up' && !said.has(agent.name);
}

/** All whom the plan or the decision names, for whatever reason. */
export function namedIn({ plan, held, acting, counters }: Pick<AgentFacts, 'plan' | 'held' | 'acting' | 'counters'>) {
  const lists = [plan.changes, plan.deferred, plan.blocked, plan.unknown, plan.warnings, held, acting];
  const said = new Set<string | null>();
  for (const list of [...lists, Object.values(counters.retries)]) for (const { agent } of list) said.add(agent);
  return said;
}

const TYPES: readonly ConditionType[] = ['Ready', 'Reconciling', 'Stalled', 'Paused'];

/** The very list that was there before where each of them is as it was: of a thousand agents it is, a minute later. */
function transitions(
  told: Verdicts,
  generation: string,
  previous: readonly Condition[],
  at: string,
): readonly Condition[] {
  if (isAsTold(told, generation, previous)) return previous;
  const now: Condition[] = [];
  for (const type of TYPES) now.push(transition(type, told[type], generation, previous, at));
  return areSame(now, previous) ? previous : now;
}

function isAsTold(told: Verdicts, generation: string, conditions: readonly Condition[]): boolean {
  for (const [index, type] of TYPES.entries()) {
    const condition = conditions[index];
    if (condition?.type !== type || condition.observed_generation !== generation) return false;
    if (!isSame(condition, told[type])) return false;
  }
  return conditions.length === TYPES.length;
}

function isSame(a: Verdict, b: Verdict): boolean {
  return a.status === b.status && a.reason === b.reason && a.message === b.message;
}

const no = (reason: string): Verdict => ({ status: 'False', reason, message: '' });

const NOTHING_TO_DO = no('NothingToDo');
const NOTHING_IN_THE_WAY = no('NothingInTheWay');
const NOT_PAUSED = no('NotPaused');
const WELL: Verdicts = {
  Ready: AS_WANTED,
  Reconciling: NOTHING_TO_DO,
  Stalled: NOTHING_IN_THE_WAY,
  Paused: NOT_PAUSED,
};

function evaluateReconciling({ agent, held, acting }: AgentFacts): Verdict {
  const under = acting.find((a) => a.agent === agent.name);
  if (under !== undefined) return { status: 'True', reason: 'Repairing', message: under.reason };
  const [first] = held.filter((h) => h.agent === agent.name && !STUCK.has(h.why));
  if (first === undefined) return NOTHING_TO_DO;
  const since = first.since === null ? '' : `, since ${first.since}`;
  const message = `${first.action} ${first.reason} waits (${first.why}${since}): ${first.detail}`;
  return { status: 'True', reason: camel(first.why), message };
}

const STUCK: ReadonlySet<string> = new Set(['crash-loop', 'contested', 'stopped']);

/** Going on takes a person. */
function evaluateStalled({ agent, plan, held, counters }: AgentFacts): Verdict {
  const stuck = held.find((h) => h.agent === agent.name && STUCK.has(h.why));
  if (stuck !== undefined) return { status: 'True', reason: camel(stuck.why), message: stuck.detail };
  const blocked = plan.blocked.find((b) => b.agent === agent.name);
  if (blocked !== undefined) {
    const message = [...blocked.evidence.slice(0, 2), blocked.remedy].join('; ');
    return { status: 'True', reason: camel(blocked.reason), message };
  }
  const contested = plan.warnings.find((w) => w.agent === agent.name && w.reason === 'contested');
  if (contested !== undefined) return { status: 'True', reason: 'Contested', message: contested.evidence.join('; ') };
  const failing = Object.entries(counters.retries).find(([, r]) => r.agent === agent.name && r.streak >= 3);
  if (failing !== undefined) {
    return { status: 'True', reason: 'RepairFails', message: `${failing[0]} failed ${failing[1].streak} times` };
  }
  return NOTHING_IN_THE_WAY;
}

function evaluatePaused({ pause, stopped }: AgentFacts): Verdict {
  if (stopped !== null) return { status: 'True', reason: 'AllStopped', message: stopped };
  if (pause === null) return NOT_PAUSED;
  const until = pause.until === null ? '' : ` until ${pause.until}`;
  return { status: 'True', reason: 'Paused', message: `by ${pause.by} since ${pause.since}${until}: ${pause.reason}` };
}

/** The fleet is as its agents are: core agents decide on Ready. */
export function fleetConditions(
  roster: Roster,
  agents: Readonly<Record<string, readonly Condition[]>>,
  trouble: { readonly reason: string; readonly message: string } | null,
  previous: readonly Condition[],
  at: string,
): readonly Condition[] {
  const having = namesByVerdict(roster, agents);
  const some = (type: ConditionType, reason: string): Verdict => {
    const names = having.get(`${type} True`) ?? [];
    return names.length === 0 ? no('None') : { status: 'True', reason, message: listed(names) };
  };
  const stalled: Verdict = trouble === null ? some('Stalled', 'AgentsStalled') : { status: 'True', ...trouble };
  const told: Verdicts = {
    Ready: fleetReady(having.get('Ready False') ?? [], having.get('Ready Unknown') ?? []),
    Reconciling: some('Reconciling', 'AgentsReconciling'),
    Stalled: stalled,
    Paused: some('Paused', 'AgentsPaused'),
  };
  return transitions(told, roster.sha256, previous, at);
}

/** Agents by `TYPE STATUS`. Ephemeral agents come and go: whether the fleet is ready does not hang on them. */
function namesByVerdict(
  roster: Roster,
  agents: Readonly<Record<string, readonly Condition[]>>,
): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { name, lifecycle } of roster.agents) {
    for (const { type, status } of agents[name] ?? []) {
      if (type === 'Ready' ? lifecycle !== 'core' || status === 'True' : status !== 'True') continue;
      const key = `${type} ${status}`;
      const known = names.get(key);
      if (known === undefined) names.set(key, [name]);
      else known.push(name);
    }
  }
  return names;
}

function fleetReady(down: readonly string[], unknown: readonly string[]): Verdict {
  if (down.length > 0) return { status: 'False', reason: 'AgentsNotReady', message: listed(down) };
  if (unknown.length > 0) return { status: 'Unknown', reason: 'AgentsUnknown', message: listed(unknown) };
  return { status: 'True', reason: 'AllReady', message: '' };
}

function listed(names: readonly string[]): string {
  const [few, more] = [names.slice(0, 5).join(', '), names.length - 5];
  return more > 0 ? `${few} and ${more} more` : few;
}

function transition(
  type: ConditionType,
  verdict: Verdict,
  observed_generation: string,
  previous: readonly Condition[],
  at: string,
): Condition {
  const before = previous.find((c) => c.type === type);
  const same = before !== undefined && isSame(before, verdict);
  if (same && before.observed_generation === observed_generation) return before;
  const last_transition = before?.status === verdict.status ? before.last_transition : at;
  return { type, ...verdict, observed_generation, last_transition };
}
