/** A session is taken over by setting our mark on that very session: by exact name, where it cannot be another's. */
import type { TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type Adoption, isOurs, refuses, type SessionTaking, takes } from './adoption.ts';
import { fleetCommand } from './command-line.ts';
import { type PlanContext, socketLabel, unitOf } from './context.ts';
import { describeCopies, elsewhere } from './elsewhere.ts';
import { findOrphans, type Part, socketsOf } from './orphan.ts';
import { recordFor, recordsOf } from './owned.ts';
import { livePanes } from './pane.ts';
import { isFormerFile } from './spec-drift.ts';
import { identityOf, type LiveSubject, remembered, subjectOf } from './subject.ts';
import { unseenServers } from './unseen-servers.ts';

const part = (name: string): Part => ({ kind: 'session', name });

export function adoptSession(ctx: PlanContext, name: string): Adoption {
  const { roster } = ctx;
  if (name === roster.tmux.holderSession) {
    const evidence = [`${name} is the roster's holder session, which is never an agent`];
    const remedy = `nothing needs to be done: the next apply sees to it: ${fleetCommand(roster, 'plan')}`;
    return refuses(ctx, part(name), { guard: 'not-ours', evidence, remedy });
  }
  const agent = ctx.agentNamed(name);
  return agent === undefined ? adoptFormer(ctx, name) : adoptAgent(ctx, agent);
}

function adoptAgent(ctx: PlanContext, agent: AgentSpec): Adoption {
  const subject = subjectOf(ctx, agent);
  const { name } = agent;
  if (subject.kind === 'unknown') return unseen(ctx, name, subject.detail);
  const away = elsewhere(ctx, agent);
  if (away.kind === 'found') {
    const evidence = ['it lives in another place', ...describeCopies(agent, subject, away.copies)];
    const [first] = away.copies;
    const kill = `tmux -L ${first?.socket ?? 'default'} kill-session -t '${first?.session.id ?? ''}'`;
    const remedy = `look at each, then end the one that may end, by its socket and id, as in: ${kill}`;
    return refuses(ctx, part(name), { guard: 'duplicate', evidence, remedy });
  }
  if (subject.kind === 'absent') {
    const evidence = [`there is no session ${name} on socket ${socketLabel(agent.socket)}`];
    const remedy = `start it: ${fleetCommand(ctx.roster, 'apply', '--target', name)}`;
    return refuses(ctx, part(name), { guard: 'absent', evidence, remedy });
  }
  return adoptLive(ctx, name, agent, subject);
}

function adoptLive(ctx: PlanContext, name: string, agent: AgentSpec | null, subject: LiveSubject): Adoption {
  const { mark } = subject.session;
  const what = `session ${name} (${subject.session.id}) on socket ${subject.server.socket}`;
  if (mark !== null && mark.owner !== ctx.roster.fleet) {
    const evidence = [`${what} belongs to fleet ${mark.owner}`];
    const remedy = `let go of it there first: fleet forget -f ROSTER-OF-${mark.owner} session/${name}`;
    return refuses(ctx, part(name), { guard: 'other-owner', evidence, remedy });
  }
  if (mark !== null && mark.agent !== name) {
    const evidence = [`${what} is marked as ${mark.agent}'s`];
    const remedy = `give it its name back: tmux -L ${subject.server.socket} rename-session -t '${subject.session.id}' ${mark.agent}`;
    return refuses(ctx, part(name), { guard: 'not-ours', evidence, remedy });
  }
  const recorded = recordFor(ctx.memory, 'session', name) !== null;
  const spec = recordOf(ctx, name, subject)?.spec;
  const started = spec !== undefined && (spec === null || !isFormerFile(spec));
  const known = mark !== null || (!ctx.launcher && started);
  if (recorded && known) return isOurs(ctx, part(name));
  return takeSession(ctx, name, agent, subject);
}

function takeSession(ctx: PlanContext, name: string, agent: AgentSpec | null, subject: LiveSubject): Adoption {
  const { session, server } = subject;
  const spec = session.mark?.spec ?? recordOf(ctx, name, subject)?.spec ?? null;
  const pane = agentsPane(agent, session);
  const { socket, ...of } = server;
  const shared = { agent: name, socket, server: of, id: session.id, created: session.created };
  const taking: SessionTaking = {
    identity: identityOf(subject),
    agent: name,
    marks: session.mark === null,
    pane: session.mark === null ? pane : null,
    remembered: { ...shared, spec, boot_id: ctx.observed.boot_id, done: false, plan: null },
  };
  const created = new Date(session.created * 1000).toISOString();
  const evidence = [
    `session ${name} (${session.id}) on socket ${socket}, created ${created}, ${session.attached} attached`,
    ...session.panes.map(
      (p) => `pane ${p.id}: pid ${p.pid ?? '?'}, ${p.current_command}${p.id === pane ? ', its agent' : ''}`,
    ),
    session.mark === null ? "fleet's mark is set on it" : "it bears fleet's mark, and the inventory gets its record",
    ...(spec === null ? ['what it was started from stays unknown: it is not restarted for that'] : []),
    ...(agent === null ? [`${name} is not on the roster: --prune may then remove it`] : []),
  ];
  return takes(ctx, part(name), { agent: name, evidence, session: taking });
}

