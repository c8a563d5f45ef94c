/**
 * What is there of agents that are no longer on the roster of this host: by mark (sessions, files that the launcher
 * reads), or by the inventory's record. Who owns it is told here; whether it may go, in orphan-guards.ts.
 */

import type { EnvFileObserved, FileObserved, TmuxServerObserved, TmuxSession, UnitObserved } from '../observe/state.ts';
import type { Kind } from '../spec/address.ts';
import { argvFileOwner } from '../spec/argv-file.ts';
import { namesIn } from '../spec/record.ts';
import { unitFileOwner } from '../spec/unit-file.ts';
import { type PlanContext, socketLabel, unitOf } from './context.ts';
import { agentsOwned, recordFor, recordsOf } from './owned.ts';
import { isFormerFile } from './spec-drift.ts';
import type { LiveSubject } from './subject.ts';

export interface Orphan {
  readonly agent: string;
  /** Its sessions, on whichever socket and under whichever name: more than one is somebody's doing. */
  readonly sessions: readonly LiveSubject[];
  /** Null where it neither runs nor comes up at boot. */
  readonly unit: UnitObserved | null;
  /** Null where none of its keys are ours. */
  readonly env: Extract<EnvFileObserved, { state: 'present' }> | null;
  readonly argv: Extract<FileObserved, { state: 'present' }> | null;
  /** Something of it bears our mark, or is in the inventory. */
  readonly ours: boolean;
}

export interface Part {
  readonly kind: Kind;
  readonly name: string;
}

/** In the order of their names. With nothing there an orphan is still one while the inventory has a record of it. */
export function findOrphans(ctx: PlanContext): readonly Orphan[] {
  const sessions = sessionsByAgent(ctx);
  const names = new Set([...sessions.keys(), ...unitAgents(ctx), ...argvAgents(ctx), ...agentsOwned(ctx.memory)]);
  const gone: string[] = [];
  for (const name of names) if (!isOnRoster(ctx, name)) gone.push(name);
  return gone.sort().map((name) => orphanOf(ctx, name, sessions.get(name) ?? []));
}

/** Asked first of each of a thousand: what is there of those that are need not be read again to be left out. */
function isOnRoster(ctx: PlanContext, agent: string): boolean {
  return ctx.agentNamed(agent) !== undefined;
}

function orphanOf(ctx: PlanContext, agent: string, sessions: readonly LiveSubject[]): Orphan {
  const unit = ctx.systemd ? unitOf(ctx, ctx.layout.agentUnit(agent)) : undefined;
  const env = ctx.files?.env_files[agent];
  const argv = ctx.files?.argv_files[agent];
  const parts = {
    agent,
    sessions,
    unit: unit !== undefined && isThere(unit) ? unit : null,
    env: env?.state === 'present' && (Object.keys(env.own).length > 0 || env.keys.length === 0) ? env : null,
    argv: argv?.state === 'present' ? argv : null,
  };
  const recorded = recordsOf(ctx.memory, agent).length > 0;
  return { ...parts, ours: recorded || sessions.length > 0 || filesBearOurMark(ctx, parts) };
}

/** What of it is there, as addresses name it. */
export function partsOf(ctx: PlanContext, { agent, sessions, unit, env, argv }: Orphan): readonly Part[] {
  return [
    ...(sessions.length > 0 ? [{ kind: 'session', name: agent } as const] : []),
    ...(unit === null ? [] : [{ kind: 'unit', name: ctx.layout.agentUnit(agent) } as const]),
    ...(env === null ? [] : [{ kind: 'env-file', name: agent } as const]),
    ...(argv === null ? [] : [{ kind: 'env-file', name: `${agent}.argv` } as const]),
  ];
}

/** Its argv file's, and for an instance without one its template's. */
function filesBearOurMark(ctx: PlanContext, { unit, argv }: Pick<Orphan, 'unit' | 'argv'>): boolean {
  if (!ctx.launcher) return false;
  if (argv !== null) return argvFileOwner(argv.content) === ctx.roster.fleet;
  const template = ctx.files?.unit_files[ctx.layout.agentTemplate];
  return unit !== null && template?.state === 'present' && unitFileOwner(template.content) === ctx.roster.fleet;
}

