/** One look at the tmux servers and at what runs in their panes. */
import type { RuntimeSpec } from '../../spec/model.ts';
import type { KnownServer } from '../last-look.ts';
import { newNonce } from '../nonce.ts';
import { type ProcessDetails, readProcessDetails } from '../proc/details.ts';
import type { KnownProcesses } from '../proc/known.ts';
import type { PathLookup } from '../proc/paths.ts';
import { recognise } from '../proc/recognise.ts';
import { type ProcessTable, readProcessTable } from '../proc/table.ts';
import type { LiveServer, PaneRuns, Source, TmuxObserved, TmuxServerObserved, TmuxSession, Unknown } from '../state.ts';
import { type AskedServer, type AskRequest, askOverlooked, askServers, type ServerAnswer } from './ask-servers.ts';
import { askTmux, type ServerAddress, type TmuxPorts } from './client.ts';
import { type HostQuestions, type Judged, judgeServer } from './judge-server.ts';
import { findServers, type ListeningSockets, liveServer, otherMayListen, readListeningSockets } from './listeners.ts';
import { isWhole } from './listing.ts';
import type { ListedPane, ListedSession } from './listing-row.ts';
import { seesAnotherSocket } from './mount-view.ts';
import { parseScreens, renderScreens } from './screens.ts';
import { readSocketDirectory } from './socket-directory.ts';
import { promptRuntime, type Screens, type SeenSession, toSession } from './to-session.ts';

export interface LookRequest extends AskRequest {
  readonly runtimes: Readonly<Record<string, RuntimeSpec>>;
  readonly home: string;
  /** The variable that names an agent to its runtime. */
  readonly nameVariable: string;
  /** Whether it matters what runs in this session; null: it does in each. */
  readonly looksInto: ((session: ListedSession) => boolean) | null;
  /** Agents: prompts on the screens of sessions of their name or mark matter. */
  readonly prompts: ReadonlySet<string>;
}

export interface LookPorts extends TmuxPorts {
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly paths: PathLookup;
  /** Shared over several looks of one process; without it everything is read anew. */
  readonly known?: KnownProcesses;
}

export interface Looked {
  readonly servers: readonly LookedServer[];
  /** Read after the servers were asked: every pane's process that still lives is in it. */
  readonly table: Source<ProcessTable>;
  readonly details: ProcessDetails;
  readonly elsewhere: TmuxObserved['elsewhere'];
  /** Who listens could not be read: servers that nobody named may live unseen. */
  readonly unseen: Unknown | null;
  /** Processes of this user that bear tmux's name. */
  readonly named: TmuxObserved['server_processes'];
}

export interface LookedServer {
  readonly version: string | null;
  readonly observed: TmuxServerObserved;
}

export async function look(request: LookRequest, ports: LookPorts): Promise<Looked> {
  const { asked, table, sockets } = await askAll(request, ports);
  const fresh = readProcessDetails(request.procRoot);
  const details = table.status === 'known' ? (ports.known?.over(fresh, table.value, ports.now()) ?? fresh) : fresh;
  const listeners = listenersBy(sockets, table, request);
  const host = hostQuestions(sockets, table, request);
  const runsOf = (pane: ListedPane): PaneRuns => {
    if (table.status === 'unknown') return { verdict: 'unknown', why: table.why, detail: table.detail };
    return recognise(pane, table.value, details, ports.paths, request.runtimes, request.home);
  };
  const servers = await Promise.all(
    asked.map(async (server): Promise<LookedServer> => {
      const listening = listeners(server.path);
      const judged = judgeServer(server.path, server.answer, listening, host(server.path));
      const all = withAnswering(listening, server.answer, judged, table, request);
      if (judged.state !== 'running') return { version: null, observed: describe(server, all, judged) };
      const seen = seenSessions(judged.listed.sessions, request.looksInto, runsOf);
      const screens = await readScreens(server, seen, request, ports);
      const { socket, path } = server;
      const state =
        screens.status === 'unknown'
          ? unknownState(screens)
          : running(judged, inheritedName(details, judged.listed.pid, request), {
              seen,
              screens: screens.value,
              before: ports.lastLook?.server(path),
            });
      return { version: judged.listed.version, observed: { socket, path, listening: all, server: state } };
    }),
  );
  // Who listens on a path that nobody asked for may be another user in a namespace of his own: then nothing is there.
  const isNamed = ({ observed }: LookedServer) => request.sockets.includes(observed.socket);
  const there = servers.filter(
    (server, at) =>
      isNamed(server) || (server.observed.server.state !== 'absent' && !isToldIn(servers.slice(0, at), server)),
  );
  const named = tmuxProcesses(table, request.uid);
  return { servers: there, table, details, ...serversElsewhere(sockets, table, request), named };
}

