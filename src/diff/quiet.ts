/**
 * Agents of which a comparison had nothing to say, from plan to plan: while all that it can look at is the very same, it has
 * nothing to say again. A controller that plans for a thousand healthy agents each minute compares but those of which
 * something was seen to be another than before.
 *
 * Only nothing is remembered, and only of agents that are where they should be: in the one session that bears their
 * name and fleet's mark. What such a comparison looks at is of two kinds: what is the agent's own, and what all share,
 * but for the agents' own. Neither the clock nor ignore rules that cover something are among it: who asked for them is
 * compared each time. test/diff/quiet.test.ts changes every word of an observation, one after the other, and holds plans with
 * this memory against plans without.
 */
import type { Source, TmuxSession } from '../observe/state.ts';
import { areSame, type Kept, kept } from '../spec/kept.ts';
import { unitNameOf } from '../spec/layout.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type AgentPart, type PlanContext, type SaidBefore, socketLabel, type Tell } from './context.ts';
import { NO_HOLDS } from './plan-holds.ts';
import type { PlanMemory } from './policy.ts';
import { sessionNamed, sessionsRelated } from './session-index.ts';

/** The memory, of one that plans again and again for the same fleet. */
export interface Quiet {
  readonly agents: Map<string, QuietAgent>;
  readonly shared: Kept<null, object>;
  readonly tables: Kept<null, readonly unknown[]>;
}

interface QuietAgent {
  readonly shared: object;
  /** Tables that what is its own was looked up in: while they are the same, so is that. */
  tables: readonly unknown[];
  readonly told: readonly unknown[];
  /** Its session and what runs in it. */
  readonly live: readonly unknown[];
  readonly parts: Set<AgentPart>;
}

export function quiet(): Quiet {
  return { agents: new Map(), shared: kept(), tables: kept() };
}

const NOTHING: readonly never[] = [];

/** Of one plan. Those of whom nothing is asked in it are forgotten. */
export function saidBefore(ctx: PlanContext, memory: Quiet): SaidBefore {
  return new QuietPlan(ctx, memory);
}

class QuietPlan implements SaidBefore {
  readonly #ctx: PlanContext;
  readonly #agents: Quiet['agents'];
  readonly #before: Quiet['agents'];
  readonly #shared: object;
  readonly #tables: readonly unknown[];
  readonly #watch: ReturnType<typeof watched>;
  readonly #checked = new Map<string, QuietAgent | null>();

  constructor(ctx: PlanContext, { agents, shared, tables }: Quiet) {
    this.#ctx = ctx;
    this.#agents = agents;
    this.#before = new Map(agents);
    agents.clear();
    this.#shared = shared.of(null, sharedInputs(ctx), () => ({}));
    this.#tables = tables.of(null, tablesOf(ctx), () => tablesOf(ctx));
    this.#watch = watched(ctx);
  }