function isThere(unit: UnitObserved): boolean {
  return unit.active_state !== 'inactive' || unit.wanted_by.length > 0 || unit.unit_file_state.startsWith('enabled');
}

function unitAgents(ctx: PlanContext): readonly string[] {
  const agents: string[] = [];
  const units = (ctx.systemd ? ctx.units?.units : null) ?? {};
  for (const name of namesIn(units)) {
    const agent = ctx.layout.agentOfUnit(name);
    const unit = agent === null || isOnRoster(ctx, agent) ? undefined : units[name];
    if (agent !== null && unit !== undefined && isThere(unit)) agents.push(agent);
  }
  return agents;
}

function argvAgents(ctx: PlanContext): readonly string[] {
  const agents: string[] = [];
  const files = ctx.files?.argv_files ?? {};
  for (const agent of namesIn(files)) {
    const file = isOnRoster(ctx, agent) ? undefined : files[agent];
    if (file?.state === 'present' && argvFileOwner(file.content) === ctx.roster.fleet) agents.push(agent);
  }
  return agents;
}

function sessionsByAgent(ctx: PlanContext): ReadonlyMap<string, readonly LiveSubject[]> {
  const { tmux } = ctx.observed.sources;
  const found = new Map<string, LiveSubject[]>();
  for (const seen of tmux.status === 'known' ? tmux.value.servers : []) {
    if (seen.server.state !== 'running') continue;
    for (const session of seen.server.sessions) {
      const agent = agentOfSession(ctx, seen, session);
      if (agent === null || isOnRoster(ctx, agent)) continue;
      const server = { socket: seen.socket, pid: seen.server.pid, start: seen.server.start };
      found.set(agent, [...(found.get(agent) ?? []), { kind: 'session', session, server }]);
    }
  }
  return found;
}

/** Agents' names as the roster allows them: the holder's mark, of this name or a former one, names no agent. */
const AGENT = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** The agent whose session it is, by our mark or by the inventory's record of this very session; else null. */
export function agentOfSession(ctx: PlanContext, seen: TmuxServerObserved, session: TmuxSession): string | null {
  const { mark, name } = session;
  if (mark !== null) {
    const names = mark.owner === ctx.roster.fleet && mark.agent !== ctx.roster.tmux.holderSession;
    return names && AGENT.test(mark.agent) ? mark.agent : null;
  }
  return isRecordedSession(ctx, seen, session) ? name : null;
}

/** Layout mosaic's sessions bear no mark: the inventory knows the one that it started or adopted, by its identity. */
function isRecordedSession(ctx: PlanContext, seen: TmuxServerObserved, session: TmuxSession): boolean {
  const { memory } = ctx;
  const record = Object.hasOwn(memory.sessions, session.name) ? memory.sessions[session.name] : undefined;
  if (ctx.launcher || record === undefined || seen.server.state !== 'running') return false;
  // Meant to be replaced and not known to have been, or only seen before its env file was changed: not started by fleet.
  if (recordFor(memory, 'session', session.name)?.state !== 'made') return false;
  if (record.spec !== null && isFormerFile(record.spec)) return false;
  const sameServer = record.server.pid === seen.server.pid && record.server.start === seen.server.start;
  const same = record.id === session.id && record.created === session.created;
  return sameServer && same && record.socket === seen.socket;
}

/** Where its unit's stop may end a session of its name: as its env file says, as it was started, as the roster has it. */
export function socketsOf(ctx: PlanContext, { agent, env }: Pick<Orphan, 'agent' | 'env'>): readonly string[] {
  const written = env?.own[ctx.layout.keys.socket];
  const record = Object.hasOwn(ctx.memory.sessions, agent) ? ctx.memory.sessions[agent] : undefined;
  const sockets = [
    // Where the env file does not say it, Mosaic's launcher takes the default server.
    ...(written === undefined ? (ctx.launcher ? [] : ['default']) : [written === '' ? 'default' : written]),
    ...(record === undefined ? [] : [record.socket]),
    socketLabel(ctx.roster.tmux.socketName),
  ];
  return [...new Set(sockets)];
}
