/** The status document (`status.json`, kind `fleet.status`, format 1.0): all that `fleet status` prints, without asking the controller. */
import type { Pause } from '../../diff/plan-holds.ts';
import type { AgentSpec, Roster } from '../../spec/model.ts';
import { entry, recordLike } from '../../spec/record.ts';
import { within } from './calm.ts';
import { type Moment, stamp } from './clock.ts';
import type { Condition } from './conditions.ts';
import type { HoldWhy } from './decide.ts';
import type { RosterInForce } from './roster-in-force.ts';
import type { ControlState } from './state.ts';

export interface StatusDocument {
  readonly format_version: '1.0';
  readonly kind: 'fleet.status';
  readonly fleet: string;
  readonly host: string;
  readonly tenant: string;
  readonly controller: ControllerStatus;
  readonly roster: RosterStatus;
  readonly conditions: readonly Condition[];
  readonly queue: { readonly dirty: number; readonly running: number };
  readonly pauses: readonly Pause[];
  /** Why nothing at all is done (the PAUSED file), null where it is. */
  readonly stopped: string | null;
  /** By agent, in roster order. */
  readonly agents: Readonly<Record<string, AgentStatus>>;
}

export interface ControllerStatus {
  readonly pid: number;
  readonly tool_version: string;
  readonly boot_id: string | null;
  readonly started_at: string;
  /** Its own heartbeat: the document is written again at least every full look, changed or not. */
  readonly beat_at: string;
  /** CLOCK_MONOTONIC milliseconds of that beat: its age does not depend on the wall clock, within one boot. */
  readonly beat_monotonic: number;
  /** Older than so many milliseconds, the controller is stuck. */
  readonly beat_within: number;
  readonly passes: number;
}

export interface RosterStatus {
  readonly path: string;
  /** Of the one in force. */
  readonly sha256: string;
  readonly commit: string | null;
  readonly in_force_since: string;
  /** Why the file as it is now is not in force; null where it is. */
  readonly refused: { readonly since: string; readonly message: string } | null;
}

export interface AgentStatus {
  readonly conditions: readonly Condition[];
  readonly waiting: readonly Waiting[];
  /** Starts within `restart.window`, and what it may use of them. */
  readonly restarts: { readonly recent: number; readonly limit: number };
  readonly crash_loop: { readonly since: string } | null;
}

export interface Waiting {
  readonly address: string;
  readonly action: string;
  readonly reason: string;
  readonly why: HoldWhy;
  readonly detail: string;
  /** RFC 3339, null where it is not waiting for idleness. */
  readonly since: string | null;
  /** Milliseconds from `beat_at`; null: only an event or a person ends it. */
  readonly at_most: number | null;
}

/** What the shell knows and the steps do not. */
export interface StatusInput {
  readonly fleet: string;
  readonly host: string;
  readonly tenant: string;
  readonly controller: Omit<ControllerStatus, 'beat_at' | 'beat_monotonic' | 'boot_id' | 'passes'>;
  readonly inForce: RosterInForce;
  /** With the agents of this place alone. */
  readonly roster: Roster;
  readonly now: Moment;
  /** Of the last document of this very process: of what is the same since, the very objects are told again. */
  readonly before?: StatusDocument['agents'] | undefined;
}

export function buildStatus(state: ControlState, input: StatusInput): StatusDocument {
  const { fleet, host, tenant, inForce, now } = input;
  const { refused } = inForce;
  const controller = { ...input.controller, boot_id: now.boot_id, beat_at: stamp(now), beat_monotonic: now.monotonic };
  return {
    format_version: '1.0',
    kind: 'fleet.status',
    fleet,
    host,
    tenant,
    controller: { ...controller, passes: state.passes },
    roster: {
      path: inForce.roster.path,
      sha256: inForce.roster.sha256,
      commit: inForce.commit,
      in_force_since: inForce.since,
      refused: refused === null ? null : { since: refused.since, message: refused.message },
    },
    conditions: state.fleet,
    queue: { dirty: state.queue.dirty.size, running: state.queue.running.size },
    pauses: state.pauses,
    stopped: state.stopped,
    agents: agentsOf(state, input.roster, input.before ?? NOBODY),
  };
}

const NOBODY: StatusDocument['agents'] = {};

function agentsOf(state: ControlState, roster: Roster, before: StatusDocument['agents']): StatusDocument['agents'] {
  const held = heldByAgent(state);
  const all: AgentStatus[] = [];
  for (const agent of roster.agents) {
    all.push(agentStatus(state, agent, held.get(agent.name) ?? NOTHING, entry(before, agent.name)));
  }
  return recordLike(before, roster.agents, all);
}

const NOTHING: readonly Waiting[] = [];

function heldByAgent({ held, counters }: ControlState): ReadonlyMap<string | null, readonly Waiting[]> {
  const byAgent = new Map<string | null, Waiting[]>();
  for (const { agent, address, action, reason, why, detail, since, until } of held.values()) {
    const at_most = until === null ? null : Math.max(0, until - counters.clock.steady);
    const waiting = { address, action, reason, why, detail, since, at_most };
    const others = byAgent.get(agent);
    if (others === undefined) byAgent.set(agent, [waiting]);
    else others.push(waiting);
  }
  return byAgent;
}

function agentStatus(
  state: ControlState,
  agent: AgentSpec,
  waiting: readonly Waiting[],
  before: AgentStatus | undefined,
): AgentStatus {
  const { steady } = state.counters.clock;
  const known = entry(state.counters.agents, agent.name);
  const restarts = known?.restarts ?? [];
  const recent = restarts.length === 0 ? 0 : within(restarts, agent.restart.window, steady).length;
  const since = known?.crash_loop?.since;
  const conditions = entry(state.agents, agent.name) ?? NONE;
  const { limit } = agent.restart;
  const same =
    before?.conditions === conditions &&
    before.waiting === waiting &&
    before.restarts.recent === recent &&
    before.restarts.limit === limit &&
    before.crash_loop?.since === since;
  if (same) return before;
  return { conditions, waiting, restarts: { recent, limit }, crash_loop: since === undefined ? null : { since } };
}

const NONE: readonly Condition[] = [];
