/**
 * Sessions of one observation by name, by mark and by identity, so that a plan for a thousand agents looks each up and
 * scans none.
 */

import type { Observed, TmuxPane, TmuxServerObserved, TmuxSession } from '../observe/state.ts';
import { onceOf } from '../spec/kept.ts';
import type { RememberedSession } from './policy.ts';

export interface PlacedSession {
  readonly socket: string;
  readonly session: TmuxSession;
  /** Where it is by one pane of that session that it is known, and not by the session. */
  readonly pane?: TmuxPane;
}

interface SessionIndex {
  /** By socket, then by name. */
  readonly here: ReadonlyMap<string, ReadonlyMap<string, TmuxSession>>;
  /** By the agent that the mark names, whoever owns it, and by name: in the order of the observation. */
  readonly related: ReadonlyMap<string, readonly PlacedSession[]>;
}

/** By what no rename changes. A socket may be there under two names: then there are two places of one session. */
type IdentifiedSessions = ReadonlyMap<string, readonly PlacedSession[]>;

export function sessionNamed(observed: Observed, socket: string, name: string): TmuxSession | undefined {
  return indexOf(observed).here.get(socket)?.get(name);
}

/** Every session that bears this name, or a mark that does. */
export function sessionsRelated(observed: Observed, name: string): readonly PlacedSession[] {
  return indexOf(observed).related.get(name) ?? [];
}

/** The very session that a record is of, whatever its name is by now. */
export function sessionsRecorded(observed: Observed, record: RememberedSession): readonly PlacedSession[] {
  return identified(observed).get(identity(record.server, record)) ?? [];
}

type Identified = Pick<RememberedSession, 'id' | 'created'>;

/** Ids start again with each server, so the server's own identity is part of it. */
function identity({ pid, start }: RememberedSession['server'], { id, created }: Identified): string {
  return `${pid}/${start}/${id}/${created}`;
}

export function sameIdentity(a: RememberedSession, b: RememberedSession): boolean {
  return identity(a.server, a) === identity(b.server, b);
}

const indexOf = onceOf(build);
/** Asked for by few plans. */
const identified = onceOf(identify);

function add(index: Map<string, PlacedSession[]>, key: string, placed: PlacedSession): void {
  const places = index.get(key);
  if (places === undefined) index.set(key, [placed]);
  else places.push(placed);
}

function serversIn({ sources: { tmux } }: Observed): readonly TmuxServerObserved[] {
  return tmux.status === 'known' ? tmux.value.servers : [];
}

function identify(observed: Observed): IdentifiedSessions {
  const index = new Map<string, PlacedSession[]>();
  for (const { socket, server } of serversIn(observed)) {
    if (server.state !== 'running') continue;
    for (const session of server.sessions) add(index, identity(server, session), { socket, session });
  }
  return index;
}

function build(observed: Observed): SessionIndex {
  const here = new Map<string, Map<string, TmuxSession>>();
  const related = new Map<string, PlacedSession[]>();
  for (const { socket, server } of serversIn(observed)) {
    const named = here.get(socket) ?? new Map<string, TmuxSession>();
    here.set(socket, named);
    if (server.state !== 'running') continue;
    for (const session of server.sessions) {
      const placed = { socket, session };
      named.set(session.name, session);
      add(related, session.name, placed);
      const marked = session.mark?.agent ?? session.name;
      if (marked !== session.name) add(related, marked, placed);
    }
  }
  return { here, related };
}
