/**
 * The order of apply, and which change waits for which. Source: docs/planning-rules.md, "Order": files, reload, linger
 * and boot, tmux server, agents by wave and depends_on, prune last.
 */
import { nameInAddress } from '../spec/address.ts';
import type { AgentSpec } from '../spec/model.ts';
import type { PlanContext } from './context.ts';
import { socketLabel } from './context.ts';
import type { Change } from './plan.ts';

/** Sorted, each with the addresses of its prerequisites among these changes. */
export function orderChanges(ctx: PlanContext, changes: readonly Change[]): readonly Change[] {
  if (changes.length === 0) return changes;
  const sorted = [...changes].sort(byPlace(ctx));
  const index = new PrerequisiteIndex(ctx.agents, sorted);
  return sorted.map((c) => ({ ...c, depends_on: prerequisites(ctx, c, index) }));
}

function byPlace(ctx: PlanContext): (a: Change, b: Change) => number {
  const rank = new Map(ctx.agents.map((a, i) => [a.name, i]));
  const depth = dependencyDepth(ctx.agents);
  const key = (c: Change): readonly number[] => {
    const stopsAgent = c.stage === 5 && c.action === 'stop';
    const agent = c.agent === null ? -1 : (rank.get(c.agent) ?? Number.MAX_SAFE_INTEGER);
    const level = depth.get(c.agent ?? '') ?? 0;
    // Stops go first, in reverse; what is shared goes before what is one agent's.
    return [
      c.stage,
      stopsAgent ? 0 : 1,
      stopsAgent ? -c.wave : c.wave,
      stopsAgent ? -level : level,
      agent,
      pruneStep(c),
    ];
  };
  const keys = new Map<Change, readonly number[]>();
  const keyOf = (c: Change): readonly number[] => {
    const known = keys.get(c) ?? key(c);
    keys.set(c, known);
    return known;
  };
  return (a, b) => {
    const x = keyOf(a);
    const y = keyOf(b);
    for (let i = 0; i < x.length; i += 1) {
      const difference = (x[i] ?? 0) - (y[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return a.address < b.address ? -1 : a.address > b.address ? 1 : 0;
  };
}

/** Session, unit, boot, files: in this order nothing comes back half removed. */
function pruneStep(c: Change): number {
  if (c.stage !== 6) return c.kind === 'session' ? 1 : 0;
  return c.kind === 'session' ? 0 : c.action === 'stop' ? 1 : c.action === 'disable' ? 2 : 3;
}

/** How long the longest chain of `depends_on` below an agent is. The roster's checks exclude cycles. */
function dependencyDepth(agents: readonly AgentSpec[]): ReadonlyMap<string, number> {
  const byName = new Map(agents.map((a) => [a.name, a]));
  const depths = new Map<string, number>();
  const depthOf = (name: string): number => {
    const known = depths.get(name);
    if (known !== undefined) return known;
    depths.set(name, 0);
    const below = (byName.get(name)?.dependsOn ?? []).map(depthOf);
    const depth = below.length === 0 ? 0 : 1 + Math.max(...below);
    depths.set(name, depth);
    return depth;
  };
  for (const agent of agents) depthOf(agent.name);
  return depths;
}

/** Changes by what they are prerequisites of, so that linking stays linear in the number of changes. */
class PrerequisiteIndex {
  readonly sharedFiles: readonly string[];
  readonly reloads: readonly string[];
  readonly unitFiles: readonly string[];
  private readonly files = new Map<string, string[]>();
  private readonly servers = new Map<string, string[]>();
  private readonly sessions = new Map<string, string[]>();
  private readonly prune = new Map<string, Change[]>();
  /** By what they need: agents on the roster that stand on it. */
  private readonly dependents = new Map<string, AgentSpec[]>();
  private readonly stops = new Map<string, Change>();

  constructor(agents: readonly AgentSpec[], changes: readonly Change[]) {
    for (const agent of agents) for (const below of agent.dependsOn) put(this.dependents, below, agent);
    const of = (test: (c: Change) => boolean): readonly string[] => changes.filter(test).map((c) => c.address);
    this.unitFiles = of((c) => c.kind === 'unit-file' && c.stage === 1);
    this.sharedFiles = of((c) => c.kind === 'env-file' && c.agent === null);
    this.reloads = of((c) => c.action === 'reload');
    for (const c of changes) {
      if (c.kind === 'tmux-server') put(this.servers, nameInAddress(c.address), c.address);
      if (c.agent === null) continue;
      if (c.kind === 'env-file') put(this.files, c.agent, c.address);
      if (c.stage === 5) put(this.sessions, c.agent, c.address);
      if (c.action === 'stop') this.stops.set(c.agent, c);
      if (c.stage === 6) put(this.prune, c.agent, c);
    }
  }

  filesOf(agent: string): readonly string[] {
    return this.files.get(agent) ?? [];
  }
  serversOf(socket: string): readonly string[] {
    return this.servers.get(socket) ?? [];
  }
  sessionsOf(agent: string): readonly string[] {
    return this.sessions.get(agent) ?? [];
  }
  /** Stops of what stands on it. Waves go before: one of a lower wave is stopped later, and cannot be waited for. */
  stopsBefore(agent: AgentSpec): readonly string[] {
    const first = (this.dependents.get(agent.name) ?? []).filter((d) => d.wave >= agent.wave);
    return first.flatMap((d) => this.stops.get(d.name)?.address ?? []);
  }
  pruneBefore(change: Change): readonly string[] {
    const chain = this.prune.get(change.agent ?? '') ?? [];
    return chain.slice(0, Math.max(0, chain.indexOf(change))).map((c) => c.address);
  }
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

function prerequisites(ctx: PlanContext, c: Change, index: PrerequisiteIndex): readonly string[] {
  if (c.stage === 6) return unique(index.pruneBefore(c), c);
  if (c.action === 'reload') return unique(index.unitFiles, c);
  if (c.kind === 'tmux-server') return unique([...index.sharedFiles, ...index.unitFiles, ...index.reloads], c);
  if (c.kind !== 'unit' && c.kind !== 'session') return [];
  const loaded = [...index.unitFiles, ...index.reloads];
  if (c.stage !== 5) return unique(loaded, c);
  const agent = ctx.agentNamed(c.agent ?? '');
  if (agent === undefined) return unique(loaded, c);
  if (c.action === 'stop') return unique([...loaded, ...index.stopsBefore(agent)], c);
  const first = [
    ...index.sharedFiles,
    ...index.filesOf(agent.name),
    ...loaded,
    ...index.serversOf(socketLabel(agent.socket)),
  ];
  return unique([...first, ...agent.dependsOn.flatMap((d) => index.sessionsOf(d))], c);
}

function unique(addresses: readonly string[], of: Change): readonly string[] {
  return [...new Set(addresses)].filter((a) => a !== of.address);
}