const recordOf = (ctx: PlanContext, name: string, subject: LiveSubject) => remembered(ctx, { name }, subject);

/** The only one that lives, or the only one that runs the wanted runtime; else it cannot be told. */
function agentsPane(agent: AgentSpec | null, session: TmuxSession): string | null {
  const panes = livePanes(session);
  const right = panes.filter((p) => p.runs.verdict === 'runtime' && p.runs.runtime === agent?.runtime);
  const [only, ...more] = panes.length === 1 ? panes : right;
  return only === undefined || more.length > 0 ? null : only.id;
}

/** Off the roster: what bears our mark and, in layout mosaic, the session that its unit keeps. */
function adoptFormer(ctx: PlanContext, name: string): Adoption {
  const { tmux } = ctx.observed.sources;
  if (tmux.status === 'unknown') return unseen(ctx, name, `tmux: ${tmux.detail}`);
  const orphan = findOrphans(ctx).find((o) => o.agent === name);
  const found = orphan?.sessions ?? [];
  const marked = found.length > 0 ? found : keptByUnit(ctx, name);
  const [only, ...more] = marked;
  if (more.length > 0) {
    const evidence = marked.map(
      ({ server, session }) => `socket ${server.socket}, session ${session.name} (${session.id})`,
    );
    const kill = `tmux -L ${only?.server.socket ?? ''} kill-session -t '${only?.session.id ?? ''}'`;
    const remedy = `look at each, then end the one that may end, by its socket and id, as in: ${kill}`;
    return refuses(ctx, part(name), { guard: 'duplicate', evidence, remedy });
  }
  if (only === undefined) return stranger(ctx, name);
  if (only.session.name === name) return adoptLive(ctx, name, null, only);
  const evidence = [
    `somebody gave it another name: ${only.session.name} (${only.session.id}) on socket ${only.server.socket}`,
  ];
  const rename = `tmux -L ${only.server.socket} rename-session -t '${only.session.id}' ${name}`;
  return refuses(ctx, part(name), { guard: 'not-ours', evidence, remedy: `if it is the agent, first: ${rename}` });
}

/** Layout mosaic: the exact name of an agent whose unit is active, or of which something else is ours. */
function keptByUnit(ctx: PlanContext, name: string): readonly LiveSubject[] {
  const { tmux } = ctx.observed.sources;
  const active = unitOf(ctx, ctx.layout.agentUnit(name))?.active_state === 'active';
  if (ctx.launcher || tmux.status === 'unknown') return [];
  if (!active && recordsOf(ctx.memory, name).length === 0) return [];
  const env = ctx.files?.env_files[name];
  const sockets = socketsOf(ctx, { agent: name, env: env?.state === 'present' ? env : null });
  return tmux.value.servers.flatMap(({ socket, server }): readonly LiveSubject[] => {
    if (server.state !== 'running' || !sockets.includes(socket)) return [];
    const session = server.sessions.find((s) => s.name === name);
    const identity = { socket, pid: server.pid, start: server.start };
    return session === undefined ? [] : [{ kind: 'session', session, server: identity }];
  });
}

function stranger(ctx: PlanContext, name: string): Adoption {
  const { tmux } = ctx.observed.sources;
  const blind = tmux.status === 'known' ? unseenServers(tmux.value) : null;
  if (blind !== null) return unseen(ctx, name, `${blind.place}: ${blind.detail}`);
  const evidence = [
    `${name} is no agent of the roster here, and no session of that name bears fleet ${ctx.roster.fleet}'s mark`,
  ];
  const remedy = `put ${name} on the roster (${ctx.roster.path}) first, then: ${fleetCommand(ctx.roster, 'adopt', `session/${name}`)}`;
  return refuses(ctx, part(name), { guard: 'not-ours', evidence, remedy });
}

function unseen(ctx: PlanContext, name: string, detail: string): Adoption {
  const remedy = `mend that (${fleetCommand(ctx.roster, 'explain', `session/${name}`)} shows it), then try again`;
  return refuses(ctx, part(name), { guard: 'unobserved', evidence: [detail], remedy });
}
