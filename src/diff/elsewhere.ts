/**
 * The same agent in another place: on another socket of the user, or under another name. Never a second copy while the
 * first lives, and never a choice between two: both are told, neither is touched.
 */
import type { TmuxPane, TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { environmentsIn, livesUnnamed } from './by-environment.ts';
import { type PlanContext, socketLabel } from './context.ts';
import { recordedAway } from './recorded-away.ts';
import { describeRecorded, recordedServer } from './recorded-server.ts';
import { type PlacedSession, sessionsRelated } from './session-index.ts';
import type { Subject } from './subject.ts';
import { unseenServers } from './unseen-servers.ts';

export type Elsewhere =
  | { readonly kind: 'nowhere' }
  /** It cannot be told whether it lives there too, so it must not be started here. */
  | { readonly kind: 'unknown'; readonly why: string; readonly detail: string }
  /** fleet started it on a server that lives, in a directory that was not looked into (another TMUX_TMPDIR). */
  | { readonly kind: 'other-directory'; readonly path: string; readonly pid: number }
  | { readonly kind: 'found'; readonly copies: readonly PlacedSession[] };

/** What of a plan's context it takes: the last look before an effect asks too. */
export type ElsewhereContext = Pick<PlanContext, 'roster' | 'layout' | 'observed' | 'memory' | 'launcher'>;

export function elsewhere(ctx: ElsewhereContext, agent: AgentSpec): Elsewhere {
  const { tmux } = ctx.observed.sources;
  if (tmux.status === 'unknown') return { kind: 'unknown', why: tmux.why, detail: `tmux: ${tmux.detail}` };
  const home = socketLabel(agent.socket);
  const away = sessionsRelated(ctx.observed, agent.name)
    .filter(({ socket, session }) => socket !== home || session.name !== agent.name)
    .map((placed) => ({ placed, told: whetherCopy(ctx, agent, placed.session) }));
  const told = away.flatMap(({ placed, told }) => (told === 'copy' ? [placed] : []));
  const copies = unique([...told, ...recordedAway(ctx, agent), ...livesUnnamed(ctx, agent)]);
  if (copies.length > 0) return { kind: 'found', copies };
  const where = recordedServer(ctx, agent.name);
  if (where.kind === 'other-directory') return where;
  for (const { placed, told } of away) {
    if (typeof told === 'string') continue;
    const which = `session ${placed.session.name} (${placed.session.id}) on socket ${placed.socket}`;
    return { kind: 'unknown', why: told.why, detail: `${which} may be ${agent.name}: ${told.detail}` };
  }
  const unlooked = describeRecorded(where);
  if (unlooked !== null) return { kind: 'unknown', why: 'not-observed', detail: unlooked };
  const blind = unseenServers(tmux.value);
  if (blind === null) return { kind: 'nowhere' };
  return { kind: 'unknown', why: blind.why, detail: `${blind.place} (it may hold ${agent.name}): ${blind.detail}` };
}

function unique(placed: readonly PlacedSession[]): readonly PlacedSession[] {
  return placed.filter(({ session }, i) => placed.findIndex((other) => other.session === session) === i);
}

/** It is known to live in another place than the roster wants it. */
export function livesElsewhere(ctx: ElsewhereContext, agent: AgentSpec): boolean {
  const { kind } = elsewhere(ctx, agent);
  return kind === 'found' || kind === 'other-directory';
}

type Told = 'copy' | 'other' | { readonly why: string; readonly detail: string };

/**
 * `session` bears the agent's name or a mark that does, and is not where the roster wants it. It is the agent by our mark;
 * without any, by NAME in the environment of a process of its panes. Where that cannot be read it may be.
 */
export function whetherCopy(ctx: ElsewhereContext, agent: AgentSpec, { mark, panes }: TmuxSession): Told {
  if (mark !== null) return mark.owner === ctx.roster.fleet && mark.agent === agent.name ? 'copy' : 'other';
  const { processes } = ctx.observed.sources;
  if (processes.status === 'unknown') return { why: processes.why, detail: `processes: ${processes.detail}` };
  const envs = panes.flatMap((pane) => environmentsIn(processes.value, pane));
  const [name] = envs.flatMap((env) => (env.status === 'known' ? (env.value.values[ctx.layout.keys.name] ?? []) : []));
  if (name !== undefined) return name === agent.name ? 'copy' : 'other';
  const blind = envs.find((env) => env.status === 'unknown');
  return blind?.status === 'unknown' ? { why: blind.why, detail: `its environment: ${blind.detail}` } : 'other';
}

/** One line a place, for evidence. */
export function describeCopies(
  agent: AgentSpec,
  subject: Subject,
  copies: readonly PlacedSession[],
): readonly string[] {
  const line = (socket: string, s: TmuxSession, pane?: TmuxPane): string => {
    const which =
      pane === undefined ? `pane pid ${s.panes[0]?.pid ?? '?'}` : `its pane ${pane.id}, pid ${pane.pid ?? '?'}`;
    return `socket ${socket}, session ${s.name} (${s.id}), created ${new Date(s.created * 1000).toISOString()}, ${which}`;
  };
  const lines = copies.map((c) => line(c.socket, c.session, c.pane));
  if (subject.kind === 'session')
    lines.unshift(`${line(socketLabel(agent.socket), subject.session)}: where the roster wants it`);
  return lines;
}
