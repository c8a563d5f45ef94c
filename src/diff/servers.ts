/** The rows on tmux servers: one server a socket, never a second one, never ended. */
import type { LiveServer, TmuxServerObserved } from '../observe/state.ts';
import type { SocketName } from '../spec/model.ts';
import { tmuxCommand } from './command-line.ts';
import { holderCovers, type PlanContext, serverOf, socketsInUse, unitOf } from './context.ts';
import { elsewhere } from './elsewhere.ts';
import { blocked, type Compare, change, changed, type Finding, unobserved, warning } from './finding.ts';
import { inTransition, isMasked, isMissing, writesUnit } from './unit-gate.ts';
import { leftAlone, whoseUnit } from './whose-files.ts';

export const compareServers: Compare = (ctx) => socketsInUse(ctx).flatMap((socket) => compareServer(ctx, socket));

/** Nothing where tmux could not be asked, or not about that socket: its sessions say so. */
function compareServer(ctx: PlanContext, socket: SocketName): readonly Finding[] {
  const seen = serverOf(ctx, socket);
  if (seen === undefined) return [];
  const cgroups = ctx.systemd ? seen.listening.flatMap((live) => foreignCgroup(ctx, seen, live)) : [];
  switch (seen.server.state) {
    case 'unknown':
      return [...cgroups, ...compareUnknown(ctx, seen, seen.server)];
    case 'absent':
      return holderCovers(ctx, socket) && isNeeded(ctx, socket) ? serverMissing(ctx, seen) : [];
    case 'running':
      return [...cgroups, ...(holderCovers(ctx, socket) ? holderMissing(ctx, seen, seen.server) : [])];
  }
}

/** A server is there, or this plan starts one; else a session that is started would have to bring its own. */
export function serverWillRun(ctx: PlanContext, socket: SocketName): boolean {
  if (serverOf(ctx, socket)?.server.state !== 'absent' || !holderCovers(ctx, socket)) return true;
  return compareServer(ctx, socket).some((finding) => finding.bucket === 'change');
}

function compareUnknown(
  ctx: PlanContext,
  seen: TmuxServerObserved,
  state: { readonly why: string; readonly detail: string },
): readonly Finding[] {
  if (state.why === 'split-brain') {
    const evidence = seen.listening.map(
      (l) => `server pid ${l.pid} listens on ${seen.path} (cgroup ${l.cgroup ?? '?'})`,
    );
    const pids = seen.listening.map((l) => l.pid).join(',');
    const remedy = `end the one without agents by its pid; which runs what shows: ps -o pid,ppid,args --ppid ${pids}`;
    const what = {
      reason: 'split-brain',
      guard: 'split-brain',
      evidence: [...evidence, state.detail],
      remedy,
    } as const;
    return [blocked(ctx, 'tmux-server', seen.socket, null, what)];
  }
  const [only, ...more] = seen.listening;
  if (state.why === 'socket-deleted' && only !== undefined && more.length === 0) {
    const signal = change(ctx, 'tmux-server', seen.socket, null, {
      action: 'signal',
      reason: 'socket-deleted',
      stage: 4,
      before: { socket_file: 'missing', server_pid: only.pid },
      after: { socket_file: 'present', server_pid: only.pid },
      evidence: [`server pid ${only.pid} lives, its socket file ${seen.path} is gone`, state.detail],
      precondition: { process: { pid: only.pid, start_time: only.start_time } },
      replan: true,
    });
    return [changed(signal)];
  }
  return [unobserved(ctx, 'tmux-server', seen.socket, null, state.why, state.detail)];
}

/** Not where no agent of the socket would be started, nor where every one of them lives or may live in another place: a server would be made for nobody. */
function isNeeded(ctx: PlanContext, socket: SocketName): boolean {
  const agents = ctx.agents.filter((a) => a.state === 'running' && a.manage === 'enforce' && a.socket === socket);
  return agents.some((agent) => elsewhere(ctx, agent).kind === 'nowhere');
}

