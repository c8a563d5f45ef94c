/**
 * An agent that lives in a session which is not its own: Mosaic started it and somebody renamed it, only a viewer in its
 * group is left of it, or somebody moved its pane, also into the session of another agent. The pane that its mark names is
 * the agent's wherever it is; of others what a pane was started with tells: tmux gives the environment of whoever makes a
 * session to nobody else's panes (tmux(1), ENVIRONMENT).
 */
import type { ProcessEnv, ProcessesObserved, Source, TmuxPane, TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type PlanContext, socketLabel } from './context.ts';
import { agentPane, livePanes } from './pane.ts';
import { type PlacedSession, sessionNamed } from './session-index.ts';

type LookedAt = Pick<PlanContext, 'roster' | 'layout' | 'observed'>;

/** On the agent's own socket, where it has no session of its name, or one in which it does not live. */
export function livesUnnamed(ctx: LookedAt, agent: AgentSpec): readonly PlacedSession[] {
  const { tmux } = ctx.observed.sources;
  const socket = socketLabel(agent.socket);
  const seen = tmux.status === 'known' ? tmux.value.servers.find((s) => s.socket === socket) : undefined;
  if (seen?.server.state !== 'running') return [];
  const { sessions, inherited_name: inherited } = seen.server;
  const own = sessionNamed(ctx.observed, socket, agent.name);
  if (own !== undefined && livesIn(ctx, agent, own)) return [];
  const here = new Set(own?.panes.map((pane) => pane.id));
  const marked = own !== undefined && own.mark?.owner === ctx.roster.fleet ? own.mark.pane : null;
  // A server that the agent itself started gives its name to everybody's panes.
  const byName = inherited !== agent.name;
  const isIt = (session: TmuxSession, pane: TmuxPane): boolean => {
    if (here.has(pane.id)) return false;
    if (pane.id === marked) return true;
    if (!byName || !mayHoldGuests(ctx, session) || pane.id === session.mark?.pane) return false;
    // A shell may have been split off its own session; with that session there it takes more to say that this is the agent.
    return (own === undefined || pane.runs.verdict !== 'shell') && namesIt(ctx, agent, pane);
  };
  return sessions.flatMap((session): readonly PlacedSession[] => {
    const pane = session === own ? undefined : livePanes(session).find((p) => isIt(session, p));
    return pane === undefined ? [] : [{ socket, session, pane }];
  });
}

/** Another fleet may have an agent of the same name. */
function mayHoldGuests({ roster }: LookedAt, { mark }: TmuxSession): boolean {
  return mark === null || mark.owner === roster.fleet;
}

/** Its pane is there, dead or alive; where no mark tells which, the first runs a runtime that was started as the agent. */
function livesIn(ctx: LookedAt, agent: AgentSpec, own: TmuxSession): boolean {
  const pane = agentPane(own);
  if (pane === null) return false;
  if (own.mark?.pane != null) return true;
  return pane.runs.verdict === 'runtime' && namesIt(ctx, agent, pane);
}

/** Whether what runs in the pane was started as that agent. */
export function namesIt(
  { layout, observed }: Pick<PlanContext, 'layout' | 'observed'>,
  agent: Pick<AgentSpec, 'name'>,
  pane: TmuxPane,
): boolean {
  const { processes } = observed.sources;
  if (processes.status === 'unknown') return false;
  const environments = environmentsIn(processes.value, pane);
  return environments.some((env) => env.status === 'known' && env.value.values[layout.keys.name] === agent.name);
}

/** Of the process that the pane was started with and of what it runs, as far as they were looked at. */
export function environmentsIn(
  { processes }: ProcessesObserved,
  { pid, runs }: TmuxPane,
): readonly Source<ProcessEnv>[] {
  return [pid, 'pid' in runs ? runs.pid : null].flatMap((process) => processes[String(process)]?.env ?? []);
}