/** Nix calls tmux `.tmux-wrapped`; the kernel keeps 15 bytes of `tmux: server`. */
function tmuxProcesses(table: Source<ProcessTable>, uid: number): TmuxObserved['server_processes'] {
  if (table.status === 'unknown') return [];
  const { entries, booted_at_ms, clock_ticks_per_second } = table.value;
  const own: { readonly pid: number; readonly started_ms: number }[] = [];
  for (const process of entries.values()) {
    // Its owner last: that is a question of its own.
    if (!process.comm.includes('tmux') || process.state === 'Z' || process.uid !== uid) continue;
    const { pid, start_time } = process;
    own.push({ pid, started_ms: Math.round(booted_at_ms + (start_time * 1000) / clock_ticks_per_second) });
  }
  return own;
}

/** A link, or another link to the same file, is another name of a server that was told already. */
function isToldIn(before: readonly LookedServer[], { observed: { server } }: LookedServer): boolean {
  if (server.state !== 'running') return false;
  const same = ({ observed }: LookedServer) =>
    observed.server.state === 'running' && observed.server.pid === server.pid && observed.server.start === server.start;
  return before.some(same);
}

interface Asked {
  readonly asked: readonly AskedServer[];
  readonly table: Source<ProcessTable>;
  readonly sockets: Source<ListeningSockets>;
}

async function askAll(request: LookRequest, ports: LookPorts): Promise<Asked> {
  const asked = await askServers(request, ports);
  const first = readKernel(request, ports);
  if (request.only || first.sockets.status === 'unknown') return { asked, ...first };
  const more = await askOverlooked(asked, first.sockets.value, request, ports);
  return more.length === 0 ? { asked, ...first } : { asked: [...asked, ...more], ...readKernel(request, ports) };
}

function readKernel(request: LookRequest, ports: LookPorts): Pick<Asked, 'table' | 'sockets'> {
  const table = readProcessTable(ports.now, request.procRoot, ports.lastLook);
  const processes = table.status === 'known' ? table.value : null;
  return { table, sockets: readListeningSockets(request.procRoot, processes, request.uid) };
}

const NOT_OBSERVED: PaneRuns = { verdict: 'unknown', why: 'not-observed', detail: 'this agent was not looked at' };

function seenSessions(
  sessions: readonly ListedSession[],
  looksInto: LookRequest['looksInto'],
  runsOf: (pane: ListedPane) => PaneRuns,
): readonly SeenSession[] {
  const seen: SeenSession[] = [];
  for (const session of sessions) {
    const into = looksInto === null || looksInto(session);
    const panes: SeenSession['panes'][number][] = [];
    for (const pane of session.panes) panes.push({ pane, runs: into ? runsOf(pane) : NOT_OBSERVED });
    seen.push({ session, panes });
  }
  return seen;
}

function listenersBy(
  sockets: Source<ListeningSockets>,
  table: Source<ProcessTable>,
  request: LookRequest,
): (path: string) => Source<readonly LiveServer[]> {
  return (path) => {
    if (sockets.status === 'unknown') return sockets;
    const inodes = sockets.value.get(path) ?? [];
    if (inodes.length === 0) return { status: 'known', value: [] };
    return table.status === 'unknown' ? table : findServers(inodes, table.value, request.uid, request.procRoot);
  };
}

function hostQuestions(
  sockets: Source<ListeningSockets>,
  table: Source<ProcessTable>,
  { uid, procRoot }: LookRequest,
): (path: string) => HostQuestions {
  return (path) => ({
    isOwn: (pid) => isOwn(table, pid, uid),
    // Where nothing is known of who listens at all, `unseen` says so.
    otherMayListen: (pid) =>
      sockets.status === 'unknown' || table.status === 'unknown'
        ? null
        : otherMayListen(pid, sockets.value.get(path) ?? [], table.value, uid, procRoot),
    seesAnother: (pid) => seesAnotherSocket(pid, path, procRoot),
  });
}

