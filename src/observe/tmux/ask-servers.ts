/** Asks every tmux server of this user that matters for its sessions and panes: one child for each, all at once. */

import { newNonce } from '../nonce.ts';
import type { Source, Unknown } from '../state.ts';
import { askTmux, type ServerAddress, type TmuxPorts } from './client.ts';
import { withoutLeftOvers } from './left-overs.ts';
import { type ListeningSockets, readListeningSockets } from './listeners.ts';
import { isWhole, parseListing, renderListing } from './listing.ts';
import { type ListedSession, readMark } from './listing-row.ts';
import { parseOwnOptions, renderOwnOptions } from './screens.ts';
import { readSocketDirectory, type SocketDirectory } from './socket-directory.ts';

export interface AskRequest {
  /** Names of sockets to ask in any case, `default` for the default server. */
  readonly sockets: readonly string[];
  /** Ask those alone; else also every other one of the directory that somebody may listen on, its file there or not. */
  readonly only: boolean;
  readonly tmuxTmpdir: string | undefined;
  readonly uid: number;
  readonly deadlineMs: number;
  readonly procRoot: string;
}

export interface AskedServer extends ServerAddress {
  readonly answer: ServerAnswer;
}

export type ServerAnswer =
  | {
      readonly kind: 'listed';
      readonly pid: number;
      /** Unix seconds. */
      readonly start: number;
      readonly version: string;
      readonly sessions: readonly ListedSession[];
    }
  /** There is no socket to connect to, or tmux said that nobody answers there. Live servers may be there all the same. */
  | { readonly kind: 'no-answer'; readonly detail: string }
  | { readonly kind: 'unknown'; readonly unknown: Unknown };

export async function askServers(request: AskRequest, ports: TmuxPorts): Promise<readonly AskedServer[]> {
  const directory = readSocketDirectory(request.tmuxTmpdir, request.uid);
  const names = new Set(request.sockets);
  if (!request.only) {
    const listening = readListeningSockets(request.procRoot, null, request.uid);
    for (const name of await otherSockets(directory, listening, names)) names.add(name);
  }
  return askEach(names, directory, request, ports);
}

/**
 * Servers of the directory that listen and are not among `asked`: those of another network namespace, which only the
 * process table leads to, and those that came since.
 */
export async function askOverlooked(
  asked: readonly AskedServer[],
  listening: ListeningSockets,
  request: AskRequest,
  ports: TmuxPorts,
): Promise<readonly AskedServer[]> {
  const directory = readSocketDirectory(request.tmuxTmpdir, request.uid);
  const known = new Set(asked.map(({ socket }) => socket));
  const names = socketsIn(directory, listening).filter((name) => !known.has(name));
  return askEach(new Set(names), directory, request, ports);
}

function askEach(
  names: ReadonlySet<string>,
  directory: SocketDirectory,
  request: AskRequest,
  ports: TmuxPorts,
): Promise<readonly AskedServer[]> {
  return Promise.all([...names].map((socket) => askOne(socket, directory, request.deadlineMs, ports)));
}

/**
 * Files that nobody listens on are left-overs; where that cannot be told, all are asked. A server whose file is gone (as
 * what tidies /tmp takes it away) keeps its sessions: only the kernel still knows of it. `asked` are asked in any case.
 */
async function otherSockets(
  directory: SocketDirectory,
  listening: Source<ListeningSockets>,
  asked: ReadonlySet<string>,
): Promise<readonly string[]> {
  const files = directory.sockets.state === 'listed' ? [...directory.sockets.names].sort() : [];
  if (listening.status === 'unknown') return files;
  const listed = socketsIn(directory, listening.value);
  const known = new Set([...asked, ...listed]);
  const unlisted = files.filter((name) => !known.has(name));
  return [...listed, ...(await withoutLeftOvers(directory.path, unlisted))];
}

function socketsIn(directory: SocketDirectory, listening: ListeningSockets): readonly string[] {
  const inside = `${directory.path}/`;
  const names = [...listening.keys()].filter((path) => path.startsWith(inside)).map((p) => p.slice(inside.length));
  return names.filter((name) => name !== '' && !name.includes('/')).sort();
}

async function askOne(
  socket: string,
  directory: SocketDirectory,
  deadlineMs: number,
  ports: TmuxPorts,
): Promise<AskedServer> {
  const address = { socket, path: `${directory.path}/${socket}`, base: directory.base };
  const { sockets } = directory;
  if (sockets.state === 'unknown') return { ...address, answer: { kind: 'unknown', unknown: sockets.unknown } };
  if (sockets.state === 'listed' && sockets.directories.has(socket)) {
    const detail = `${address.path} is a directory, no socket; move it away`;
    return { ...address, answer: { kind: 'unknown', unknown: { status: 'unknown', why: 'not-regular', detail } } };
  }
  if (sockets.state === 'absent' || !sockets.names.has(socket)) {
    return { ...address, answer: { kind: 'no-answer', detail: `there is no socket ${address.path}` } };
  }
  return { ...address, answer: await listServer(address, deadlineMs, ports) };
}

async function listServer(address: ServerAddress, deadlineMs: number, ports: TmuxPorts): Promise<ServerAnswer> {
  const nonce = newNonce();
  const answer = await askTmux(address, renderListing(nonce), isWhole(nonce), deadlineMs, ports);
  if (answer.kind === 'said-absent') return { kind: 'no-answer', detail: answer.detail };
  if (answer.kind === 'unknown') return answer;
  const listing = parseListing(answer.stdout, nonce, ports.lastLook?.server(address.path).rows);
  if (listing === null) return garbage('the list of panes cannot be read');
  const { pid, start, version, sessions } = listing;
  const listed = { kind: 'listed', pid, start, version, sessions } as const;
  return listing.marksInherited ? withOwnMarks(address, listed, deadlineMs, ports) : listed;
}

/** Reads each session's own options where the listing could not tell them from inherited ones. */
async function withOwnMarks(
  address: ServerAddress,
  listed: Extract<ServerAnswer, { kind: 'listed' }>,
  deadlineMs: number,
  ports: TmuxPorts,
): Promise<ServerAnswer> {
  const nonce = newNonce();
  const script = renderOwnOptions(
    listed.sessions.map((session) => session.id),
    nonce,
  );
  const answer = await askTmux(address, script, isWhole(nonce), deadlineMs, ports);
  if (answer.kind === 'unknown') return answer;
  const options = answer.kind === 'answer' ? parseOwnOptions(answer.stdout, nonce) : null;
  if (options === null) return garbage('the sessions marks cannot be read');
  const sessions = listed.sessions.map((session) => {
    const own = options.get(session.id);
    const identity = { pid: listed.pid, id: session.id, created: session.created };
    return { ...session, mark: own === undefined ? null : readMark(own, identity) };
  });
  return { ...listed, sessions };
}

function garbage(detail: string): ServerAnswer {
  return { kind: 'unknown', unknown: { status: 'unknown', why: 'garbage', detail } };
}
