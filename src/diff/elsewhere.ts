/**
 * The same agent in another place: on another socket of the user, or under another name. Never a second copy while the
 * first lives, and never a choice between two: both are told, neither is touched.
 */
import type { TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type PlanContext, socketLabel } from './context.ts';
import { type PlacedSession, sessionsRelated } from './session-index.ts';
import type { Subject } from './subject.ts';

export type Elsewhere =
  | { readonly kind: 'nowhere' }
  /** It cannot be told whether it lives there too, so it must not be started here. */
  | { readonly kind: 'unknown'; readonly why: string; readonly detail: string }
  /** fleet started it on a server that lives, in a directory that was not looked into (another TMUX_TMPDIR). */
  | { readonly kind: 'other-directory'; readonly path: string; readonly pid: number }
  | { readonly kind: 'found'; readonly copies: readonly PlacedSession[] };

export function elsewhere(ctx: PlanContext, agent: AgentSpec): Elsewhere {
  const { tmux } = ctx.observed.sources;
  if (tmux.status === 'unknown') return { kind: 'nowhere' };
  const home = socketLabel(agent.socket);
  const copies = sessionsRelated(ctx.observed, agent.name).filter(({ socket, session }) => {
    const here = socket === home && session.name === agent.name;
    return !here && isCopy(ctx, agent, session, socket === home);
  });
  if (copies.length > 0) return { kind: 'found', copies };
  const record = ctx.memory.sessions[agent.name];
  const sameBoot = record !== undefined && record.boot_id === ctx.observed.boot_id;
  const other = sameBoot ? tmux.value.elsewhere.find((server) => server.pid === record.server.pid) : undefined;
  if (other !== undefined) return { kind: 'other-directory', path: other.path, pid: other.pid };
  const blind = tmux.value.servers.find((s) => s.server.state === 'unknown' && s.socket !== home);
  if (blind?.server.state !== 'unknown') return { kind: 'nowhere' };
  const { why, detail } = blind.server;
  return { kind: 'unknown', why, detail: `tmux socket ${blind.socket} (it may hold ${agent.name}): ${detail}` };
}

/** It is known to live in another place than the roster wants it. */
export function livesElsewhere(ctx: PlanContext, agent: AgentSpec): boolean {
  const { kind } = elsewhere(ctx, agent);
  return kind === 'found' || kind === 'other-directory';
}

/** Our mark, or the exact name on another socket with its NAME in the live environment. */
export function isCopy(ctx: PlanContext, agent: AgentSpec, session: TmuxSession, sameSocket: boolean): boolean {
  const { mark } = session;
  if (mark !== null) return mark.owner === ctx.roster.fleet && mark.agent === agent.name;
  return !sameSocket && session.name === agent.name && liveName(ctx, session) === agent.name;
}

/** NAME in the environment of a process of the session's panes, null where none has it. */
function liveName(ctx: PlanContext, session: TmuxSession): string | null {
  const { processes } = ctx.observed.sources;
  if (processes.status === 'unknown') return null;
  for (const pane of session.panes) {
    const pids = [pane.pid, 'pid' in pane.runs ? pane.runs.pid : null];
    for (const pid of pids) {
      const env = pid === null ? undefined : processes.value.processes[String(pid)]?.env;
      const name = env?.status === 'known' ? env.value.values[ctx.layout.keys.name] : undefined;
      if (name !== undefined) return name;
    }
  }
  return null;
}

/** One line a place, for evidence. */
export function describeCopies(
  agent: AgentSpec,
  subject: Subject,
  copies: readonly PlacedSession[],
): readonly string[] {
  const line = (socket: string, s: TmuxSession): string =>
    `socket ${socket}, session ${s.name} (${s.id}), created ${new Date(s.created * 1000).toISOString()}, pane pid ${s.panes[0]?.pid ?? '?'}`;
  const lines = copies.map((c) => line(c.socket, c.session));
  if (subject.kind === 'session')
    lines.unshift(`${line(socketLabel(agent.socket), subject.session)}: where the roster wants it`);
  return lines;
}
