/** The whole observation of one host as one user: every source at once, each known or unknown by itself. */
import { readFileSync } from 'node:fs';
import { type Layout, layoutOf } from '../spec/layout.ts';
import type { AgentSpec, Roster } from '../spec/model.ts';
import { findCommands } from './commands.ts';
import { type FilesRead, observeFiles } from './files.ts';
import { findProgram, splitPath } from './find-program.ts';
import { withoutSecrets } from './free-text.ts';
import { observeHeartbeats } from './heartbeats.ts';
import type { KnownFiles } from './known-files.ts';
import type { LastLook } from './last-look.ts';
import { observeLinger } from './linger.ts';
import { createMasking, type Masking } from './masking.ts';
import { OwnerUnread } from './proc/entry.ts';
import type { KnownProcesses } from './proc/known.ts';
import { type PathLookup, readPathLookup } from './proc/paths.ts';
import type { RunProgram } from './run.ts';
import { readSecrets, type Secrets } from './secrets.ts';
import { inSlices } from './slices.ts';
import type { FilesObserved, HeartbeatsObserved, Observed, Source, UnitsObserved, Unknown } from './state.ts';
import { observeUnits } from './systemd/units.ts';
import { observeTmux, type TmuxAndProcesses, type TmuxRequest } from './tmux/observe-tmux.ts';

/**
 * Some things look wrong for a moment only, and are looked at again within one observation; `once` is for whoever looks
 * again anyway before anything is believed.
 */
export type HowToLook = 'once' | 'twice';

export interface ObserveRequest {
  readonly roster: Roster;
  /** As addresses name them. */
  readonly host: string;
  readonly tenant: string;
  /** Milliseconds for each program that is asked. */
  readonly deadlineMs: number;
  /** Only these are looked at; what is left out is `not-observed`. Default: every agent of the roster. */
  readonly agents?: readonly string[];
  /** Default: `twice`. */
  readonly how?: HowToLook;
}

export interface ObservePorts {
  readonly run: RunProgram;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Whose processes, sockets and files are looked at; from the user database. */
  readonly uid: number;
  readonly user: { readonly name: string; readonly uid: number; readonly home: string };
  /** The caller's environment: TMUX_TMPDIR and PATH are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly delay?: (ms: number) => Promise<void>;
  /** Shared over several observations of one process, so that the same files are not read again. */
  readonly paths?: PathLookup;
  /** Likewise, of processes that are still the same programs. */
  readonly known?: KnownProcesses;
  /** Likewise, of files that nobody has touched. */
  readonly knownFiles?: KnownFiles | undefined;
  /** What the last look was told; never just before an effect. */
  readonly lastLook?: LastLook | undefined;
  readonly lingerDirectory?: string;
  readonly runtimeDirectory?: string;
  /** Learns the secrets that the roster names. Default: one of its own. */
  readonly masking?: Masking;
}

/** Never rejects, and changes nothing. */
export async function observe(request: ObserveRequest, ports: ObservePorts): Promise<Observed> {
  const { roster } = request;
  const layout = layoutOf(roster.layout);
  const observedAt = new Date(ports.now()).toISOString();
  const all = request.agents === undefined;
  const { agents, others } = divide(roster.agents, request.agents);
  // Both are asked before anything is read here, so that their answers are under way meanwhile; tmux, a program that
  // must start, first. The reading is cut into slices, between which they are heard and asked further.
  const masking = ports.masking ?? createMasking();
  const secrets = readSecrets(roster.agents, ports.user.home, masking);
  const asking = { masking, readSecret: secrets.of };
  const byUnits = roster.supervisor === 'systemd';
  const tmux = guard('tmux', askTmux(request, agents, ports, asking, byUnits ? undefined : ports.env['TMUX_TMPDIR']));
  const units = guard('units', askUnits(request, layout, agents, ports));

  secrets.readAll();
  const files = await guard(
    'files',
    inSlices(observeFiles({ layout, agents, others, user: ports.user, known: ports.knownFiles, last: ports.lastLook })),
  );
  const heartbeats = await guard('heartbeats', beats(request, layout, agents, others, files, ports));
  const linger = guardSync('linger', () => observeLinger(ports.user.name, ports.lingerDirectory));
  const asked = flatten(await units);
  // Units are started with the manager's environment: sessions live where that says, and it rarely says anything.
  const elsewhere = asked.status === 'known' ? asked.value.tmux_tmpdir : null;
  const seen =
    elsewhere === null ? await tmux : await guard('tmux', askTmux(request, agents, ports, asking, elsewhere));
  if (all) ports.lastLook?.sweep();
  return withoutSecrets(masking, {
    format_version: '1.0',
    kind: 'fleet.observed',
    host: request.host,
    tenant: request.tenant,
    observed_at: observedAt,
    boot_id: readBootId(),
    sources: {
      tmux: seen.status === 'known' ? seen.value.tmux : seen,
      units: asked,
      processes: seen.status === 'known' ? seen.value.processes : seen,
      files: flatten(guardSync('files', () => withCommands(roster, agents, { files, secrets }, seen, ports))),
      linger: flatten(linger),
      heartbeats: flatten(heartbeats),
    },
  });
}

interface Divided {
  /** Those in scope. */
  readonly agents: readonly AgentSpec[];
  /** Names of the rest. */
  readonly others: readonly string[];
}