/** Sockets that tmux makes are all named so. `unseen`: there may be more, for who listens could not be read. */
function serversElsewhere(
  sockets: Source<ListeningSockets>,
  table: Source<ProcessTable>,
  request: LookRequest,
): Pick<Looked, 'elsewhere' | 'unseen'> {
  if (sockets.status === 'unknown') return { elsewhere: [], unseen: sockets };
  if (table.status === 'unknown') return { elsewhere: [], unseen: table };
  const own = `${readSocketDirectory(request.tmuxTmpdir, request.uid).path}/`;
  const elsewhere: { readonly path: string; readonly pid: number }[] = [];
  let unseen: Unknown | null = null;
  for (const [path, inodes] of [...sockets.value].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!path.includes(`/tmux-${request.uid}/`) || path.startsWith(own)) continue;
    const servers = findServers(inodes, table.value, request.uid, request.procRoot);
    if (servers.status === 'known') elsewhere.push(...servers.value.map(({ pid }) => ({ path, pid })));
    else unseen ??= { ...servers, detail: `${path}: ${servers.detail}` };
  }
  return { elsewhere, unseen };
}

function isOwn(table: Source<ProcessTable>, pid: number, uid: number): boolean | null {
  if (table.status === 'unknown') return null;
  return table.value.entries.get(pid)?.uid === uid;
}

/**
 * The server that answered is a live one of the path, also where it listens under another spelling of it, or where its
 * socket was put in the place of another one's.
 */
function withAnswering(
  listening: Source<readonly LiveServer[]>,
  answer: ServerAnswer,
  judged: Judged,
  table: Source<ProcessTable>,
  { uid, procRoot }: LookRequest,
): readonly LiveServer[] {
  const servers = listening.status === 'known' ? listening.value : [];
  const believed = judged.state === 'running' || (judged.state === 'unknown' && judged.unknown.why === 'split-brain');
  if (answer.kind !== 'listed' || !believed || table.status === 'unknown') return servers;
  const entry = table.value.entries.get(answer.pid);
  if (entry?.uid !== uid || servers.some(({ pid }) => pid === answer.pid)) return servers;
  return [...servers, liveServer(entry, procRoot)];
}

/** At most one more call: the screens of all panes in which a known prompt may be. Often there are none. */
async function readScreens(
  address: ServerAddress,
  sessions: readonly SeenSession[],
  request: LookRequest,
  ports: LookPorts,
): Promise<Source<Screens>> {
  const wanted = new Set<string>();
  for (const { session, panes } of sessions) {
    const shown = panes.filter(({ runs }) => promptRuntime(runs) !== null);
    if (shown.length > 0 && isOneOf(session, request.prompts)) for (const { pane } of shown) wanted.add(pane.id);
  }
  if (wanted.size === 0) return { status: 'known', value: new Map() };
  const nonce = newNonce();
  const script = renderScreens([...wanted], nonce);
  const answer = await askTmux(address, script, isWhole(nonce), request.deadlineMs, ports);
  if (answer.kind === 'unknown') return answer.unknown;
  const screens = answer.kind === 'answer' ? parseScreens(answer.stdout, nonce) : null;
  if (screens !== null) return { status: 'known', value: screens };
  const detail = answer.kind === 'answer' ? 'its screens cannot be read' : `it ended meanwhile: ${answer.detail}`;
  return { status: 'unknown', why: 'garbage', detail };
}

/** Whose name or mark the session bears. */
export function isOneOf({ name, mark }: Pick<TmuxSession, 'name' | 'mark'>, names: ReadonlySet<string>): boolean {
  return names.has(name) || names.has(mark?.agent ?? '');
}

interface SeenOn {
  readonly seen: readonly SeenSession[];
  readonly screens: Screens;
  readonly before: KnownServer | undefined;
}

function running(
  judged: Extract<Judged, { state: 'running' }>,
  inherited: { readonly inherited_name?: string },
  { seen, screens, before }: SeenOn,
): TmuxServerObserved['server'] {
  const { pid, start } = judged.listed;
  const sessions: TmuxSession[] = [];
  for (const session of seen) sessions.push(toSession(session, screens, before));
  return { state: 'running', pid, start, ...inherited, sessions };
}

/** What a server was started with, all of its panes have that are given nothing else. */
function inheritedName(
  details: ProcessDetails,
  pid: number,
  { nameVariable }: LookRequest,
): { inherited_name?: string } {
  const environ = details.environ(pid);
  const name = environ.status === 'known' ? environ.value.get(nameVariable) : undefined;
  return name === undefined ? {} : { inherited_name: name };
}

function describe(
  { socket, path }: AskedServer,
  listening: readonly LiveServer[],
  judged: Exclude<Judged, { state: 'running' }>,
): TmuxServerObserved {
  const server = judged.state === 'absent' ? judged : unknownState(judged.unknown);
  return { socket, path, listening, server };
}

function unknownState({ why, detail }: Unknown): TmuxServerObserved['server'] {
  return { state: 'unknown', why, detail };
}
