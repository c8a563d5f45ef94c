/** Looking things up in one observation. `undefined` is always "not looked at or not readable", never "not there". */

import type { ServerIdentity, SessionIdentity } from '../diff/plan.ts';
import { sessionNamed } from '../diff/session-index.ts';
import type { Observed, TmuxServerObserved, TmuxSession, UnitObserved } from '../observe/state.ts';
import type { SocketName } from '../spec/model.ts';

/** How a socket is written in addresses and in the observed document. */
export function socketLabel(socket: SocketName): string {
  return socket ?? 'default';
}

export function serverSeen(seen: Observed, socket: string): TmuxServerObserved | undefined {
  const { tmux } = seen.sources;
  return tmux.status === 'known' ? tmux.value.servers.find((s) => s.socket === socket) : undefined;
}

export function unitSeen(seen: Observed, unit: string): UnitObserved | undefined {
  const { units } = seen.sources;
  return units.status === 'known' ? units.value.units[unit] : undefined;
}

export type SessionSeen =
  | { readonly state: 'unknown'; readonly detail: string }
  | { readonly state: 'absent' }
  | { readonly state: 'present'; readonly server: ServerIdentity; readonly session: TmuxSession };

export function sessionSeen(seen: Observed, socket: string, name: string): SessionSeen {
  const { tmux } = seen.sources;
  if (tmux.status === 'unknown') return { state: 'unknown', detail: `tmux: ${tmux.detail} (${tmux.why})` };
  const found = serverSeen(seen, socket);
  if (found === undefined) return { state: 'unknown', detail: `tmux socket ${socket} was not looked at` };
  const { server } = found;
  switch (server.state) {
    case 'unknown':
      return { state: 'unknown', detail: `tmux socket ${socket}: ${server.detail} (${server.why})` };
    case 'absent':
      return { state: 'absent' };
    case 'running': {
      const session = sessionNamed(seen, socket, name);
      if (session === undefined) return { state: 'absent' };
      return { state: 'present', server: { socket, pid: server.pid, start: server.start }, session };
    }
  }
}

export function sameServer(a: ServerIdentity, b: ServerIdentity): boolean {
  return a.socket === b.socket && a.pid === b.pid && a.start === b.start;
}

/** The very session, not one of the same name that came after it. */
export function sameSession(identity: SessionIdentity, server: ServerIdentity, session: TmuxSession): boolean {
  return sameServer(identity.server, server) && identity.id === session.id && identity.created === session.created;
}

/** That very session, whatever its name is by now. */
export function sessionOf(seen: Observed, identity: SessionIdentity): TmuxSession | undefined {
  const { socket } = identity.server;
  const server = serverSeen(seen, socket)?.server;
  if (server?.state !== 'running') return undefined;
  return server.sessions.find((s) => sameSession(identity, { socket, pid: server.pid, start: server.start }, s));
}
