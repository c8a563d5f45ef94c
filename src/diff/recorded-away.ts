/**
 * Layout mosaic's sessions bear no mark: where somebody gave one another name, only the inventory's record of that very
 * session tells whose it is.
 */
import type { TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type PlanContext, socketLabel } from './context.ts';
import type { RememberedSession } from './policy.ts';
import { type PlacedSession, sameIdentity, sessionNamed, sessionsRecorded } from './session-index.ts';

/**
 * No session bears the agent's name where the roster wants it, and the very one that the inventory has as the agent's
 * lives: under another name, or on another socket. One that the inventory has by the name it bears now, too, is that
 * name's.
 */
type RecordContext = Pick<PlanContext, 'observed' | 'memory' | 'launcher'>;

export function recordedAway(ctx: RecordContext, agent: AgentSpec): readonly PlacedSession[] {
  if (ctx.launcher || sessionNamed(ctx.observed, socketLabel(agent.socket), agent.name) !== undefined) return [];
  const record = recordOf(ctx, agent.name);
  if (record === null) return [];
  return sessionsRecorded(ctx.observed, record).filter(({ session }) => {
    const namesake = session.name === agent.name ? null : recordOf(ctx, session.name);
    return session.mark === null && (namesake === null || !sameIdentity(namesake, record));
  });
}

const claims = new WeakMap<PlanContext, ReadonlyMap<TmuxSession, AgentSpec>>();

/** The agent of the roster whose session it is in this way; undefined where it is nobody's. */
export function recordedAs(ctx: PlanContext, session: TmuxSession): AgentSpec | undefined {
  const known = claims.get(ctx) ?? claimsOf(ctx);
  claims.set(ctx, known);
  return known.get(session);
}

function claimsOf(ctx: PlanContext): ReadonlyMap<TmuxSession, AgentSpec> {
  const placed = (agent: AgentSpec) => recordedAway(ctx, agent).map(({ session }) => [session, agent] as const);
  return new Map(ctx.agents.flatMap(placed));
}

/** Null where there is none. Any name may be asked for: sessions are called what people like. */
function recordOf({ memory }: RecordContext, name: string): RememberedSession | null {
  return Object.hasOwn(memory.sessions, name) ? (memory.sessions[name] ?? null) : null;
}