  of<T>(part: AgentPart, agent: AgentSpec, tell: Tell<T>): readonly T[] {
    let known = this.#checked.get(agent.name);
    if (known === undefined) {
      known = this.#check(agent);
      this.#checked.set(agent.name, known);
    }
    if (known === null) return tell(this.#ctx, agent);
    if (known.parts.has(part)) return NOTHING;
    this.#watch.begin();
    const said = tell(this.#watch.ctx, agent);
    if (said.length === 0 && !this.#watch.lookedFurther()) known.parts.add(part);
    return said;
  }

  #check(agent: AgentSpec): QuietAgent | null {
    const live = liveInputs(this.#ctx, agent);
    if (live === null) return null;
    const before = this.#before.get(agent.name);
    const known = before?.shared === this.#shared ? before : undefined;
    const [shared, tables] = [this.#shared, this.#tables];
    const told = known?.tables === tables ? known.told : toldInputs(this.#ctx, agent);
    const same = known !== undefined && areSame(known.live, live) && areSame(known.told, told);
    const now = same ? known : { shared, tables, live, told, parts: new Set<AgentPart>() };
    now.tables = tables;
    this.#agents.set(agent.name, now);
    return now;
  }
}

/** The same context, which notes whether what is not remembered was asked for. */
function watched(ctx: PlanContext) {
  let further = false;
  const note = <T>(value: T): T => {
    further = true;
    return value;
  };
  const ignore: PlanContext['ignore'] = {
    covers: (...about) => (ctx.ignore.covers(...about) ? note(true) : false),
    get entries() {
      return note(ctx.ignore.entries);
    },
    inForce: ctx.ignore.inForce,
    expired: ctx.ignore.expired,
  };
  const { sessions, owned, interrupted } = ctx.memory;
  const memory: PlanMemory = {
    sessions,
    owned,
    interrupted,
    get holds() {
      return note(ctx.memory.holds ?? NO_HOLDS);
    },
  };
  return {
    ctx: {
      ...ctx,
      memory,
      ignore,
      get now() {
        return note(ctx.now);
      },
    },
    begin: () => {
      further = false;
    },
    lookedFurther: () => further,
  };
}

/** Null where the agent is not as those are whose comparisons look at nothing else. */
function liveInputs(ctx: PlanContext, agent: AgentSpec): readonly unknown[] | null {
  const { processes } = ctx.observed.sources;
  if (!ctx.launcher || ctx.files === null || processes.status === 'unknown') return null;
  if (agent.state !== 'running' || (ctx.systemd && ctx.units === null)) return null;
  const session = onlySession(ctx, agent);
  if (session?.mark?.agent !== agent.name || session.mark.owner !== ctx.roster.fleet) return null;
  const { processes: byPid } = processes.value;
  const inputs: unknown[] = [agent, session];
  for (const { pid, runs } of session.panes) {
    inputs.push(pid === null ? undefined : byPid[pid], 'pid' in runs ? byPid[runs.pid] : undefined);
  }
  return inputs;
}

/** What is looked up of it by its names. */
function toldInputs({ files, units, layout }: PlanContext, agent: AgentSpec): readonly unknown[] {
  const inputs: unknown[] = [
    units?.units[unitNameOf(layout, agent)],
    files?.env_files[agent.name],
    files?.argv_files[agent.name],
    files?.directories[agent.workingDirectory],
    files?.commands[agent.name],
  ];
  for (const value of Object.values(agent.env)) {
    inputs.push(value.kind === 'secret' ? files?.secret_files?.[value.fromFile] : undefined);
  }
  return inputs;
}

/** All that `toldInputs` looks into. */
function tablesOf({ files, units, layout }: PlanContext): readonly unknown[] {
  return [
    layout,
    units?.units,
    files?.env_files,
    files?.argv_files,
    files?.directories,
    files?.commands,
    files?.secret_files,
  ];
}

/** The one that bears its name, here, where no other has to do with it. */
function onlySession({ observed }: PlanContext, agent: AgentSpec): TmuxSession | null {
  const session = sessionNamed(observed, socketLabel(agent.socket), agent.name);
  const related = sessionsRelated(observed, agent.name);
  return session !== undefined && related.length === 1 && related[0]?.session === session ? session : null;
}

/** All but what is an agent's own, in words and numbers. */
function sharedInputs(ctx: PlanContext): readonly unknown[] {
  const { roster, observed, memory, policy, host, tenant } = ctx;
  const { sources } = observed;
  return [
    roster,
    host,
    tenant,
    observed.host,
    observed.tenant,
    observed.boot_id,
    ...Object.values(policy),
    memory.sessions,
    memory.owned,
    memory.interrupted,
    ...ctx.ignore.inForce,
    ...wordsOf(sources.tmux, ({ servers, ...rest }) => [
      rest,
      servers.map(({ server, ...where }) => {
        if (server.state !== 'running') return [where, server];
        const { sessions: _, ...is } = server;
        return [where, is];
      }),
    ]),
    ...wordsOf(sources.processes, ({ processes: _, ...rest }) => rest),
    ...wordsOf(sources.units, ({ units, ...rest }) => [rest, units[ctx.layout.holderUnit]]),
    ...wordsOf(
      sources.files,
      ({ env_files: _, argv_files: __, directories: ___, commands: ____, secret_files: _____, ...rest }) => rest,
    ),
    ...wordsOf(sources.linger, (linger) => linger),
  ];
}

function wordsOf<T>(source: Source<T>, rest: (value: T) => unknown): readonly string[] {
  return source.status === 'known'
    ? ['known', JSON.stringify(rest(source.value))]
    : ['unknown', source.why, source.detail];
}
