/** Stopping or restarting a unit whose cgroup holds a tmux server would end every session of it. */
import { fleetCommand, moveServer } from '../../diff/command-line.ts';
import type { Observed, TmuxServerObserved } from '../../observe/state.ts';
import type { EffectContext } from '../context.ts';
import { type Failure, failure } from '../outcome.ts';
import { socketLabel } from '../seen.ts';

type SafetyContext = Pick<EffectContext, 'layout' | 'roster' | 'agents'>;

/** For stop and restart of any unit. Null where it is safe; servers that could not be looked at are not safe. */
export function unitHoldsServer(ctx: SafetyContext, seen: Observed, unit: string): Failure | null {
  const servers = serversSeen(seen);
  if ('code' in servers) return servers;
  if (unit === ctx.layout.holderUnit) {
    const sockets = new Set([ctx.roster.tmux.socketName, ...ctx.agents.map((a) => a.socket)].map(socketLabel));
    const alive = servers.find((s) => sockets.has(s.socket) && lives(s));
    if (alive !== undefined) return serverAlive(ctx, alive);
  }
  return holdsAny(ctx, servers, unit);
}

/**
 * For start and restart of the holder unit because the server of `socket` is missing. In layout fleet the unit keeps
 * the servers of several sockets; it is fleet's own (KillMode=process, no ExecStop), so those of the others live on.
 */
export function holderMayRestart(ctx: SafetyContext, seen: Observed, socket: string): Failure | null {
  const servers = serversSeen(seen);
  if ('code' in servers) return servers;
  const alive = servers.find((s) => s.socket === socket && lives(s));
  if (alive !== undefined) return serverAlive(ctx, alive);
  return ctx.layout.ownsUnitFiles ? null : holdsAny(ctx, servers, ctx.layout.holderUnit);
}

function serversSeen(seen: Observed): readonly TmuxServerObserved[] | Failure {
  const { tmux } = seen.sources;
  if (tmux.status === 'known') return tmux.value.servers;
  return failure('unobserved', 'Where the tmux server lives could not be read', tmux.detail);
}

/** Not only what answers: a server whose socket is gone lives too. */
function lives(server: TmuxServerObserved): boolean {
  return server.listening.length > 0 || server.server.state !== 'absent';
}

function serverAlive(ctx: SafetyContext, server: TmuxServerObserved): Failure {
  const detail = `the server of ${server.path} lives, or cannot be told to be gone`;
  return failure(
    'server-alive',
    'The holder unit is left alone while its server lives',
    detail,
    `look again: ${fleetCommand(ctx.roster, 'plan')}`,
  );
}

function holdsAny(ctx: SafetyContext, servers: readonly TmuxServerObserved[], unit: string): Failure | null {
  for (const server of servers) {
    const inside = server.listening.find((s) => holds(s.cgroup, unit));
    if (inside === undefined) continue;
    const detail = `tmux server ${inside.pid} (${server.path}) lives in ${unit}: stopping it would end every session`;
    const remedy = moveServer(ctx, server.socket);
    return failure('server-in-unit', 'The tmux server lives in this unit', detail, remedy);
  }
  return null;
}

/** The dash of an instance is escaped in its slice's name; the unit's own name keeps it. Both are looked for. Null is no path, and holds none. */
function holds(cgroup: string | null, unit: string): boolean {
  return `${cgroup}/`.replaceAll('\\x2d', '-').includes(`/${unit}/`);
}
