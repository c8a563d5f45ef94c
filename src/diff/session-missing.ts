/** No session where the roster wants one. */

import type { TmuxPane, TmuxSession } from '../observe/state.ts';
import { nameInAddress } from '../spec/address.ts';
import type { AgentSpec } from '../spec/model.ts';
import { fleetCommand, moveServer, shellPath, tmuxCommand, whenSettled } from './command-line.ts';
import { addressOf, type PlanContext, type SeenContext, serverOf, socketLabel } from './context.ts';
import { describeCopies, elsewhere } from './elsewhere.ts';
import { blocked, change, changed, deferred, type Finding, unobserved, warning } from './finding.ts';
import { livePanes } from './pane.ts';
import type { Change } from './plan.ts';
import { hasRunItsCourse } from './run-its-course.ts';
import { serverWillRun } from './servers.ts';
import type { PlacedSession } from './session-index.ts';
import { serverIdentity, subjectOf } from './subject.ts';
import { unitGate } from './unit-gate.ts';
import { leftAlone } from './whose-files.ts';

export function compareMissing(ctx: PlanContext, agent: AgentSpec): readonly Finding[] {
  if (hasRunItsCourse(ctx, agent)) return [];
  const away = elsewhere(ctx, agent);
  if (away.kind === 'found') {
    const sameSocket = away.copies.some((c) => c.socket === socketLabel(agent.socket));
    const [first] = away.copies;
    const remedy = first === undefined ? '' : copyRemedy(ctx, agent, first, sameSocket);
    const reason = sameSocket || away.copies.length > 1 ? 'duplicate-session' : 'wrong-socket';
    const guard = reason === 'wrong-socket' ? 'wrong-socket' : 'duplicate';
    const evidence = describeCopies(agent, { kind: 'absent' }, away.copies);
    return [blocked(ctx, 'session', agent.name, agent, { reason, guard, evidence, remedy })];
  }
  if (away.kind === 'other-directory') {
    const evidence = [`fleet started it on the tmux server ${away.pid}, which lives at ${away.path}`];
    const directory = away.path.slice(0, away.path.lastIndexOf('/tmux-'));
    const there = `TMUX_TMPDIR=${shellPath(directory)} ${fleetCommand(ctx.roster, 'plan')}`;
    const remedy = `end that session there first, or use fleet with that directory: ${there}`;
    const what = { reason: 'wrong-socket', guard: 'wrong-socket', evidence, remedy } as const;
    return [blocked(ctx, 'session', agent.name, agent, what)];
  }
  if (away.kind === 'unknown') {
    return [unobserved(ctx, 'session', agent.name, agent, away.why, `session missing, left alone: ${away.detail}`)];
  }
  return startIt(ctx, agent);
}

/** For evidence. */
export function noSession(ctx: Pick<SeenContext, 'observed'>, agent: AgentSpec): string {
  const socket = socketLabel(agent.socket);
  return serverIdentity(serverOf(ctx, agent.socket)) === null
    ? `no tmux server on socket ${socket}`
    : `no session ${agent.name} on socket ${socket}`;
}

/** For the row of its unit, where that speaks for the session too; empty where the session is there or has a row of its own. */
export function missingBesides(ctx: PlanContext, agent: AgentSpec): readonly string[] {
  if (subjectOf(ctx, agent).kind !== 'absent' || hasRunItsCourse(ctx, agent)) return [];
  return elsewhere(ctx, agent).kind === 'nowhere' ? [`session ${agent.name} is missing`] : [];
}

function copyRemedy(
  ctx: PlanContext,
  agent: AgentSpec,
  { socket, session, pane }: PlacedSession,
  sameSocket: boolean,
): string {
  if (pane !== undefined && !isAllOf(ctx, session, pane)) return guestRemedy(socket, pane);
  if (sameSocket) {
    return `if it is the right one: ${tmuxCommand(socket, 'rename-session', '-t', session.id, agent.name)}`;
  }
  const kill = tmuxCommand(socket, 'kill-session', '-t', session.id);
  return `give ${agent.name} \`socket: ${socket}\` in ${ctx.roster.path}; or, when it may end there: ${kill}`;
}

