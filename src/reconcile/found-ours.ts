/** What a look finds of ours: by its marks, and in layout mosaic by what an apply that died had begun. Pure. */
import type { OwnedRecord, RememberedSession } from '../diff/policy.ts';
import { sessionNamed } from '../diff/session-index.ts';
import { isFormerFile } from '../diff/spec-drift.ts';
import type { FileObserved, Observed, TmuxSession } from '../observe/state.ts';
import { argvFileOwner } from '../spec/argv-file.ts';
import type { AgentSpec } from '../spec/model.ts';
import { unitFileOwner } from '../spec/unit-file.ts';
import type { Claim } from './claims.ts';
import type { ApplyContext } from './context.ts';
import { sessionSeen, socketLabel, unitSeen } from './seen.ts';

export type FindContext = Pick<ApplyContext, 'agents' | 'layout' | 'systemd' | 'launcher' | 'planId' | 'roster'>;

/** Of the agents on the roster, and what all of them share. In layout mosaic nothing bears a mark. */
export function findOurs(ctx: FindContext, seen: Observed): readonly Claim[] {
  if (!ctx.launcher) return [];
  return [...ctx.agents.flatMap((agent) => findAgents(ctx, seen, agent)), ...holders(ctx, seen), ...shared(ctx, seen)];
}

/** One mark among an agent's things tells of all of them: env files and units' links bear none. */
function findAgents(ctx: FindContext, seen: Observed, agent: AgentSpec): readonly Claim[] {
  const { name } = agent;
  const session = markedSession(ctx, seen, socketLabel(agent.socket), name) !== null;
  const found: Claim[] = session ? [{ kind: 'session', name, agent: name }] : [];
  const { files } = seen.sources;
  const argv = files.status === 'known' ? files.value.argv_files[name] : undefined;
  const written = argv?.state === 'present' && argvFileOwner(argv.content) === ctx.roster.fleet;
  if (written) found.push({ kind: 'env-file', name: `${name}.argv`, agent: name });
  if (!written && !session) return found;
  const env = files.status === 'known' ? files.value.env_files[name] : undefined;
  if (env?.state === 'present') found.push({ kind: 'env-file', name, agent: name });
  return [...found, ...unitInUse(ctx, seen, ctx.layout.agentUnit(name), name)];
}

/** The unit files, and the holder's unit, which all fleets of a user share: it is whose file it is. */
function shared(ctx: FindContext, seen: Observed): readonly Claim[] {
  const { holderUnit, agentTemplate } = ctx.layout;
  const files = [holderUnit, agentTemplate].filter((name) => {
    const file = unitFile(seen, name);
    return file?.state === 'present' && unitFileOwner(file.content) === ctx.roster.fleet;
  });
  const found = files.map((name): Claim => ({ kind: 'unit-file', name, agent: null }));
  return files.length === 0 ? [] : [...found, ...unitInUse(ctx, seen, holderUnit, null)];
}

function unitInUse(ctx: FindContext, seen: Observed, name: string, agent: string | null): readonly Claim[] {
  const unit = ctx.systemd ? unitSeen(seen, name) : undefined;
  const used = unit !== undefined && (unit.active_state !== 'inactive' || unit.unit_file_state === 'enabled');
  return used ? [{ kind: 'unit', name, agent }] : [];
}

function holders(ctx: FindContext, seen: Observed): readonly Claim[] {
  const sockets = new Set([ctx.roster.tmux.socketName, ...ctx.agents.map((a) => a.socket)].map(socketLabel));
  const ours = [...sockets].filter((s) => markedSession(ctx, seen, s, ctx.roster.tmux.holderSession) !== null);
  return ours.map((socket) => ({ kind: 'tmux-server', name: socket, agent: null }));
}

function markedSession(ctx: FindContext, seen: Observed, socket: string, name: string): TmuxSession | null {
  const session = sessionNamed(seen, socket, name);
  return session?.mark?.owner === ctx.roster.fleet && session.mark.agent === name ? session : null;
}

export function unitFile(seen: Observed, name: string): FileObserved | undefined {
  const { files } = seen.sources;
  return files.status === 'known' ? files.value.unit_files[name] : undefined;
}

/**
 * The agent's session as it is to be remembered; null where it is not known to be ours. `meant`: its record of what is
 * ours, `known`: what is remembered of it.
 */
export function findSession(
  ctx: FindContext,
  seen: Observed,
  agent: AgentSpec,
  meant: OwnedRecord | undefined,
  known: RememberedSession | undefined,
): RememberedSession | null {
  const { name } = agent;
  const found = sessionSeen(seen, socketLabel(agent.socket), name);
  if (found.state !== 'present') return null;
  const { server, session } = found;
  const { socket, pid, start } = server;
  const { id, created } = session;
  const same = known !== undefined && known.server.pid === pid && known.server.start === start && known.id === id;
  if (same && known.created === created) return known.spec !== null && isFormerFile(known.spec) ? null : known;
  const marked = markedSession(ctx, seen, socket, name);
  if (marked === null && !startedSince(ctx, seen, session, meant)) return null;
  const { boot_id } = seen;
  const spec = marked?.mark?.spec ?? null;
  return { agent: name, socket, server: { pid, start }, id, created, spec, boot_id, done: false, plan: ctx.planId };
}

/** Layout mosaic: fleet had begun to start it, its unit is active, and it was made after that. */
function startedSince(ctx: FindContext, seen: Observed, session: TmuxSession, meant: OwnedRecord | undefined): boolean {
  if (ctx.launcher || meant === undefined || meant.state !== 'intended') return false;
  const active = unitSeen(seen, ctx.layout.agentUnit(session.name))?.active_state === 'active';
  return active && session.created >= Math.floor(Date.parse(meant.since) / 1000);
}
