/**
 * What is there and not on the roster. Sessions without our mark are listed and never touched; what bears it is an
 * orphan: listed, and removed with `--prune` in one fixed order (session, unit, boot, files). In layout mosaic nothing
 * bears a mark, so orphans are only listed.
 */

import type { TmuxServerObserved, TmuxSession } from '../observe/state.ts';
import { argvFileOwner } from '../spec/argv-file.ts';
import { unitFileOwner } from '../spec/unit-file.ts';
import { type PlanContext, socketLabel, unitOf } from './context.ts';
import { isCopy } from './elsewhere.ts';
import { type Compare, change, changed, type Finding, unmanaged } from './finding.ts';
import { orphanSession } from './orphan-session.ts';

export const compareOrphans: Compare = (ctx) => [...sessions(ctx), ...leftovers(ctx)];

function sessions(ctx: PlanContext): readonly Finding[] {
  const { tmux } = ctx.observed.sources;
  if (tmux.status === 'unknown') return [];
  const ours = new Set([ctx.roster.tmux.socketName, ...ctx.roster.agents.map((a) => a.socket)].map(socketLabel));
  return tmux.value.servers.flatMap((seen) =>
    seen.server.state === 'running'
      ? seen.server.sessions.flatMap((s) => strangerOrOrphan(ctx, seen, s, ours.has(seen.socket)))
      : [],
  );
}

function strangerOrOrphan(
  ctx: PlanContext,
  seen: TmuxServerObserved,
  session: TmuxSession,
  ourSocket: boolean,
): readonly Finding[] {
  const { mark, name } = session;
  if (ourSocket && name === ctx.roster.tmux.holderSession) return [];
  const namesake = ctx.agentNamed(name);
  if (namesake !== undefined && socketLabel(namesake.socket) === seen.socket) return [];
  if (mark !== null && mark.owner === ctx.roster.fleet) {
    // A copy of an agent on the roster is told by that agent's own row.
    if (ctx.agentNamed(mark.agent) !== undefined) return [];
    if (mark.agent === ctx.roster.tmux.holderSession) return [];
    return orphanSession(ctx, seen, session, mark);
  }
  // Told by that agent's own row, as wrong-socket or duplicate-session.
  if (namesake !== undefined && isCopy(ctx, namesake, session, false)) return [];
  const where = ourSocket ? '' : ` on socket ${seen.socket}`;
  return [unmanaged(ctx, 'session', name, `${whatItIs(ctx, session, seen.socket)}${where}`)];
}

function whatItIs(ctx: PlanContext, session: TmuxSession, socket: string): string {
  if (session.mark !== null) return `belongs to fleet ${session.mark.owner}`;
  const viewer = /^(.+)-watch-\d+$/.exec(session.name)?.[1];
  if (viewer !== undefined && ctx.agentNamed(viewer) !== undefined) return `a viewer of ${viewer}`;
  const twin = ctx.agentNamed(session.name);
  return twin === undefined || socketLabel(twin.socket) === socket
    ? 'no mark, not on the roster'
    : `bears the name of ${twin.name} and is not it`;
}

/** Units and files of agents that are no longer on the roster. */
function leftovers(ctx: PlanContext): readonly Finding[] {
  const names = new Set<string>();
  for (const unit of Object.values(ctx.units?.units ?? {})) {
    const agent = ctx.layout.agentOfUnit(unit.name);
    const alive = unit.active_state !== 'inactive' || unit.wanted_by.length > 0 || unit.unit_file_state === 'enabled';
    if (agent !== null && alive) names.add(agent);
  }
  for (const [agent, file] of Object.entries(ctx.files?.argv_files ?? {})) {
    if (file.state === 'present' && argvFileOwner(file.content) === ctx.roster.fleet) names.add(agent);
  }
  const rostered = new Set(ctx.agents.map((a) => a.name));
  return [...names]
    .filter((name) => !rostered.has(name))
    .sort()
    .flatMap((name) => leftover(ctx, name));
}

function leftover(ctx: PlanContext, agent: string): readonly Finding[] {
  const name = ctx.layout.agentUnit(agent);
  const unit = ctx.systemd ? unitOf(ctx, name) : undefined;
  const there = unit !== undefined && (unit.active_state !== 'inactive' || unit.wanted_by.length > 0);
  if (!isOurs(ctx, agent))
    return there ? [unmanaged(ctx, 'unit', name, 'not on the roster, and not made by this fleet')] : [];
  if (!ctx.policy.prune) {
    const why = 'ours, no longer on the roster (--prune removes it)';
    return [
      there
        ? unmanaged(ctx, 'unit', name, `orphan-unit: ${why}`)
        : unmanaged(ctx, 'env-file', agent, `orphan-unit: ${why}`),
    ];
  }
  return [...(there ? pruneUnit(ctx, name, agent) : []), ...pruneFiles(ctx, agent)];
}

/** By mark alone: its argv file's, and for an instance its template's. */
function isOurs(ctx: PlanContext, agent: string): boolean {
  if (!ctx.launcher) return false;
  const argv = ctx.files?.argv_files[agent];
  if (argv?.state === 'present') return argvFileOwner(argv.content) === ctx.roster.fleet;
  const template = ctx.files?.unit_files[ctx.layout.agentTemplate];
  return ctx.systemd && template?.state === 'present' && unitFileOwner(template.content) === ctx.roster.fleet;
}

function pruneUnit(ctx: PlanContext, name: string, agent: string): readonly Finding[] {
  const unit = unitOf(ctx, name);
  if (unit === undefined) return [];
  const evidence = [`${name} is ${unit.active_state}, ${unit.unit_file_state}; ${agent} is not on the roster`];
  const shared = { reason: 'orphan-unit', cause: 'orphan', stage: 6, evidence } as const;
  const found: Finding[] = [];
  if (unit.active_state !== 'inactive') {
    const views = { before: { active_state: unit.active_state }, after: { active_state: 'inactive' } };
    const draft = change(ctx, 'unit', name, null, { ...shared, action: 'stop', ...views });
    found.push(changed({ ...draft, agent }));
  }
  if (unit.wanted_by.length > 0 || unit.unit_file_state.startsWith('enabled')) {
    const views = { before: { unit_file_state: unit.unit_file_state }, after: { unit_file_state: 'disabled' } };
    const draft = change(ctx, 'unit', name, null, { ...shared, action: 'disable', ...views });
    found.push(changed({ ...draft, agent }));
  }
  return found;
}

function pruneFiles(ctx: PlanContext, agent: string): readonly Finding[] {
  const env = ctx.files?.env_files[agent];
  const argv = ctx.files?.argv_files[agent];
  const evidence = [`${agent} is not on the roster`];
  const shared = { action: 'destroy', reason: 'orphan-unit', cause: 'orphan', stage: 6, evidence } as const;
  const found: Finding[] = [];
  if (env?.state === 'present') {
    const draft = change(ctx, 'env-file', agent, null, {
      ...shared,
      before: env.own,
      after: {},
      precondition: { file_sha256: env.sha256 },
    });
    found.push(changed({ ...draft, agent }));
  }
  if (argv?.state === 'present') {
    const draft = change(ctx, 'env-file', `${agent}.argv`, null, {
      ...shared,
      before: { state: 'present' },
      after: {},
    });
    found.push(changed({ ...draft, agent }));
  }
  return found;
}