/** The session bears nobody's mark and holds nothing else that lives: to be given the agent's name. */
function isAllOf({ roster }: PlanContext, session: TmuxSession, pane: TmuxPane): boolean {
  const isFree = session.mark === null && session.name !== roster.tmux.holderSession;
  return isFree && livePanes(session).every((p) => p === pane);
}

/** A pane in a session that is somebody else's. `own`: the agent's session, where it is there. */
export function guestRemedy(socket: string, { id }: TmuxPane, own?: TmuxSession): string {
  const kill = `or, when it may end: ${tmuxCommand(socket, 'kill-pane', '-t', id)}`;
  if (own === undefined) return `look at pane ${id}: ${tmuxCommand(socket, 'capture-pane', '-p', '-t', id)}; ${kill}`;
  return `put it back: ${tmuxCommand(socket, 'join-pane', '-d', '-s', id, '-t', `${own.id}:`)}; ${kill}`;
}

/** A session that is started now would have to bring a server of its own. */
export function withoutServer(
  ctx: PlanContext,
  agent: AgentSpec,
  { kind, address, reason, evidence }: Pick<Change, 'kind' | 'address' | 'reason' | 'evidence'>,
): Finding {
  const server = `tmux-server/${socketLabel(agent.socket)}`;
  const unit = `unit/${ctx.layout.holderUnit}`;
  const [what, asked] = ctx.systemd ? [`${server} and ${unit}`, unit] : [server, server];
  const remedy = `see to ${what} first: ${fleetCommand(ctx.roster, 'explain', asked)}`;
  return blocked(ctx, kind, nameInAddress(address), agent, { reason, guard: 'missing', evidence, remedy });
}

function missing(ctx: PlanContext, { name }: AgentSpec, evidence: readonly string[]) {
  return { kind: 'session', address: addressOf(ctx, 'session', name), reason: 'session-missing', evidence } as const;
}

function startIt(ctx: PlanContext, agent: AgentSpec): readonly Finding[] {
  const unit = ctx.layout.agentUnit(agent.name);
  const gate = unitGate(ctx, agent);
  const socket = socketLabel(agent.socket);
  const evidence = [noSession(ctx, agent)];
  switch (gate.state) {
    case 'unknown':
      return [unobserved(ctx, 'session', agent.name, agent, gate.why, `session missing, left alone: ${gate.detail}`)];
    case 'masked':
    case 'missing':
      // Told by the unit's own row, which mentions the missing session too.
      return [];
    case 'failed': {
      // The same, where that row would start it; to warn there is none.
      const told = [...evidence, gate.detail];
      if (agent.manage === 'warn') return [warning(ctx, 'session', agent.name, agent, 'session-missing', told)];
      return serverWillRun(ctx, agent.socket) ? [] : [withoutServer(ctx, agent, missing(ctx, agent, told))];
    }
    case 'foreign': {
      if (agent.manage === 'warn') return [warning(ctx, 'session', agent.name, agent, 'session-missing', evidence)];
      const what = { kind: 'session', name: agent.name, agent, reason: 'session-missing', evidence } as const;
      return [leftAlone(ctx, what, gate)];
    }
    case 'transition':
    case 'open': {
      if (agent.manage === 'warn') return [warning(ctx, 'session', agent.name, agent, 'session-missing', evidence)];
      if (!serverWillRun(ctx, agent.socket)) return [withoutServer(ctx, agent, missing(ctx, agent, evidence))];
      const active = gate.state === 'open' && gate.active;
      if (ctx.systemd)
        evidence.push(active ? `${unit} is active (exited): it once ran, nothing lives` : `${unit} is not active`);
      const draft = change(ctx, 'session', agent.name, agent, {
        action: 'start',
        reason: 'session-missing',
        stage: 5,
        before: { state: 'absent' },
        after: { state: 'running', runtime: agent.runtime },
        evidence,
        precondition: { session: null },
      });
      if (gate.state === 'transition') {
        const noted = { ...draft, evidence: [...evidence, gate.detail] };
        return [deferred(noted, 'in-transition', whenSettled(ctx))];
      }
      return [changed(draft)];
    }
    case 'server-inside': {
      const remedy = moveServer(ctx, socket);
      const what = {
        reason: 'session-missing',
        guard: 'server-in-unit',
        evidence: [...evidence, gate.detail],
        remedy,
      } as const;
      return [blocked(ctx, 'session', agent.name, agent, what)];
    }
  }
}
