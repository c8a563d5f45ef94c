/** Files and paths of this user that the roster and its layout speak of, each known, absent or unknown by itself. */
import { dirname } from 'node:path';
import { envFileVariables, parseEnvFile } from '../spec/env-file.ts';
import { expandHome } from '../spec/home.ts';
import type { Layout } from '../spec/layout.ts';
import type { AgentSpec } from '../spec/model.ts';
import { put, recordOf } from '../spec/record.ts';
import { sha256 } from '../spec/sha256.ts';
import { inspectDirectory } from './find-program.ts';
import { derivedBy, type KnownFiles } from './known-files.ts';
import type { LastLook } from './last-look.ts';
import { type DirectoryRead, type FileRead, openDirectory, type ReadRules, readFileSafely } from './read-file.ts';
import type { Slices } from './slices.ts';
import type { EnvFileObserved, FileObserved, FilesObserved, PathObserved } from './state.ts';
import { sys } from './system-calls.ts';

export interface FilesRequest {
  readonly layout: Layout;
  /** Those in scope; nothing is read for others that are on the roster. */
  readonly agents: readonly AgentSpec[];
  /** Names on the roster that are out of scope. */
  readonly others: readonly string[];
  readonly user: { readonly name: string; readonly uid: number; readonly home: string };
  readonly known?: KnownFiles | undefined;
  readonly last?: LastLook | undefined;
}

