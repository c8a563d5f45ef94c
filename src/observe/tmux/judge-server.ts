/** Absent, running or unknown: from what tmux answered and who listens, which must agree. */
import { dirname } from 'node:path';
import type { LiveServer, Source, Unknown } from '../state.ts';
import type { ServerAnswer } from './ask-servers.ts';

type Listed = Extract<ServerAnswer, { kind: 'listed' }>;

export type Judged =
  | { readonly state: 'absent' }
  | { readonly state: 'running'; readonly listed: Listed }
  | { readonly state: 'unknown'; readonly unknown: Unknown };

/**
 * `listening`: live servers of this user on the path, one for each listening socket. `answering` says of the process
 * that answered whether it is a live one of this user in the process table; null where there is no table. `seesAnother`
 * says of one that listens whether it has a socket by that path which is not what we have there: asked only where nobody
 * answers.
 */
export function judgeServer(
  path: string,
  answer: ServerAnswer,
  listening: Source<readonly LiveServer[]>,
  answering: (pid: number) => boolean | null,
  seesAnother: (pid: number) => boolean,
): Judged {
  const servers = listening.status === 'known' ? listening.value : [];
  if (servers.length > 1) return unknown('split-brain', describeServers(path, servers, answer));
  switch (answer.kind) {
    case 'unknown':
      return { state: 'unknown', unknown: answer.unknown };
    case 'no-answer':
      return judgeSilence(path, answer.detail, listening, seesAnother);
    case 'listed': {
      if (answering(answer.pid) === false) {
        const detail = `the server on ${path} says that it is process ${answer.pid}, which is no process of this user here`;
        return unknown('garbage', detail);
      }
      const [first] = servers;
      // Nobody listens on this spelling of the path: it was started under another one.
      if (first === undefined || first.pid === answer.pid) return { state: 'running', listed: answer };
      const taken = `the socket of ${answer.pid} was put in the place of that of ${first.pid}`;
      const again = `${first.pid} makes its own again at: kill -USR1 ${first.pid}`;
      return unknown('split-brain', `${describeServers(path, servers, answer)}: ${taken}; ${again}`);
    }
  }
}

/** Nobody answers: absent only where also nobody listens. */
function judgeSilence(
  path: string,
  detail: string,
  listening: Source<readonly LiveServer[]>,
  seesAnother: (pid: number) => boolean,
): Judged {
  if (listening.status === 'unknown') {
    return unknown(listening.why, `${detail}; whether a server lives all the same cannot be told: ${listening.detail}`);
  }
  const server = listening.value[0];
  if (server === undefined) return { state: 'absent' };
  if (seesAnother(server.pid)) {
    // It would make its socket again where we do not see it.
    const apart = `tmux server ${server.pid} sees another ${dirname(path)} than fleet does, and has its socket there`;
    const help = 'start it where its files are those of everybody (PrivateTmp=no in its unit)';
    return unknown('denied', `${apart} (${detail}): it has a mount namespace of its own; ${help}`);
  }
  const gone = `tmux server ${server.pid} lives, but its socket ${path} is gone (${detail})`;
  return unknown('socket-deleted', `${gone}; it makes it again at: kill -USR1 ${server.pid}`);
}

function describeServers(path: string, servers: readonly LiveServer[], answer: ServerAnswer): string {
  const listed = answer.kind === 'listed' ? answer : null;
  const pids = new Set([...servers.map(({ pid }) => pid), ...(listed === null ? [] : [listed.pid])]);
  const each = [...pids].map((pid) => {
    if (listed?.pid !== pid) return `${pid} (cannot be reached)`;
    const names = listed.sessions.map((session) => JSON.stringify(session.name));
    return `${pid} (answers; sessions ${names.join(', ') || 'none'})`;
  });
  return `${pids.size} live tmux servers for ${path}: ${each.join(', ')}`;
}

function unknown(why: Unknown['why'], detail: string): Judged {
  return { state: 'unknown', unknown: { status: 'unknown', why, detail } };
}
