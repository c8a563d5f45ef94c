/**
 * A session that nobody marked, under another name, in which an agent lives all the same: Mosaic started it and somebody
 * renamed it, its panes were moved, or only a viewer in its group is left of it. What a pane was started with
 * tells: tmux gives the environment of whoever makes a session to nobody else's panes (tmux(1), ENVIRONMENT).
 */
import type { ProcessEnv, ProcessesObserved, Source, TmuxPane } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type PlanContext, socketLabel } from './context.ts';
import { livePanes } from './pane.ts';
import { type PlacedSession, sessionNamed } from './session-index.ts';

type Looked = Pick<PlanContext, 'layout' | 'observed'>;

/** On the agent's own socket, where it has no session of its name. */
export function livesUnnamed(ctx: Looked, agent: AgentSpec): readonly PlacedSession[] {
  const { tmux } = ctx.observed.sources;
  const socket = socketLabel(agent.socket);
  const seen = tmux.status === 'known' ? tmux.value.servers.find((s) => s.socket === socket) : undefined;
  if (seen?.server.state !== 'running') return [];
  const { sessions, inherited_name: inherited } = seen.server;
  // A server that the agent itself started gives its name to everybody's panes.
  if (inherited === agent.name || sessionNamed(ctx.observed, socket, agent.name) !== undefined) return [];
  return sessions
    .filter((session) => session.mark === null)
    .filter((session) => livePanes(session).some((pane) => namesIt(ctx, agent, pane)))
    .map((session) => ({ socket, session }));
}

function namesIt({ layout, observed }: Looked, agent: AgentSpec, pane: TmuxPane): boolean {
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