export interface FilesRead {
  readonly observed: Omit<FilesObserved, 'commands'>;
  /** All values of each readable env file: where heartbeats are is told there. Not for printing. */
  readonly envValues: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** Files read between two turns of the event loop: about a millisecond. */
const SLICE = 32;

const UNIT_DIRECTORY = '~/.config/systemd/user';
const LAUNCHER = '~/.local/share/fleet/launch';
const MAX_BYTES = 1024 * 1024;

/** Yields between slices of the reading: what else was asked can be answered meanwhile. */
export function* observeFiles(request: FilesRequest): Slices<FilesRead> {
  const { layout, agents, user, known } = request;
  const envDirectory = openDirectory(expandHome(layout.envDirectory, user.home), [user.uid, 0], { known });
  // Not the env files' directory in layout mosaic, where with supervisor none fleet's launcher reads them all the same.
  const argvDirectory = openDirectory(expandHome(dirname(layout.argvFile('')), user.home), [user.uid, 0], { known });
  try {
    const env = yield* readEnvFiles(envDirectory, request);
    const argv = yield* readArgvFiles(argvDirectory, request);
    const observed = {
      user,
      unit_files: readUnitFiles(request),
      env_files: env.files,
      argv_files: argv,
      launcher: toFile(readFileSafely(expandHome(LAUNCHER, user.home), { maxBytes: MAX_BYTES, owners: [user.uid, 0] })),
      directories: inspectDirectories(agents, user.home, request.last),
    };
    return { observed, envValues: env.values };
  } finally {
    if (envDirectory.state === 'open') envDirectory.close();
    if (argvDirectory.state === 'open') argvDirectory.close();
  }
}

type ReadWhole = Extract<FileRead, { state: 'read' }>;

const NOT_OBSERVED = { state: 'unknown', why: 'not-observed', detail: 'this agent was not looked at' } as const;

interface EnvFilesRead {
  readonly files: FilesObserved['env_files'];
  readonly values: FilesRead['envValues'];
}

/** The roster's and every other `NAME.env`. Where the directory is unreadable the roster's are unknown, not absent. */
function* readEnvFiles(directory: DirectoryRead, request: FilesRequest): Slices<EnvFilesRead> {
  const files = new Map<string, EnvFileObserved>();
  const values = new Map<string, Readonly<Record<string, string>>>();
  const own = new Set(request.layout.keyOrder);
  const derived = derivedBy(request.known);
  const rules = rulesOf(request.user.uid);
  for (const name of namesFor(directory, '.env', request)) {
    if (files.size % SLICE === SLICE - 1) yield;
    const read = directory.state === 'open' ? directory.read(name, rules, '.env') : directory;
    if (read.state !== 'read') {
      files.set(name, read);
      continue;
    }
    const { all, file } = derived(read, () => describeEnvFile(read, own));
    values.set(name, all);
    files.set(name, file);
  }
  for (const name of request.others) files.set(name, NOT_OBSERVED);
  return { files: request.last?.record('env files', files) ?? recordOf(files), values };
}

function describeEnvFile(read: ReadWhole, own: ReadonlySet<string>) {
  const parsed = parseEnvFile(read.bytes.toString('utf8'));
  const variables = envFileVariables(parsed);
  const owned: Record<string, string> = {};
  variables.forEach((value, name) => {
    if (own.has(name)) put(owned, name, value);
  });
  const file: EnvFileObserved = {
    state: 'present',
    keys: Array.from(variables.keys()),
    own: owned,
    mode: read.mode,
    modified_ms: read.modified_ms,
    sha256: sha256(read.bytes),
  };
  return { all: recordOf(variables), file };
}

function* readArgvFiles(directory: DirectoryRead, request: FilesRequest): Slices<FilesObserved['argv_files']> {
  const suffix = '.argv';
  const derived = derivedBy(request.known);
  const rules = rulesOf(request.user.uid);
  const files = new Map<string, FileObserved>();
  for (const name of namesFor(directory, suffix, request)) {
    if (files.size % SLICE === SLICE - 1) yield;
    const read = directory.state === 'open' ? directory.read(name, rules, suffix) : directory;
    files.set(
      name,
      derived(read, () => toFile(read)),
    );
  }
  for (const name of request.others) files.set(name, NOT_OBSERVED);
  return request.last?.record('argv files', files) ?? recordOf(files);
}

/** The agents in scope, and whose file is in the directory besides. */
function namesFor(directory: DirectoryRead, suffix: string, { agents, others, last }: FilesRequest): readonly string[] {
  const listed = directory.state === 'open' ? directory.names() : null;
  const found = listed?.state === 'listed' ? listed.names : NONE;
  const make = (): readonly string[] => {
    const skipped = new Set(others);
    const names = namesIn(found, suffix).filter((name) => !skipped.has(name));
    return [...new Set([...agents.map((agent) => agent.name), ...names])];
  };
  return last?.names.of(`names of ${suffix}`, [found, agents, ...others], make) ?? make();
}

/** Where the directory cannot be listed: what is asked for is then unknown. */
const NONE: readonly string[] = [];

function namesIn(listed: readonly string[], suffix: string): readonly string[] {
  const names = listed.filter((name) => name.endsWith(suffix) && name.length > suffix.length);
  return names.map((name) => name.slice(0, -suffix.length)).sort();
}

function rulesOf(uid: number): ReadRules {
  return { maxBytes: MAX_BYTES, owners: [uid, 0] };
}

/** The holder's, the template's and any instance's own file. systemd follows links, so their content is read too. */
function readUnitFiles(request: FilesRequest): FilesObserved['unit_files'] {
  const { layout, user } = request;
  // So is the directory itself, which is often a link into a repository of settings.
  const directory = openDirectory(expandHome(UNIT_DIRECTORY, user.home), [user.uid, 0], { followsLink: true });
  try {
    const asked = [layout.holderUnit, layout.agentTemplate];
    const listed = directory.state === 'open' ? directory.names() : null;
    // A directory that cannot be listed may hold any instance's file: those in scope are then unknown.
    const instances =
      listed?.state === 'listed'
        ? listed.names.filter((name) => layout.agentOfUnit(name) !== null).sort()
        : request.agents.map((agent) => layout.agentUnit(agent.name));
    const unread = listed?.state === 'unknown' ? listed : null;
    const names = directory.state === 'absent' ? asked : [...asked, ...instances];
    return recordOf(names.map((name) => [name, unread ?? readUnitFile(directory, name, user.uid)]));
  } finally {
    if (directory.state === 'open') directory.close();
  }
}

function readUnitFile(directory: DirectoryRead, name: string, uid: number): FileObserved {
  if (directory.state !== 'open') return directory;
  const target = linkTarget(directory.pathOf(name));
  const read = directory.read(name, { maxBytes: MAX_BYTES, owners: [uid, 0], followsLink: true });
  if (target === null) return toFile(read);
  // A link to /dev/null is a mask, one to nowhere is `bad`: both are there, and have no content.
  if (read.state !== 'read') return { state: 'present', content: '', mode: 0, modified_ms: 0, link_target: target };
  return { ...toFile(read), link_target: target } as FileObserved;
}

function linkTarget(path: string): string | null {
  try {
    return sys.readlink(path);
  } catch {
    // EINVAL: no link; ENOENT: nothing there. Reading it tells which.
    return null;
  }
}

function toFile(read: FileRead): FileObserved {
  if (read.state !== 'read') return read;
  const { mode, modified_ms } = read;
  return { state: 'present', content: read.bytes.toString('utf8'), mode, modified_ms, link_target: null };
}

function inspectDirectories(
  agents: readonly AgentSpec[],
  home: string,
  last: LastLook | undefined,
): FilesObserved['directories'] {
  const found = new Map<string, PathObserved>();
  for (const { workingDirectory: path } of agents) {
    if (found.has(path)) continue;
    const seen = inspectDirectory(expandHome(path, home));
    found.set(path, last?.path(`directory ${path}`, seen) ?? seen);
  }
  return last?.record('directories', found) ?? recordOf(found);
}
