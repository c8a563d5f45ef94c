/**
 * Which live processes listen on which socket path. The socket's file can be deleted under a live server, and a second
 * server can take the path: then tmux answers for one of them, or says that there is none. The kernel knows better.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { ProcessEntry } from '../proc/entry.ts';
import { buildTable, byAge, type ProcessTable } from '../proc/table.ts';
import { errorCode, unknownError } from '../read-file.ts';
import type { LiveServer, Source, Unknown } from '../state.ts';
import { sys } from '../system-calls.ts';

/** Inodes of listening sockets, by path as the server gave it to the kernel. */
export type ListeningSockets = ReadonlyMap<string, readonly string[]>;

/**
 * /proc/net/unix is that of a network namespace, and a service may have one of its own while its sockets' paths are
 * everybody's: with a table, the namespaces of this user's tmux processes are read too.
 */
export function readListeningSockets(
  procRoot: string,
  table: ProcessTable | null,
  uid: number,
): Source<ListeningSockets> {
  const sockets = new Map<string, ReadonlySet<string>>();
  for (const processes of [['self'], ...(table === null ? [] : foreignNamespaces(procRoot, table, uid))]) {
    const read = readNamespace(procRoot, processes);
    if (read.status === 'unknown') return read;
    for (const [path, inodes] of read.value) sockets.set(path, new Set([...(sockets.get(path) ?? []), ...inodes]));
  }
  return { status: 'known', value: new Map([...sockets].map(([path, inodes]) => [path, [...inodes]])) };
}

const ENDED = new Set(['ENOENT', 'ESRCH', 'EINVAL']);

/** Through the first of `processes`, all of one namespace, that still lives; where none does, nobody listens there any more. */
function readNamespace(procRoot: string, processes: readonly string[]): Source<ListeningSockets> {
  for (const process of processes) {
    const path = `${procRoot}/${process}/net/unix`;
    try {
      return { status: 'known', value: parseListeningSockets(readFileSync(path, 'utf8')) };
    } catch (error) {
      if (process === 'self' || !ENDED.has(errorCode(error))) return unknownError(path, error);
    }
  }
  return { status: 'known', value: new Map() };
}

/**
 * The tmux processes of this user, by network namespace, but for those of our own. One that does not show its namespace
 * shows who listens there all the same, and is taken for one by itself.
 */
function foreignNamespaces(procRoot: string, table: ProcessTable, uid: number): readonly (readonly string[])[] {
  const namespaces = new Map<string, string[]>();
  for (const entry of table.entries.values()) {
    if (!entry.comm.includes('tmux') || entry.uid !== uid) continue;
    const { pid } = entry;
    const namespace = linkOrNull(`${procRoot}/${pid}/ns/net`) ?? `of process ${pid}`;
    namespaces.set(namespace, [...(namespaces.get(namespace) ?? []), String(pid)]);
  }
  namespaces.delete(linkOrNull(`${procRoot}/self/ns/net`) ?? '');
  return [...namespaces.values()];
}

function linkOrNull(path: string): string | null {
  try {
    return sys.readlink(path);
  } catch {
    return null;
  }
}

/** `Num: RefCount Protocol Flags Type St Inode Path`; flag 0x10000 is __SO_ACCEPTCON (source: net/unix/af_unix.c). */
export function parseListeningSockets(text: string): ListeningSockets {
  const inodes = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    // A path begins with a slash; a name that is none begins with `@`, and may hold anything.
    const before = line.indexOf(' /');
    if (before === -1) continue;
    const [number = '', , , flags = '', , , inode = '', ...more] = line.slice(0, before).split(/ +/);
    if (!number.endsWith(':') || more.length > 0 || !/^\d+$/.test(inode)) continue;
    if ((Number.parseInt(flags, 16) & 0x10000) === 0) continue;
    const path = line.slice(before + 1);
    inodes.set(path, [...(inodes.get(path) ?? []), inode]);
  }
  return inodes;
}

/**
 * The live servers behind these inodes, oldest first. Other users' sockets are not found, and that is right: anybody
 * may bind any name in a namespace of his own. A server that has just forked a pane shares its socket with the child
 * for a moment, so one inode is one server: its oldest holder. Unknown where one has no holder that could be found, and a
 * tmux process could not be looked into.
 */
export function findServers(
  inodes: readonly string[],
  table: ProcessTable,
  uid: number,
  procRoot: string,
): Source<readonly LiveServer[]> {
  if (inodes.length === 0) return { status: 'known', value: [] };
  const wanted = new Map(inodes.map((inode) => [`socket:[${inode}]`, inode]));
  const found = new Map<string, ProcessEntry>();
  let unread: Unknown | null = null;
  // `tmux: server` and the like first, and of those the first files: looking into every process of a busy user costs much.
  const likely = processesOf(uid, table, true);
  const held = heldBy(table, procRoot);
  const steps = [
    [() => likely, 'first'] as const,
    [() => likely, 'all'] as const,
    [() => processesOf(uid, table, false), 'all'] as const,
  ];
  for (const [group, files] of steps) {
    if (found.size === wanted.size) break;
    for (const process of group()) {
      if (found.size === wanted.size) break;
      const { links, unread: doubt } = held(process, files);
      // `(sd-pam)` of every user manager shows no files: were it a reason, whoever binds such a name could stop a fleet.
      if (files === 'all' && process.comm.includes('tmux')) unread ??= doubt;
      for (const [link, inode] of wanted) if (links.has(link) && !found.has(inode)) found.set(inode, process);
    }
  }
  if (found.size < wanted.size && unread !== null) return unread;
  const servers = [...found.values()].map((p) => liveServer(p, procRoot));
  return { status: 'known', value: servers.sort(byAge) };
}

