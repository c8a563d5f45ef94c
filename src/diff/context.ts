/** What every comparison looks at: one host, one tenant, one moment. Built once a plan; nothing in it changes. */

import type { FilesObserved, Observed, TmuxServerObserved, UnitObserved, UnitsObserved } from '../observe/state.ts';
import { type Address, formatAddress, type Kind } from '../spec/address.ts';
import { type Layout, layoutOf } from '../spec/layout.ts';
import type { AgentSpec, Roster, SocketName } from '../spec/model.ts';
import type { IgnoreLedger } from './ignore.ts';
import type { PlanMemory, PlanPolicy } from './policy.ts';

export interface PlanContext {
  readonly roster: Roster;
  readonly layout: Layout;
  readonly observed: Observed;
  readonly memory: PlanMemory;
  readonly policy: PlanPolicy;
  /** `observed_at`, Unix milliseconds: ages are told from it, so that a saved document gives the same plan for ever. */
  readonly now: number;
  readonly host: string;
  readonly tenant: string;
  /** Agents of this host and tenant, in roster order. */
  readonly agents: readonly AgentSpec[];
  /** One of `agents`, or undefined. */
  readonly agentNamed: (name: string) => AgentSpec | undefined;
  /** Sessions are made by fleet's own launcher, with marks (layout fleet, and supervisor none). */
  readonly launcher: boolean;
  readonly systemd: boolean;
  /** Null where the files could not be read: then nothing that needs the home can be said. */
  readonly files: FilesObserved | null;
  readonly units: UnitsObserved | null;
  readonly ignore: IgnoreLedger;
  /** Null: each agent is compared. Otherwise whoever knows of whom there is nothing to say. */
  readonly said: SaidBefore | null;
}

/** What is said of one agent by one comparison. */
export type Tell<T> = (ctx: PlanContext, agent: AgentSpec) => readonly T[];

export interface SaidBefore {
  /** What `tell` says of the agent. */
  of<T>(part: AgentPart, agent: AgentSpec, tell: Tell<T>): readonly T[];
}

/** The comparisons that are made agent by agent. */
export type AgentPart = 'files' | 'unit' | 'session';

/** So much of it as it takes to tell how an agent is, whatever is to be done about it. */
export type SeenContext = Pick<PlanContext, 'roster' | 'observed' | 'memory' | 'now' | 'launcher' | 'files'>;

export function createContext(
  input: Omit<
    PlanContext,
    'agentNamed' | 'layout' | 'now' | 'said' | 'host' | 'tenant' | 'launcher' | 'systemd' | 'files' | 'units'
  >,
): PlanContext {
  const { roster, observed } = input;
  const { units } = observed.sources;
  const byName = new Map<string, AgentSpec>();
  for (const agent of input.agents) byName.set(agent.name, agent);
  return {
    ...input,
    ...seenContext(input),
    said: null,
    agentNamed: (name) => byName.get(name),
    layout: layoutOf(roster.layout),
    host: observed.host,
    tenant: observed.tenant,
    systemd: roster.supervisor === 'systemd',
    units: units.status === 'known' ? units.value : null,
  };
}

/** What `tell` says of these agents, one after the other: each comparison that is made agent by agent goes through this. */
export function sayOfEach<T>(
  ctx: PlanContext,
  part: AgentPart,
  agents: readonly AgentSpec[],
  tell: Tell<T>,
): readonly T[] {
  const all: T[] = [];
  for (const agent of agents) {
    const told = ctx.said === null ? tell(ctx, agent) : ctx.said.of(part, agent, tell);
    if (told.length > 0) all.push(...told);
  }
  return all;
}

/** Not one that is only watched. */
export function isManaged({ manage }: AgentSpec): boolean {
  return manage !== 'observe';
}

export function isToRun(agent: AgentSpec): boolean {
  return agent.state === 'running' && isManaged(agent);
}

export function seenContext({
  roster,
  observed,
  memory,
}: Pick<SeenContext, 'roster' | 'observed' | 'memory'>): SeenContext {
  const { files } = observed.sources;
  return {
    roster,
    observed,
    memory,
    now: Date.parse(observed.observed_at),
    launcher: roster.layout === 'fleet' || roster.supervisor === 'none',
    files: files.status === 'known' ? files.value : null,
  };
}

export function addressOf(ctx: PlanContext, kind: Kind, name: string): string {
  const address: Address = { host: ctx.host, tenant: ctx.tenant, kind, name };
  return formatAddress(address);
}

/** The address that a target means here: an agent's bare name stands for its session. */
export function placeOfTarget(ctx: PlanContext, target: string): string {
  const slashes = target.split('/').length - 1;
  if (slashes === 0) return addressOf(ctx, 'session', target);
  return slashes === 1 ? `${ctx.host}/${ctx.tenant}/${target}` : target;
}

/** How a socket is written in addresses and in the observed document. */
export function socketLabel(socket: SocketName): string {
  return socket ?? 'default';
}

/** Undefined where the observation did not look at that socket. */
export function serverOf(ctx: Pick<PlanContext, 'observed'>, socket: SocketName): TmuxServerObserved | undefined {
  const { tmux } = ctx.observed.sources;
  return tmux.status === 'known' ? tmux.value.servers.find((s) => s.socket === socketLabel(socket)) : undefined;
}

/** Undefined where units could not be read, or this one was not looked at. */
export function unitOf(ctx: PlanContext, name: string): UnitObserved | undefined {
  return ctx.units?.units[name];
}

/** Sockets that the agents in scope live on, those that are only watched apart; `tmux.socket_name` first. */
export function socketsInUse(ctx: PlanContext): readonly SocketName[] {
  const sockets = new Set<SocketName>();
  for (const agent of ctx.agents) if (isToRun(agent)) sockets.add(agent.socket);
  const first = ctx.roster.tmux.socketName;
  return sockets.delete(first) ? [first, ...sockets] : [...sockets];
}

/** The holder unit keeps this socket's server: every socket in layout fleet, only the roster's own in layout mosaic. */
export function holderCovers(ctx: PlanContext, socket: SocketName): boolean {
  return ctx.launcher || socket === ctx.roster.tmux.socketName;
}
