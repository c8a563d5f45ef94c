/**
 * The inventory brought up to what is known before anything is made: what bears our mark and was never written down (it
 * is older than the inventory), what an apply that died meant to make, what of former agents is gone, and `protect` as
 * the roster has it now, which is to outlive the roster's entry. Pure.
 */
import type { Plan } from '../diff/plan.ts';
import type { OwnedRecord, PlanMemory, RememberedSession } from '../diff/policy.ts';
import { recordedServer } from '../diff/recorded-server.ts';
import { sessionsRecorded, sessionsRelated } from '../diff/session-index.ts';
import { unseenServers } from '../diff/unseen-servers.ts';
import type { Observed, TmuxObserved } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { keyOf, sameRecord } from './claims.ts';
import { type ApplyContext, agentNamed } from './context.ts';
import { type FindContext, findOurs, findSession, unitFile } from './found-ours.ts';
import type { RecordChanges } from './journal-format.ts';
import { serverSeen } from './seen.ts';

type Context = FindContext & Pick<ApplyContext, 'policy'>;

export interface Known {
  /** A look at everything, and the plan made of it; null: `protect` alone is looked after. */
  readonly seen: Observed | null;
  readonly plan: Plan;
  readonly memory: PlanMemory;
  /** RFC 3339, for new records. */
  readonly since: string;
}

/** Empty where all is known already. */
export function completeRecords(ctx: Context, known: Known): RecordChanges {
  const { seen, plan, memory } = known;
  const sessions = seen === null ? new Map<string, RememberedSession>() : foundSessions(ctx, seen, memory);
  const all = new Map<string, OwnedRecord | null>(Object.entries(memory.owned));
  for (const [key, record] of seen === null ? [] : foundRecords(ctx, seen, known, sessions)) all.set(key, record);
  const pending = seen === null ? null : pendingIn(ctx, plan);
  const agents = new Map(ctx.agents.map((agent) => [agent.name, agent]));
  for (const [key, record] of all) {
    if (record === null) continue;
    const agent = record.agent === null ? undefined : agents.get(record.agent);
    if (seen !== null && isObsolete(ctx, { seen, memory }, record, agent)) all.set(key, null);
    else all.set(key, { ...record, state: stateOf(record, pending), protect: agent?.protect ?? record.protect });
  }
  const changed = [...all].filter(([key, next]) => {
    const before = memory.owned[key];
    return next === null ? before !== undefined : !sameRecord(before, next);
  });
  const remembered = [...sessions].filter(([name, session]) => memory.sessions[name] !== session);
  return {
    owned: Object.fromEntries(changed),
    sessions: Object.fromEntries([...remembered, ...formerSessions(ctx, changed, memory)]),
  };
}

/**
 * Whose session is known to be gone: where it was, and what it was started from, tell nothing any more. Who is on the roster
 * and ran once for all is remembered.
 */
function formerSessions(
  ctx: Context,
  changed: readonly (readonly [string, OwnedRecord | null])[],
  memory: PlanMemory,
): readonly (readonly [string, null])[] {
  const gone = new Set(changed.flatMap(([key, next]) => (next === null ? [key] : [])));
  const names = Object.keys(memory.sessions).filter((name) => gone.has(`session/${name}`));
  const isOver = (name: string) => agentNamed(ctx, name) === null || memory.sessions[name]?.done === false;
  return names.filter(isOver).map((name) => [name, null]);
}

function foundSessions(ctx: Context, seen: Observed, memory: PlanMemory): ReadonlyMap<string, RememberedSession> {
  const found = ctx.agents.flatMap((agent) => {
    const { name } = agent;
    const meant = memory.owned[`session/${name}`];
    if (meant?.how === 'forgotten') return [];
    const session = findSession(ctx, seen, agent, meant, memory.sessions[name]);
    return session === null ? [] : [[name, session] as const];
  });
  return new Map(found);
}

