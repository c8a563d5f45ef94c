/** Absent, running or unknown: from what tmux answered and who listens, which must agree. */
import { dirname } from 'node:path';
import type { LiveServer, Source, Unknown } from '../state.ts';
import type { ServerAnswer } from './ask-servers.ts';

type Listed = Extract<ServerAnswer, { kind: 'listed' }>;

export type Judged =
  | { readonly state: 'absent' }
  | { readonly state: 'running'; readonly listed: Listed }
  | { readonly state: 'unknown'; readonly unknown: Unknown };

/** What is asked of the host only where it matters. */
export interface HostQuestions {
  /** Whether the process is a live one of this user in the process table; null where there is no table. */
  readonly isOwn: (pid: number) => boolean | null;
  /** Of the process that answered, where it is not known who listens: why another server may listen as well, or null. */
  readonly otherMayListen: (pid: number) => Unknown | null;
  /** Of one that listens where nobody answers: whether it has a socket by that path which is not what we have there. */
  readonly seesAnother: (pid: number) => boolean;
}

/** `listening`: live servers of this user on the path, one for each listening socket. */
export function judgeServer(
  path: string,
  answer: ServerAnswer,
  listening: Source<readonly LiveServer[]>,
  host: HostQuestions,
): Judged {
  const servers = listening.status === 'known' ? listening.value : [];
  if (servers.length > 1) return unknown('split-brain', describeServers(path, servers, answer));
  switch (answer.kind) {
    case 'unknown':
      return { state: 'unknown', unknown: answer.unknown };
    case 'no-answer':
      return judgeSilence(path, answer.detail, listening, host);
    case 'listed':
      return judgeAnswer(path, answer, listening, host);
  }
}

function judgeAnswer(
  path: string,
  listed: Listed,
  listening: Source<readonly LiveServer[]>,
  { isOwn, otherMayListen }: HostQuestions,
): Judged {
  const { pid } = listed;
  if (isOwn(pid) === false) {
    const detail = `the server on ${path} says that it is process ${pid}, which is no process of this user here`;
    return unknown('garbage', detail);
  }
  if (listening.status === 'unknown') {
    const other = otherMayListen(pid);
    if (other === null) return { state: 'running', listed };
    const answers = `a tmux server answers on ${path}: ${describeServer(pid, listed)}`;
    return unknown(other.why, `${answers}; another one may listen there: ${other.detail}`);
  }
  const [first] = listening.value;
  // Nobody listens on this spelling of the path: it was started under another one.
  if (first === undefined || first.pid === pid) return { state: 'running', listed };
  const taken = `the socket of ${pid} was put in the place of that of ${first.pid}`;
  const again = `${first.pid} makes its own again at: kill -USR1 ${first.pid}`;
  return unknown('split-brain', `${describeServers(path, listening.value, listed)}: ${taken}; ${again}`);
}

/** Nobody answers: absent only where also nobody listens. */
function judgeSilence(
  path: string,
  detail: string,
  listening: Source<readonly LiveServer[]>,
  { seesAnother }: HostQuestions,
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
  const each = [...pids].map((pid) => describeServer(pid, listed));
  return `${pids.size} live tmux servers for ${path}: ${each.join(', ')}`;
}

function describeServer(pid: number, listed: Listed | null): string {
  if (listed?.pid !== pid) return `${pid} (cannot be reached)`;
  const names = listed.sessions.map((session) => JSON.stringify(session.name));
  return `${pid} (answers; sessions ${names.join(', ') || 'none'})`;
}

function unknown(why: Unknown['why'], detail: string): Judged {
  return { state: 'unknown', unknown: { status: 'unknown', why, detail } };
}
