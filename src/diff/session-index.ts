/** Sessions of one observation by name and by mark, so that a plan for a thousand agents looks each up and scans none. */
import type { Observed, TmuxServerObserved, TmuxSession } from '../observe/state.ts';

export interface PlacedSession {
  readonly socket: string;
  readonly session: TmuxSession;
}

interface SessionIndex {
  /** By socket, then by name. */
  readonly here: ReadonlyMap<string, ReadonlyMap<string, TmuxSession>>;
  /** By the agent that the mark names, whoever owns it, and by name: in the order of the observation. */
  readonly related: ReadonlyMap<string, readonly PlacedSession[]>;
}

const indexes = new WeakMap<Observed, SessionIndex>();

export function sessionNamed(observed: Observed, socket: string, name: string): TmuxSession | undefined {
  return indexOf(observed).here.get(socket)?.get(name);
}

/** Every session that bears this name, or a mark that does. */
export function sessionsRelated(observed: Observed, name: string): readonly PlacedSession[] {
  return indexOf(observed).related.get(name) ?? [];
}

function indexOf(observed: Observed): SessionIndex {
  const known = indexes.get(observed) ?? build(observed);
  indexes.set(observed, known);
  return known;
}

function build(observed: Observed): SessionIndex {
  const { tmux } = observed.sources;
  const servers: readonly TmuxServerObserved[] = tmux.status === 'known' ? tmux.value.servers : [];
  const here = new Map<string, Map<string, TmuxSession>>();
  const related = new Map<string, PlacedSession[]>();
  for (const { socket, server } of servers) {
    const named = here.get(socket) ?? new Map<string, TmuxSession>();
    here.set(socket, named);
    for (const session of server.state === 'running' ? server.sessions : []) {
      named.set(session.name, session);
      for (const name of new Set([session.name, session.mark?.agent ?? session.name])) {
        const places = related.get(name);
        if (places === undefined) related.set(name, [{ socket, session }]);
        else places.push({ socket, session });
      }
    }
  }
  return { here, related };
}
