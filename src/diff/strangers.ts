/** Sessions that are not this fleet's: listed, and never touched. */
import type { TmuxServerObserved, TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type PlanContext, socketLabel } from './context.ts';
import { whetherCopy } from './elsewhere.ts';
import { type Compare, type Finding, unmanaged } from './finding.ts';
import { agentOfSession } from './orphan.ts';
import { recordedAs } from './recorded-away.ts';

export const compareStrangers: Compare = (ctx) => {
  const { tmux } = ctx.observed.sources;
  if (tmux.status === 'unknown') return [];
  const ours = new Set([ctx.roster.tmux.socketName, ...ctx.roster.agents.map((a) => a.socket)].map(socketLabel));
  const found: Finding[] = [];
  for (const seen of tmux.value.servers) {
    if (seen.server.state !== 'running') continue;
    const ourSocket = ours.has(seen.socket);
    for (const session of seen.server.sessions) found.push(...stranger(ctx, seen, session, ourSocket));
  }
  return found;
};

function stranger(
  ctx: PlanContext,
  seen: TmuxServerObserved,
  session: TmuxSession,
  ourSocket: boolean,
): readonly Finding[] {
  const { mark, name } = session;
  if (ourSocket && name === ctx.roster.tmux.holderSession) return [];
  const namesake = ctx.agentNamed(name);
  if (namesake !== undefined && socketLabel(namesake.socket) === seen.socket) return [];
  // Told by the row of that agent, on the roster or an orphan.
  if (agentOfSession(ctx, seen, session) !== null) return [];
  if (mark?.owner === ctx.roster.fleet && mark.agent === ctx.roster.tmux.holderSession) return [];
  // Told by that agent's own row, as wrong-socket or duplicate-session.
  if (namesake !== undefined && whetherCopy(ctx, namesake, session) === 'copy') return [];
  const agent = recordedAs(ctx, session);
  if (agent !== undefined && mustBeThere(agent)) return [];
  const where = ourSocket ? '' : ` on socket ${seen.socket}`;
  const what = agent === undefined ? whatItIs(ctx, session, seen.socket) : `the inventory has it as ${agent.name}'s`;
  return [unmanaged(ctx, 'session', name, `${what}${where}`)];
}

/** Its own row says where it is, or that it is not there: always for those that are to run and run more than once. */
function mustBeThere({ state, manage, lifecycle }: AgentSpec): boolean {
  return state === 'running' && manage !== 'observe' && lifecycle !== 'ephemeral';
}

function whatItIs(ctx: PlanContext, session: TmuxSession, socket: string): string {
  const { mark } = session;
  if (mark?.owner === ctx.roster.fleet) return `marked as ${mark.agent}, which names no agent: a former holder session`;
  if (mark !== null) return `belongs to fleet ${mark.owner}`;
  const viewer = /^(.+)-watch-\d+$/.exec(session.name)?.[1];
  if (viewer !== undefined && ctx.agentNamed(viewer) !== undefined) return `a viewer of ${viewer}`;
  const twin = ctx.agentNamed(session.name);
  return twin === undefined || socketLabel(twin.socket) === socket
    ? 'no mark, not on the roster'
    : `bears the name of ${twin.name} and is not it`;
}
