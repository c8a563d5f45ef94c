/** Heartbeat files of the agents in scope. Fresh or stale is not judged here. */
import { expandHome } from '../spec/home.ts';
import type { Layout } from '../spec/layout.ts';
import { recordOf } from '../spec/record.ts';
import { parseHeartbeat } from './heartbeat-file.ts';
import { derivedBy, type KnownFiles } from './known-files.ts';
import type { LastLook } from './last-look.ts';
import { type DirectoryRead, type Joined, joinedIn, openDirectory, type ReadRules } from './read-file.ts';
import type { Slices } from './slices.ts';
import type { AgentHeartbeats, EnvFileObserved, HeartbeatFile, HeartbeatsObserved, UnknownCode } from './state.ts';

export interface HeartbeatsRequest {
  readonly layout: Layout;
  readonly agents: readonly string[];
  /** Names on the roster that are out of scope: not looked at. */
  readonly others: readonly string[];
  readonly uid: number;
  readonly home: string;
  readonly envFiles: Readonly<Record<string, EnvFileObserved>>;
  /** All values of the agent's env file; undefined where there is none. */
  readonly envValues: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly known?: KnownFiles | undefined;
  readonly last?: LastLook | undefined;
  /** `Environment=` of the agent's unit, where it is known. */
  readonly unitEnvironment?: (agent: string) => Readonly<Record<string, string>> | undefined;
}

const MAX_BYTES = 64 * 1024;
/** Agents between two turns of the event loop. */
const SLICE = 32;

/** Yields between slices of the reading. */
export function* observeHeartbeats(request: HeartbeatsRequest): Slices<HeartbeatsObserved> {
  const opened = new Map<string, OpenedDirectory>();
  const usual = expandHome(request.layout.heartbeatDirectory, request.home);
  try {
    const agents = new Map<string, AgentHeartbeats>();
    for (const name of request.agents) {
      if (agents.size % SLICE === SLICE - 1) yield;
      agents.set(name, readBeats(name, opened, usual, request));
    }
    for (const name of request.others) agents.set(name, NOT_OBSERVED);
    return { agents: request.last?.record('heartbeats', agents) ?? recordOf(agents) };
  } finally {
    for (const { directory } of opened.values()) if (directory.state === 'open') directory.close();
  }
}

function readBeats(
  name: string,
  opened: Map<string, OpenedDirectory>,
  usual: string,
  request: HeartbeatsRequest,
): AgentHeartbeats {
  const resolved = resolveDirectory(name, usual, request);
  if (resolved.state === 'unknown') {
    const file: HeartbeatFile = { state: 'unreadable', why: resolved.why, detail: resolved.detail };
    return { directory: resolved.directory, beat: file, native: file };
  }
  const { path } = resolved;
  const directory = opened.get(path) ?? open(path, opened, request);
  const beat = readBeat(directory, joinedIn(directory.beats, '', name, BEAT), request);
  const native = readBeat(directory, joinedIn(directory.natives, '', name, NATIVE), request);
  const make = (): AgentHeartbeats => ({ directory: path, beat, native });
  return request.last?.beats.of(name, [path, beat, native], make) ?? make();
}

const ABSENT: HeartbeatFile = { state: 'absent' };
const NOT_LOOKED_AT: HeartbeatFile = {
  state: 'unreadable',
  why: 'not-observed',
  detail: 'this agent was not looked at',
};
const NOT_OBSERVED: AgentHeartbeats = { directory: '', beat: NOT_LOOKED_AT, native: NOT_LOOKED_AT };

type Resolved =
  | { readonly state: 'known'; readonly path: string }
  | { readonly state: 'unknown'; readonly directory: string; readonly why: UnknownCode; readonly detail: string };

/**
 * Where the agent's own launcher writes them: as its env file or unit says, never as the caller's environment does.
 * Source: docs/contract.md, section 6.
 */
function resolveDirectory(agent: string, usual: string, request: HeartbeatsRequest): Resolved {
  if (request.layout.name !== 'mosaic') return { state: 'known', path: usual };
  const file = request.envFiles[agent];
  if (file?.state === 'unknown') {
    const detail = `the env file, which may name another directory, is unknown: ${file.detail}`;
    return { state: 'unknown', directory: usual, why: file.why, detail };
  }
  // systemd lets an EnvironmentFile= win over Environment= (systemd.exec(5)).
  const env = { ...request.unitEnvironment?.(agent), ...request.envValues.get(agent) };
  const directory = env['MOSAIC_HEARTBEAT_RUN_DIR'] || null;
  const mosaicHome = env['MOSAIC_HOME'] || null;
  const path = directory ?? (mosaicHome === null ? usual : `${mosaicHome}/fleet/run`);
  if (path.startsWith('/')) return { state: 'known', path };
  // The launcher's shell expands no tilde that comes out of a variable.
  return { state: 'unknown', directory: path, why: 'garbage', detail: `${path} in its env file is no absolute path` };
}

interface OpenedDirectory {
  readonly directory: DirectoryRead;
  /** Null where it could not be listed. */
  readonly names: ReadonlySet<string> | null;
  readonly rules: ReadRules;
  /** Names of files by agent. */
  readonly beats: Joined | undefined;
  readonly natives: Joined | undefined;
}

const BEAT = '.hb';
const NATIVE = '.hb.native';

/** Listed once: most agents have one file or none, and a failed open costs more than a look into the list. */
function open(path: string, opened: Map<string, OpenedDirectory>, { uid, known }: HeartbeatsRequest): OpenedDirectory {
  const directory = openDirectory(path, [uid], { known });
  const listed = directory.state === 'open' ? directory.names() : null;
  const found: OpenedDirectory = {
    directory,
    names: listed?.state === 'listed' ? listed.all : null,
    rules: { maxBytes: MAX_BYTES, owners: [uid] },
    beats: known?.joined('', BEAT),
    natives: known?.joined('', NATIVE),
  };
  opened.set(path, found);
  return found;
}

function readBeat({ directory, names, rules }: OpenedDirectory, name: string, by: HeartbeatsRequest): HeartbeatFile {
  if (directory.state === 'absent') return directory;
  if (directory.state === 'unknown') return { state: 'unreadable', why: directory.why, detail: directory.detail };
  if (names !== null && !names.has(name)) return ABSENT;
  // Read once more where it was no heartbeat: writers that do not replace their file are met between two writes.
  const first = readOnce(directory, name, rules, by);
  return first.state === 'unreadable' && first.why === 'garbage' ? readOnce(directory, name, rules, by) : first;
}

function readOnce(
  directory: Extract<DirectoryRead, { state: 'open' }>,
  name: string,
  rules: ReadRules,
  { known }: HeartbeatsRequest,
): HeartbeatFile {
  const read = directory.read(name, rules);
  if (read.state === 'absent') return read;
  if (read.state === 'unknown') return { state: 'unreadable', why: read.why, detail: read.detail };
  return derivedBy(known)(read, () => {
    const beat = parseHeartbeat(read.bytes.toString('utf8'));
    const what = read.bytes.length === 0 ? 'is empty' : 'holds no heartbeat: ts in Unix seconds or RFC 3339 is needed';
    return beat ?? { state: 'unreadable', why: 'garbage', detail: `${name} ${what}` };
  });
}