/** What a person let go of is not taken back for its mark. */
function foundRecords(
  ctx: Context,
  seen: Observed,
  { memory, since }: Known,
  sessions: ReadonlyMap<string, RememberedSession>,
): readonly (readonly [string, OwnedRecord])[] {
  const fresh = { how: 'made', state: 'made', protect: false, since, plan: ctx.planId, content: null } as const;
  // In layout mosaic a session is ours only where that was written down before.
  const meant = [...sessions.keys()].filter((name) => memory.owned[`session/${name}`] !== undefined);
  const claims = [...findOurs(ctx, seen), ...meant.map((name) => ({ kind: 'session', name, agent: name }) as const)];
  return claims.flatMap((claim) => {
    const known = memory.owned[keyOf(claim)];
    if (known?.how === 'forgotten') return [];
    const { kind, name, agent } = claim;
    return [[keyOf(claim), known === undefined ? { kind, name, agent, ...fresh } : { ...known, state: 'made' }]];
  });
}

/** `kind/name` of what the plan would still make; null where the plan speaks of a part of the fleet only. */
function pendingIn(ctx: Context, plan: Plan): ReadonlySet<string> | null {
  const { targets, excludes } = ctx.policy;
  if (targets.length > 0 || excludes.length > 0 || !plan.complete) return null;
  const left = [...plan.changes, ...plan.deferred, ...plan.blocked];
  return new Set(left.map((c) => c.address.split('/').slice(2).join('/')));
}

/** What was meant to be made, is there and needs nothing any more, has been made. A session is told by what it is. */
function stateOf(record: OwnedRecord, pending: ReadonlySet<string> | null): OwnedRecord['state'] {
  if (record.kind === 'session' || pending === null || pending.has(keyOf(record))) return record.state;
  return 'made';
}

/** Known to be gone, and nobody on the roster wants it, or it was never made. */
interface Looked {
  readonly seen: Observed;
  readonly memory: PlanMemory;
}

function isObsolete(ctx: Context, looked: Looked, known: OwnedRecord, agent: AgentSpec | undefined): boolean {
  const stopped = known.kind === 'session' && agent?.state === 'stopped';
  const wanted = (agent !== undefined && !stopped) || known.agent === null;
  return (known.state === 'intended' || !wanted) && isGone(ctx, looked, known);
}

function isGone(ctx: Context, { seen, memory }: Looked, { kind, name, agent }: OwnedRecord): boolean {
  const { tmux, units, files } = seen.sources;
  switch (kind) {
    case 'session':
      return tmux.status === 'known' && sessionIsGone(ctx, { seen, memory }, tmux.value, name);
    case 'unit': {
      if (units.status === 'unknown') return false;
      const unit = units.value.units[name];
      if (unit === undefined) return ctx.layout.agentOfUnit(name) !== null;
      return unit.active_state === 'inactive' && unit.wanted_by.length === 0;
    }
    case 'env-file': {
      if (files.status === 'unknown' || agent === null) return false;
      const file = name === agent ? files.value.env_files[agent] : files.value.argv_files[agent];
      return file === undefined || file.state === 'absent';
    }
    case 'unit-file':
      return unitFile(seen, name)?.state === 'absent';
    case 'tmux-server':
      return serverSeen(seen, name)?.server.state === 'absent';
    case 'linger':
    case 'heartbeat':
      return false;
  }
}

/** By its name, our mark, and the very session on record, wherever it is; and every server that may have it was seen. */
function sessionIsGone(ctx: Context, { seen, memory }: Looked, tmux: TmuxObserved, name: string): boolean {
  if (unseenServers(tmux) !== null || recordedServer({ observed: seen, memory }, name).kind !== 'none') return false;
  const record = Object.hasOwn(memory.sessions, name) ? memory.sessions[name] : undefined;
  if (record !== undefined && sessionsRecorded(seen, record).length > 0) return false;
  return sessionsRelated(seen, name).every(
    ({ session: { name: called, mark } }) => called !== name && mark?.owner !== ctx.roster.fleet,
  );
}