function serverMissing(ctx: PlanContext, seen: TmuxServerObserved): readonly Finding[] {
  const evidence = [`no tmux server listens on ${seen.path}`];
  const views = { before: { state: 'absent' }, after: { state: 'running' } };
  const start = change(ctx, 'tmux-server', seen.socket, null, {
    action: 'start',
    reason: 'server-missing',
    stage: 4,
    ...views,
    evidence,
    precondition: { server: null },
  });
  if (!ctx.systemd) return [changed(start)];
  const name = ctx.layout.holderUnit;
  const unit = unitOf(ctx, name);
  if (unit === undefined) {
    return [
      unobserved(
        ctx,
        'tmux-server',
        seen.socket,
        null,
        'unobserved',
        `server missing, left alone: ${name} was not observed`,
      ),
    ];
  }
  // Told by the holder unit's own row.
  if (isMasked(unit) || inTransition(unit)) return [];
  const whose = whoseUnit(ctx, name);
  if (whose.state !== 'ours') {
    const what = { kind: 'tmux-server', name: seen.socket, agent: null, reason: 'server-missing', evidence } as const;
    return [leftAlone(ctx, what, whose)];
  }
  if (isMissing(unit) && !writesUnit(ctx, name)) return [];
  if (unit.active_state !== 'active') return [changed(start)];
  // A unit that is ours stops nothing (KillMode=process, no ExecStop), and may keep the servers of several sockets.
  const inside = ctx.layout.ownsUnitFiles ? [] : serversIn(ctx, name);
  if (inside.length > 0) {
    const [kept] = inside;
    const look = tmuxCommand(kept ?? 'default', 'list-sessions');
    const remedy = `set \`tmux: { socket_name: ${kept} }\` in ${ctx.roster.path}, or end that server; who works there shows: ${look}`;
    const seenInside = inside.map((s) => `${name} keeps the live server of socket ${s}: restarting it could end that`);
    const what = {
      reason: 'server-missing',
      guard: 'server-in-unit',
      evidence: [...evidence, ...seenInside],
      remedy,
    } as const;
    return [blocked(ctx, 'tmux-server', seen.socket, null, what)];
  }
  const again = `${name} is active (exited): it once ran, its server is gone`;
  return [changed({ ...start, action: 'restart', evidence: [...evidence, again] })];
}

/** Sockets of live servers in the cgroup of a unit. */
function serversIn(ctx: PlanContext, unit: string): readonly string[] {
  const { tmux } = ctx.observed.sources;
  const servers = tmux.status === 'known' ? tmux.value.servers : [];
  return servers.filter((s) => s.listening.some((l) => l.cgroup?.endsWith(`/${unit}`) === true)).map((s) => s.socket);
}

function holderMissing(
  ctx: PlanContext,
  seen: TmuxServerObserved,
  server: Extract<TmuxServerObserved['server'], { state: 'running' }>,
): readonly Finding[] {
  const holder = ctx.roster.tmux.holderSession;
  if (server.sessions.some((s) => s.name === holder)) return [];
  const create = change(ctx, 'tmux-server', seen.socket, null, {
    action: 'create',
    reason: 'holder-missing',
    stage: 4,
    before: { holder_session: null },
    after: { holder_session: holder },
    evidence: [`server pid ${server.pid} has no session ${holder}: it would end with its last other session`],
    precondition: { server: { socket: seen.socket, pid: server.pid, start: server.start } },
  });
  return [changed(create)];
}

/** A server ends with the cgroup it was started in: told, and never moved by itself. */
function foreignCgroup(ctx: PlanContext, seen: TmuxServerObserved, live: LiveServer): readonly Finding[] {
  const { cgroup } = live;
  const unit = cgroup?.split('/').findLast((part) => part.endsWith('.service') || part.endsWith('.scope'));
  if (unit === undefined || unit === ctx.layout.holderUnit) return [];
  // tmux 3.4 and later give panes, and servers started by hand, scopes of their own; the user manager itself holds nothing.
  if (unit.startsWith('tmux-spawn-') || /^user@\d+\.service$/.test(unit) || unit === 'init.scope') return [];
  const agent = ctx.layout.agentOfUnit(unit);
  const evidence = [`server pid ${live.pid} lives in ${cgroup ?? '?'}`];
  if (agent !== null) {
    const more = `stopping or restarting ${unit} is blocked: it would end every session of that server`;
    return [warning(ctx, 'tmux-server', seen.socket, null, 'server-in-unit', [...evidence, more])];
  }
  return [
    warning(ctx, 'tmux-server', seen.socket, null, 'server-in-foreign-cgroup', [...evidence, `it ends with ${unit}`]),
  ];
}
