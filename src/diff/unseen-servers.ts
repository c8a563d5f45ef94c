/** Where sessions may be that were not seen. Unknown is not absent: who looks for one everywhere asks here first. */
import type { TmuxObserved, UnknownCode } from '../observe/state.ts';

export interface UnseenServers {
  readonly why: UnknownCode;
  /** What could not be looked into, for evidence. */
  readonly place: string;
  readonly detail: string;
}

/** The first server that could not be asked, else that others could not be looked for; null where all were seen. */
export function unseenServers({ servers, unseen_servers: others }: TmuxObserved): UnseenServers | null {
  for (const { socket, server } of servers) {
    if (server.state === 'unknown') return { why: server.why, place: `tmux socket ${socket}`, detail: server.detail };
  }
  return others === null ? null : { why: others.why, place: 'a tmux server not known of', detail: others.detail };
}