/** Those that live and bear tmux's name, or those that do not; oldest first. */
function processesOf(uid: number, table: ProcessTable, isNamed: boolean): readonly ProcessEntry[] {
  const own: ProcessEntry[] = [];
  for (const process of table.entries.values()) {
    if (process.comm.includes('tmux') === isNamed && process.state !== 'Z' && process.uid === uid) own.push(process);
  }
  return own.sort(byAge);
}

/**
 * Somebody answers, and `findServers` cannot tell who listens: why another tmux server may listen on the path as well, or
 * null where the one socket is that of the one that answers, which shows no files.
 */
export function otherMayListen(
  answering: number,
  inodes: readonly string[],
  table: ProcessTable,
  uid: number,
  procRoot: string,
): Unknown | null {
  const servers = findServers(inodes, table, uid, procRoot);
  if (servers.status === 'known') return null;
  const itself = new Map([...table.entries].filter(([pid]) => pid === answering));
  const alone = buildTable(table.booted_at_ms, itself);
  const isItself = inodes.length === 1 && findServers(inodes, alone, uid, procRoot).status === 'unknown';
  return isItself ? null : servers;
}

export function liveServer(process: ProcessEntry, procRoot: string): LiveServer {
  return { pid: process.pid, start_time: process.start_time, cgroup: readCgroup(process.pid, procRoot) };
}

/** A tmux server has listened since it began, and by now holds a terminal for each of its panes: its first files tell. */
const FIRST = 16;

interface Held {
  /** What its descriptors lead to, such as `socket:[1234]`. */
  readonly links: ReadonlySet<string>;
  /** Not all of them could be told: it may hold more. */
  readonly unread: Unknown | null;
}

type Files = 'first' | 'all';
type HeldBy = (process: ProcessEntry, files: Files) => Held;

const heldIn = new WeakMap<ProcessTable, HeldBy>();

/** Read once a look, however many sockets are asked about. */
function heldBy(table: ProcessTable, procRoot: string): HeldBy {
  const known = heldIn.get(table) ?? remembered(procRoot);
  heldIn.set(table, known);
  return known;
}

function remembered(procRoot: string): HeldBy {
  const read = new Map<string, Held>();
  return (process, files) => {
    const key = `${process.pid} ${files}`;
    const held = read.get(key) ?? readHeld(process, files, `${procRoot}/${process.pid}/fd`);
    read.set(key, held);
    return held;
  };
}

function readHeld(process: ProcessEntry, files: Files, directory: string): Held {
  const links = new Set<string>();
  let unread: Unknown | null = null;
  try {
    const names = files === 'all' ? readdirSync(directory) : Array.from({ length: FIRST }, (_, fd) => String(fd));
    for (const name of names) {
      try {
        links.add(sys.readlink(`${directory}/${name}`));
      } catch (error) {
        unread ??= unreadOf(process, `${directory}/${name}`, error);
        // Who denies one denies all: a process with a capability that we have not lists its files and shows none. The first
        // files have no gap before the socket.
        if (files === 'first' || unread?.why === 'denied') break;
      }
    }
  } catch (error) {
    unread = unreadOf(process, directory, error);
  }
  return { links, unread };
}

/** Null: it has ended, or the file was closed, since it was listed. */
function unreadOf({ pid, comm }: ProcessEntry, path: string, error: unknown): Unknown | null {
  const code = errorCode(error);
  if (code === 'ENOENT' || code === 'ESRCH') return null;
  const { why, detail } = unknownError(path, error);
  const how = why === 'denied' ? 'which does not show its files' : `of which ${detail}`;
  return { status: 'unknown', why, detail: `a process listens, perhaps ${pid} (${comm}), ${how}` };
}

function readCgroup(pid: number, procRoot: string): string | null {
  try {
    return parseCgroup(readFileSync(`${procRoot}/${pid}/cgroup`, 'utf8'));
  } catch {
    return null;
  }
}

/** The v2 line `0::/…`; the named systemd hierarchy `N:name=systemd:/…` where v2 is not there or not used (`0::/`). */
export function parseCgroup(text: string): string | null {
  const lines = text.split('\n');
  const unified = lines.find((line) => line.startsWith('0::/'))?.slice('0::'.length);
  const named = lines.find((line) => /^\d+:name=systemd:\//.test(line))?.replace(/^\d+:name=systemd:/, '');
  return unified !== undefined && unified !== '/' ? unified : (named ?? unified ?? null);
}