function divide(all: readonly AgentSpec[], asked: readonly string[] | undefined): Divided {
  if (asked === undefined) return { agents: all, others: [] };
  const names = new Set(asked);
  return {
    agents: all.filter(({ name }) => names.has(name)),
    others: all.map(nameOf).filter((name) => !names.has(name)),
  };
}

function nameOf({ name }: AgentSpec): string {
  return name;
}

async function askUnits(
  request: ObserveRequest,
  layout: Layout,
  agents: readonly AgentSpec[],
  ports: ObservePorts,
): Promise<Source<UnitsObserved>> {
  if (request.roster.supervisor === 'none') {
    return { status: 'unknown', why: 'not-observed', detail: 'supervisor: none has no units' };
  }
  const namesOf = (): readonly string[] => agents.map(nameOf);
  const names = ports.lastLook?.names.of('agents', [agents], namesOf) ?? namesOf();
  const runtimeDirectory = ports.runtimeDirectory ?? `/run/user/${ports.uid}`;
  const { deadlineMs } = request;
  const unitsPorts = { run: ports.run, known: ports.knownFiles, last: ports.lastLook?.units };
  return observeUnits({ layout, agents: names, uid: ports.uid, runtimeDirectory, deadlineMs }, unitsPorts);
}

async function askTmux(
  request: ObserveRequest,
  agents: readonly AgentSpec[],
  ports: ObservePorts,
  secrets: Pick<TmuxRequest, 'masking' | 'readSecret'>,
  tmuxTmpdir: string | undefined,
): Promise<TmuxAndProcesses> {
  const program = findProgram('tmux', splitPath(ports.env['PATH']));
  if (program.state === 'missing') {
    const none = {
      status: 'unknown',
      why: 'not-installed',
      detail: `tmux is not installed: ${program.detail}`,
    } as const;
    return { tmux: none, processes: none, serverPaths: new Map() };
  }
  const { roster, deadlineMs } = request;
  const { uid, user } = ports;
  const delay = ports.delay ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  return observeTmux(
    {
      roster,
      agents,
      narrowed: request.agents !== undefined,
      once: request.how === 'once',
      uid,
      home: user.home,
      ...secrets,
      deadlineMs,
      tmuxTmpdir,
    },
    {
      run: ports.run,
      now: ports.now,
      delay,
      paths: ports.paths ?? readPathLookup(),
      ...(ports.known === undefined ? {} : { known: ports.known }),
      lastLook: ports.lastLook,
    },
  );
}

async function beats(
  request: ObserveRequest,
  layout: Layout,
  agents: readonly AgentSpec[],
  others: readonly string[],
  files: Source<FilesRead>,
  ports: ObservePorts,
): Promise<Source<HeartbeatsObserved>> {
  if (files.status === 'unknown') return files;
  const slices = observeHeartbeats({
    layout,
    agents: namesWithFormer(request, agents, files.value, ports.lastLook),
    others,
    uid: ports.uid,
    home: ports.user.home,
    envFiles: files.value.observed.env_files,
    envValues: files.value.envValues,
    known: ports.knownFiles,
    last: ports.lastLook,
  });
  return { status: 'known', value: await inSlices(slices) };
}

/** Of agents that were taken off the roster too: they may be busy when they are to be removed. */
function namesWithFormer(
  request: ObserveRequest,
  agents: readonly AgentSpec[],
  { observed: { env_files } }: FilesRead,
  last: LastLook | undefined,
): readonly string[] {
  const all = request.agents === undefined;
  const make = (): readonly string[] => [...new Set([...agents.map(nameOf), ...(all ? Object.keys(env_files) : [])])];
  return all ? (last?.names.of('agents and former ones', [agents, env_files], make) ?? make()) : make();
}

/** Looked up last: with systemd the launcher's PATH is the manager's, which the server that it started has too. */
function withCommands(
  roster: Roster,
  agents: readonly AgentSpec[],
  { files, secrets }: { readonly files: Source<FilesRead>; readonly secrets: Secrets },
  seen: Source<TmuxAndProcesses>,
  ports: ObservePorts,
): Source<FilesObserved> {
  if (files.status === 'unknown') return files;
  const serverPaths = roster.supervisor === 'systemd' && seen.status === 'known' ? seen.value.serverPaths : null;
  const commands = findCommands({
    agents,
    home: ports.user.home,
    envValues: files.value.envValues,
    pathOn: (socket) => serverPaths?.get(socket) ?? ports.env['PATH'],
    last: ports.lastLook,
  });
  const secret_files = secrets.files(agents, ports.lastLook);
  return { status: 'known', value: { ...files.value.observed, commands, secret_files } };
}

function readBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}

/** A source that fails in a way nobody foresaw makes itself unknown, not the whole observation. */
async function guard<T>(name: string, reading: Promise<T>): Promise<Source<T>> {
  try {
    return { status: 'known', value: await reading };
  } catch (error) {
    return unexpected(name, error);
  }
}

function guardSync<T>(name: string, read: () => T): Source<T> {
  try {
    return { status: 'known', value: read() };
  } catch (error) {
    return unexpected(name, error);
  }
}

function unexpected(name: string, error: unknown): Unknown {
  if (error instanceof OwnerUnread) return { status: 'unknown', ...error.failure };
  const detail = `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  return { status: 'unknown', why: 'io', detail: `${detail} This is a bug in fleet.` };
}

function flatten<T>(source: Source<Source<T>>): Source<T> {
  return source.status === 'known' ? source.value : source;
}
