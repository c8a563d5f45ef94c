/** The rows on sessions: one agent after the other, each judged by what was seen of it alone. */
import { unitNameOf } from '../spec/layout.ts';
import type { AgentSpec } from '../spec/model.ts';
import { fleetCommand, tmuxCommand, whenSettled } from './command-line.ts';
import { addressOf, isManaged, type PlanContext, sayOfEach, socketLabel, unitOf } from './context.ts';
import type { Drift } from './drift.ts';
import { describeCopies, elsewhere } from './elsewhere.ts';
import { blocked, type Compare, change, deferred, type Finding, unobserved, warning } from './finding.ts';
import { interrupt } from './interrupt.ts';
import { agentPane } from './pane.ts';
import { missingPlaces } from './places.ts';
import { recordedAs } from './recorded-away.ts';
import { endedWell } from './run-its-course.ts';
import { driftOf, paneGone } from './session-drift.ts';
import type { PlacedSession } from './session-index.ts';
import { compareMissing, guestRemedy } from './session-missing.ts';
import { type LiveSubject, ownershipOf, subjectOf } from './subject.ts';
import { transitionOf } from './unit-gate.ts';

export const compareSessions: Compare = (ctx) =>
  sayOfEach(ctx, 'session', ctx.agents.filter(isManaged), compareSession);

function compareSession(ctx: PlanContext, agent: AgentSpec): readonly Finding[] {
  const subject = subjectOf(ctx, agent);
  if (subject.kind === 'unknown') {
    if (agent.state === 'stopped' && subject.why === 'not-observed') return [];
    return [unobserved(ctx, 'session', agent.name, agent, subject.why, subject.detail)];
  }
  if (agent.state === 'stopped') return subject.kind === 'session' ? stopIt(ctx, agent, subject) : [];
  const places = missingPlaces(ctx, agent);
  if (subject.kind === 'absent') return mustRun(compareMissing(ctx, agent), places);
  const twice = twin(ctx, agent, subject);
  if (twice !== null) return [twice];
  const foreign = notOurs(ctx, agent, subject);
  if (foreign !== null) return [foreign];
  return mustRun(compareLive(ctx, agent, subject), places);
}

/** What cannot be started is not started or replaced; what is wrong is said once, as the missing place. */
function mustRun(found: readonly Finding[], places: readonly Finding[]): readonly Finding[] {
  if (places.length === 0) return found;
  const wouldStart = (f: Finding): boolean => f.bucket === 'change' || f.bucket === 'deferred';
  return [...places, ...found.filter((f) => !wouldStart(f))];
}

function compareLive(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject): readonly Finding[] {
  const pane = agentPane(subject.session);
  if (pane === null) {
    const evidence = [paneGone(subject.session)];
    const views = { before: { state: 'absent' }, after: { state: 'running', runtime: agent.runtime } };
    return interrupt(ctx, agent, subject, { action: 'restart', reason: 'session-missing', ...views, evidence });
  }
  if (endedWell(agent, pane.runs)) return [];
  const address = addressOf(ctx, 'session', agent.name);
  const drifts = driftOf(ctx, agent, subject, pane).filter(
    (d) => !ctx.ignore.covers(address, agent.name, d.path, d.reason),
  );
  return [...drifts.flatMap((d) => saidOnly(ctx, agent, d)), ...replaced(ctx, agent, subject, drifts)];
}

function saidOnly(ctx: PlanContext, agent: AgentSpec, d: Drift): readonly Finding[] {
  if (d.response === 'warn') return [warning(ctx, 'session', agent.name, agent, d.reason, d.evidence)];
  if (d.response === 'unknown') {
    return [unobserved(ctx, 'session', agent.name, agent, 'unobserved', d.evidence.join('; '))];
  }
  const kept = d.response === 'by-policy' && agent.onChange === 'keep';
  return kept ? [warning(ctx, 'session', agent.name, agent, d.reason, [...d.evidence, 'on_change: keep'])] : [];
}

/** However many aspects drifted, it is one restart; the first reason names it, the rest is evidence. */
function replaced(
  ctx: PlanContext,
  agent: AgentSpec,
  subject: LiveSubject,
  drifts: readonly Drift[],
): readonly Finding[] {
  const acting = drifts.filter(
    (d) => d.response === 'restart' || (d.response === 'by-policy' && agent.onChange !== 'keep'),
  );
  const [first] = acting;
  if (first === undefined) return [];
  return interrupt(ctx, agent, subject, {
    action: 'restart',
    reason: first.reason,
    cause: first.reason === 'spec-changed' ? 'intentional' : 'corrective',
    before: mergeViews(acting.map((d) => d.before)),
    after: mergeViews(acting.map((d) => d.after)),
    evidence: acting.flatMap((d) => d.evidence),
  });
}

function mergeViews(views: readonly Drift['before'][]): Drift['before'] {
  const merged: Record<string, Drift['before'][string]> = {};
  for (const view of views) {
    for (const [key, value] of Object.entries(view)) {
      const there = merged[key];
      const both = isObject(there) && isObject(value);
      merged[key] = both ? { ...there, ...value } : value;
    }
  }
  return merged;
}

