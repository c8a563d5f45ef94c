/** Which pane of a session is the agent's, and what else lives in that session. */
import type { Observed, TmuxPane, TmuxSession } from '../observe/state.ts';

/**
 * `@fleet_pane`, else the pane with the lowest id. Null where the marked pane is gone while other panes are left: the
 * lowest of those would be somebody's own pane.
 */
export function agentPane(session: TmuxSession): TmuxPane | null {
  const marked = session.mark?.pane ?? null;
  if (marked !== null) return session.panes.find((p) => p.id === marked) ?? null;
  let lowest: TmuxPane | null = null;
  for (const pane of session.panes) if (lowest === null || paneNumber(pane) < paneNumber(lowest)) lowest = pane;
  return lowest;
}

/** Live processes in other panes count as someone attached. */
export function otherLivePanes(session: TmuxSession): readonly TmuxPane[] {
  const own = agentPane(session);
  return livePanes(session).filter((p) => p !== own);
}

/** Panes in which something lives: all that are not known to be dead. */
export function livePanes(session: TmuxSession): readonly TmuxPane[] {
  return session.panes.filter((p) => !p.dead && p.runs.verdict !== 'gone' && p.runs.verdict !== 'dead');
}

/**
 * The other sessions of its server that show a pane of this one too: grouped with it, or a window is linked into both. tmux
 * ends with a session only what no other one shows.
 */
export function sessionsBeside(observed: Observed, session: TmuxSession): readonly TmuxSession[] {
  const { tmux } = observed.sources;
  const own = new Set(session.panes.map((p) => p.id));
  for (const { server } of tmux.status === 'known' ? tmux.value.servers : []) {
    if (server.state !== 'running' || !server.sessions.includes(session)) continue;
    return server.sessions.filter((s) => s !== session && s.panes.some((p) => own.has(p.id)));
  }
  return [];
}

function paneNumber(pane: TmuxPane): number {
  return Number(pane.id.slice(1));
}
