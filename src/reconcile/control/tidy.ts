/** Before anything is decided: the clock goes on, and what no longer counts is forgotten. */
import { fingerprint } from '../../spec/fingerprint.ts';
import type { Roster } from '../../spec/model.ts';
import { entry, recordLike } from '../../spec/record.ts';
import { within } from './calm.ts';
import { type Moment, tick } from './clock.ts';
import { type AgentCounters, type Counters, keepEntries, newAgentCounters } from './counters.ts';
import { forgetRepairs } from './fights.ts';
import { applyResets } from './holds.ts';
import type { Reset } from './pauses.ts';
import type { ControlPolicy } from './policy.ts';

export const MINUTE_MS = 60_000;

export interface TidyInput {
  /** The one in force: every agent of this place. */
  readonly roster: Roster;
  /** Absolute; fingerprints are made with it. */
  readonly home: string;
  readonly now: Moment;
  readonly resets: readonly Reset[];
  readonly policy: ControlPolicy;
}

export function tidy(counters: Counters, input: TidyInput): Counters {
  const ticked = { ...counters, clock: tick(counters.clock, input.now) };
  const reset = input.resets.length === 0 ? ticked : applyResets(ticked, input.resets);
  const { steady } = reset.clock;
  const retries = keepEntries(reset.retries, (_address, r) => r.keep_until === null || r.keep_until > steady);
  const actions = within(reset.actions, MINUTE_MS, steady);
  const agents = agentsOf(reset, input.roster, input.home);
  return forgetRepairs({ ...reset, retries, actions, agents }, input.roster.sha256, input.policy);
}

/** One entry for each agent of the roster; an agent that left it, or has another spec, begins anew. */
function agentsOf(counters: Counters, roster: Roster, home: string): Counters['agents'] {
  const all: AgentCounters[] = [];
  for (const agent of roster.agents) {
    const spec = fingerprint(agent, home);
    const known = entry(counters.agents, agent.name);
    all.push(known?.spec === spec ? known : newAgentCounters(spec));
  }
  return recordLike(counters.agents, roster.agents, all);
}