function isObject(value: unknown): value is { readonly [key: string]: Drift['before'][string] } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function stopIt(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject): readonly Finding[] {
  const foreign = notOurs(ctx, agent, subject);
  if (foreign !== null) return [foreign];
  const { stopped } = agent;
  const who = stopped?.by ? ` by ${stopped.by}` : '';
  const why = stopped?.why ? `: ${stopped.why}` : '';
  return interrupt(ctx, agent, subject, {
    action: 'stop',
    reason: 'should-be-stopped',
    cause: 'intentional',
    before: { state: 'running' },
    after: { state: 'stopped' },
    evidence: [`the roster says stopped${who}${why}; session ${subject.session.id} is there`],
  });
}

function twin(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject): Finding | null {
  const away = elsewhere(ctx, agent);
  if (away.kind !== 'found') return null;
  const evidence = describeCopies(agent, subject, away.copies);
  const [first] = away.copies;
  const remedy =
    first?.pane === undefined ? endOne(ctx, first) : guestRemedy(first.socket, first.pane, subject.session);
  return blocked(ctx, 'session', agent.name, agent, {
    reason: 'duplicate-session',
    guard: 'duplicate',
    evidence,
    remedy,
  });
}

function endOne(ctx: PlanContext, copy: PlacedSession | undefined): string {
  const { socket, session } = copy ?? { socket: 'default', session: undefined };
  const another = ctx.agents.find(
    (a) => a.name === session?.name && session.mark !== null && session.mark.agent !== a.name,
  );
  if (session?.mark != null && another !== undefined) {
    const rename = tmuxCommand(socket, 'rename-session', '-t', session.id, `${session.mark.agent}-2`);
    return `look at each; ${session.id} bears another agent's name, so first: ${rename}; then plan again`;
  }
  const kill = tmuxCommand(socket, 'kill-session', '-t', session?.id ?? '');
  return `look at each, then end the one that is not wanted, by its socket and id, as in: ${kill}`;
}

function notOurs(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject): Finding | null {
  const { session } = subject;
  const label = socketLabel(agent.socket);
  switch (ownershipOf(ctx, agent, subject)) {
    case 'ours':
      return null;
    case 'unknown': {
      const detail = `whether session ${agent.name} is ours cannot be told: its unit could not be observed`;
      return unobserved(ctx, 'session', agent.name, agent, 'unobserved', detail);
    }
    case 'in-transition':
      return whoseIsNotSettled(ctx, agent, subject);
    case 'unmarked': {
      const evidence = [
        `session ${agent.name} (${session.id}) on socket ${label} bears no mark of fleet ${ctx.roster.fleet}`,
      ];
      const adopt = fleetCommand(ctx.roster, 'adopt', `session/${agent.name}`);
      const rename = tmuxCommand(label, 'rename-session', '-t', session.id, 'NEW-NAME');
      const remedy = `if it is not the agent: ${rename}; if it is: ${adopt}`;
      return blocked(ctx, 'session', agent.name, agent, { reason: 'not-adopted', guard: 'not-ours', evidence, remedy });
    }
    case 'other-owner': {
      const { evidence, remedy } = whoseElse(ctx, agent, subject);
      return blocked(ctx, 'session', agent.name, agent, {
        reason: 'other-owner',
        guard: 'other-owner',
        evidence,
        remedy,
      });
    }
  }
}

function whoseIsNotSettled(ctx: PlanContext, agent: AgentSpec, { session }: LiveSubject): Finding {
  const unit = unitOf(ctx, unitNameOf(ctx.layout, agent));
  const evidence = [
    ...(unit === undefined ? [] : [transitionOf(unit)]),
    `whether session ${agent.name} (${session.id}) is its can be told when that is over`,
  ];
  if (agent.manage === 'warn') return warning(ctx, 'session', agent.name, agent, 'unit-in-transition', evidence);
  const stops = agent.state === 'stopped';
  const draft = change(ctx, 'session', agent.name, agent, {
    action: stops ? 'stop' : 'start',
    reason: 'unit-in-transition',
    stage: 5,
    before: { state: 'unknown' },
    after: { state: stops ? 'stopped' : 'running' },
    evidence,
  });
  return deferred(draft, 'in-transition', whenSettled(ctx));
}

/** By its mark the session is another fleet's; by that or the inventory another agent's of this one, renamed. */
function whoseElse(
  ctx: PlanContext,
  { name, socket }: AgentSpec,
  { session }: LiveSubject,
): { readonly evidence: readonly string[]; readonly remedy: string } {
  const label = socketLabel(socket);
  const what = `session ${name} (${session.id}) on socket ${label}`;
  const { mark } = session;
  // Layout mosaic: one without a mark, which the inventory has as another agent's.
  const recorded = mark === null ? recordedAs(ctx, session)?.name : undefined;
  const marked = mark?.owner === ctx.roster.fleet ? mark.agent : undefined;
  const agent = recorded ?? marked;
  if (agent !== undefined) {
    const rename = tmuxCommand(label, 'rename-session', '-t', session.id, agent);
    const whose =
      recorded === undefined
        ? `bears the mark of agent ${agent} of this fleet`
        : `is ${agent}'s: the inventory has it so`;
    return { evidence: [`${what} ${whose}`], remedy: `give it its name: ${rename}` };
  }
  const owner = mark?.owner ?? '?';
  const forget = `fleet forget -f ROSTER-OF-${owner} session/${name}`;
  const remedy = `use another name or socket in ${ctx.roster.path}, or let go of it there: ${forget}`;
  return { evidence: [`${what} belongs to fleet ${owner}`], remedy };
}
