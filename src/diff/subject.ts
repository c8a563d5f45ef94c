/** An agent joined with what was seen of it: the one place where "is it there, and is it ours" is answered. */

import type { TmuxServerObserved, TmuxSession, UnitObserved } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type PlanContext, serverOf, socketLabel, unitOf } from './context.ts';
import { agentPane } from './pane.ts';
import type { ServerIdentity, SessionIdentity } from './plan.ts';
import type { RememberedSession } from './policy.ts';
import { recordedAs } from './recorded-away.ts';
import { sessionNamed } from './session-index.ts';
import { inTransition } from './unit-gate.ts';

export type Subject =
  /** Its server could not be asked. */
  | { readonly kind: 'unknown'; readonly why: string; readonly detail: string }
  | { readonly kind: 'absent' }
  | LiveSubject;

export interface LiveSubject {
  readonly kind: 'session';
  readonly session: TmuxSession;
  readonly server: ServerIdentity;
}

export function subjectOf(ctx: Pick<PlanContext, 'observed'>, agent: AgentSpec): Subject {
  const { tmux } = ctx.observed.sources;
  if (tmux.status === 'unknown') return { kind: 'unknown', why: tmux.why, detail: `tmux: ${tmux.detail}` };
  const seen = serverOf(ctx, agent.socket);
  if (seen === undefined) return { kind: 'unknown', why: 'not-observed', detail: notLooked(socketLabel(agent.socket)) };
  const { server } = seen;
  switch (server.state) {
    case 'unknown':
      return { kind: 'unknown', why: server.why, detail: `tmux socket ${seen.socket}: ${server.detail}` };
    case 'absent':
      return { kind: 'absent' };
    case 'running': {
      const session = sessionNamed(ctx.observed, seen.socket, agent.name);
      if (session === undefined) return { kind: 'absent' };
      return { kind: 'session', session, server: { socket: seen.socket, pid: server.pid, start: server.start } };
    }
  }
}

function notLooked(socket: string): string {
  return `this observation did not look at tmux socket ${socket}: observe again with this roster`;
}

/** Null where no server runs or it cannot be told. */
export function serverIdentity(seen: TmuxServerObserved | undefined): ServerIdentity | null {
  if (seen?.server.state !== 'running') return null;
  return { socket: seen.socket, pid: seen.server.pid, start: seen.server.start };
}

export function identityOf(subject: LiveSubject): SessionIdentity {
  const { session } = subject;
  const pane = agentPane(session);
  return {
    server: subject.server,
    id: session.id,
    created: session.created,
    owner: session.mark?.owner ?? null,
    pane: pane?.id ?? '',
    pane_pid: pane?.pid ?? null,
  };
}

export type Ownership =
  | 'ours'
  | 'unmarked'
  | 'other-owner'
  | 'unknown'
  /** Layout mosaic: its unit is about to start or to stop, so the session may be what it just made or ends. */
  | 'in-transition';

/**
 * Ours is what bears our mark and, in layout mosaic, a session with the exact name of an agent whose unit is active, or
 * that the inventory remembers; not one that the inventory has as another agent's, which somebody gave this name. Source: docs/contract.md, section 8.
 */
export function ownershipOf(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject): Ownership {
  const { mark } = subject.session;
  if (mark !== null) return mark.owner === ctx.roster.fleet && mark.agent === agent.name ? 'ours' : 'other-owner';
  if (ctx.launcher) return 'unmarked';
  if (remembered(ctx, agent, subject)) return 'ours';
  if (recordedAs(ctx, subject.session) !== undefined) return 'other-owner';
  const unit = unitOf(ctx, ctx.layout.agentUnit(agent.name));
  if (unit === undefined) return 'unknown';
  if (unit.active_state === 'active') return 'ours';
  return isAtIt(unit) ? 'in-transition' : 'unmarked';
}

/** Not while it waits to be started again: then nothing of it runs, and what has its name is not its. */
function isAtIt(unit: UnitObserved): boolean {
  return inTransition(unit) && !unit.sub_state.startsWith('auto-restart');
}

/** The inventory's record of this very session, or null. */
export function remembered(
  ctx: PlanContext,
  agent: Pick<AgentSpec, 'name'>,
  subject: LiveSubject,
): RememberedSession | null {
  const record = ctx.memory.sessions[agent.name];
  const same =
    record !== undefined &&
    record.socket === subject.server.socket &&
    record.server.pid === subject.server.pid &&
    record.server.start === subject.server.start &&
    record.id === subject.session.id &&
    record.created === subject.session.created;
  return same ? record : null;
}
