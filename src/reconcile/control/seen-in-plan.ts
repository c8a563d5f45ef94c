/** What a look says of agents besides its changes: health, how long something has been waiting, what is mended. */
import { covers } from '../../diff/hold-back.ts';
import type { DeferWhy, Plan } from '../../diff/plan.ts';
import type { Pause } from '../../diff/plan-holds.ts';
import { isBringUp } from '../../diff/repetition.ts';
import type { Roster } from '../../spec/model.ts';
import { entry, recordLike } from '../../spec/record.ts';
import { noteHealth } from './calm.ts';
import { type Moment, stamp } from './clock.ts';
import { type AgentCounters, type Counters, keepEntries, type Wait } from './counters.ts';
import type { ControlPolicy } from './policy.ts';

interface Seen {
  readonly plan: Plan;
  readonly roster: Roster;
  readonly scope: ReadonlySet<string> | null;
  readonly pauses: readonly Pause[];
  readonly now: Moment;
  readonly policy: ControlPolicy;
}

export function noteSeen(counters: Counters, seen: Seen): Counters {
  const withWaits = { ...counters, waits: waitsOf(counters, seen), retries: retriesOf(counters, seen) };
  const ailing = ailingAgents(seen.plan);
  const counted = seen.roster.agents.filter(({ name }) => Object.hasOwn(counters.agents, name));
  const named = counted.length === seen.roster.agents.length ? seen.roster.agents : counted;
  const all: AgentCounters[] = [];
  for (const { name, state } of named) {
    const known = counters.agents[name] as AgentCounters;
    // What is paused is not in the plan: nothing is known of its health.
    const told = state === 'running' && !seen.pauses.some((p) => covers(p, `/session/${name}`, name));
    const isSeen = seen.scope === null || seen.scope.has(name);
    all.push(isSeen ? noteHealth(known, told && !ailing.has(name), counters.clock.steady, seen.policy) : known);
  }
  const agents = recordLike(counters.agents, named, all);
  return { ...withWaits, agents };
}

function ailingAgents(plan: Plan): ReadonlySet<string | null> {
  const down = [...plan.changes, ...plan.deferred].filter(isBringUp);
  const warned = plan.warnings.filter((w) => w.reason.startsWith('heartbeat-') || w.reason === 'parked');
  return new Set([...down, ...plan.blocked, ...plan.unknown, ...warned].map((x) => x.agent));
}

const WAITS: ReadonlySet<DeferWhy> = new Set(['busy', 'attached', 'other-panes', 'in-transition']);

function waitsOf(counters: Counters, { plan, scope, now }: Seen): Counters['waits'] {
  const waiting = plan.deferred.filter((d) => WAITS.has(d.why));
  const here = new Set(waiting.map((d) => d.address));
  // What could not be seen may wait still.
  const kept = keepEntries(counters.waits, (address, w) => here.has(address) || !plan.complete || outside(scope, w));
  if (waiting.length === 0) return kept;
  const noted = waiting.map((d): readonly [string, Wait] => {
    const fresh = { since: stamp(now), since_steady: counters.clock.steady };
    const known = entry(counters.waits, d.address);
    return [d.address, { ...fresh, ...known, agent: d.agent, why: d.why }];
  });
  return { ...kept, ...Object.fromEntries(noted) };
}

/** What is not wanted any more has been mended, by whomever. */
function retriesOf(counters: Counters, { plan, scope }: Seen): Counters['retries'] {
  if (!plan.complete) return counters.retries;
  const wanted = new Set(plan.changes.map((c) => c.address));
  return keepEntries(
    counters.retries,
    (address, r) => wanted.has(address) || r.keep_until !== null || outside(scope, r),
  );
}

function outside(scope: ReadonlySet<string> | null, { agent }: { readonly agent: string | null }): boolean {
  return scope !== null && (agent === null || !scope.has(agent));
}
