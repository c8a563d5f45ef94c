/** The user's tmux servers with what runs on them, looked at twice where the first look is not to be believed yet. */
import { socketArgument } from '../../spec/argv-file.ts';
import { layoutOf } from '../../spec/layout.ts';
import type { AgentSpec, Roster } from '../../spec/model.ts';
import type { LastLook } from '../last-look.ts';
import type { Masking } from '../masking.ts';
import { collectProcesses, type SeenPane, type WantedEnv, wantedEnvOf, wordsOf } from '../processes.ts';
import { type ReadSecret, secretPaths } from '../secrets.ts';
import type { ProcessesObserved, Source, TmuxObserved, TmuxServerObserved, TmuxSession } from '../state.ts';
import type { ListedSession } from './listing-row.ts';
import { isOneOf, type Looked, type LookPorts, type LookRequest, look } from './look.ts';
import { planSecondLook } from './second-look.ts';

export interface TmuxRequest {
  readonly roster: Roster;
  /** Those in scope. */
  readonly agents: readonly AgentSpec[];
  /** Only sessions of these are looked into; the others are listed. */
  readonly narrowed: boolean;
  /** What looks wrong for a moment is told as it looks. */
  readonly once: boolean;
  readonly uid: number;
  readonly home: string;
  readonly readSecret: ReadSecret;
  readonly masking: Masking;
  readonly deadlineMs: number;
  /** The caller's TMUX_TMPDIR. */
  readonly tmuxTmpdir: string | undefined;
  readonly procRoot?: string;
}

export interface TmuxAndProcesses {
  readonly tmux: Source<TmuxObserved>;
  readonly processes: Source<ProcessesObserved>;
  /** PATH that a running server was started with, by socket. */
  readonly serverPaths: ReadonlyMap<string, string>;
}

export async function observeTmux(request: TmuxRequest, ports: LookPorts): Promise<TmuxAndProcesses> {
  const { roster, agents } = request;
  const names = new Set([roster.tmux.holderSession, ...agents.map(nameOf)]);
  const looksInto = request.narrowed ? narrowedTo(names, roster) : null;
  const first: LookRequest = {
    sockets: socketsOf(roster),
    only: false,
    tmuxTmpdir: request.tmuxTmpdir,
    uid: request.uid,
    deadlineMs: request.deadlineMs,
    procRoot: request.procRoot ?? '/proc',
    runtimes: roster.runtimes,
    home: request.home,
    nameVariable: layoutOf(roster.layout).keys.name,
    looksInto,
    prompts: names,
  };
  const looked = [await look(first, ports)];
  const again = request.once
    ? null
    : planSecondLook(serversOf(looked), agents, (pid) => ageOf(pid, looked, ports.now()));
  if (again !== null) {
    await ports.delay(again.afterMs);
    looked.unshift(await look({ ...first, sockets: again.sockets, only: true }, ports));
  }
  return {
    tmux: tmuxSource(looked),
    processes: processSource(looked, request, looksInto, ports.lastLook),
    serverPaths: readPaths(looked),
  };
}

type LooksInto = (session: TmuxSession | ListedSession) => boolean;

/** What nobody marked and no agent is called may be an agent's all the same: what runs in it tells. */
function narrowedTo(names: ReadonlySet<string>, roster: Roster): LooksInto {
  const named = new Set(roster.agents.map(nameOf));
  return (session) =>
    isOneOf(session, names) || (session.mark === null && !named.has(session.name)) || hasGuests(session);
}

/** Of all agents, also where only some are in scope: what all share is always looked at. */
function socketsOf({ tmux, agents }: Roster): readonly string[] {
  const sockets = new Set([socketArgument(tmux.socketName)]);
  for (const { socket } of agents) sockets.add(socketArgument(socket));
  return [...sockets];
}

function nameOf({ name }: AgentSpec): string {
  return name;
}

/** Panes beside the agent's own, or in its place: somebody may have moved another agent's there. */
function hasGuests({ mark, panes }: Pick<TmuxSession | ListedSession, 'mark' | 'panes'>): boolean {
  return (
    panes.length > 1 || (mark?.pane != null && panes.some((pane: { readonly id: string }) => pane.id !== mark.pane))
  );
}

/** The newest look at each server, in the order of the first one. */
function newest(looks: readonly Looked[]): ReadonlyMap<string, { look: Looked; server: Looked['servers'][number] }> {
  const servers = new Map<string, { look: Looked; server: Looked['servers'][number] }>();
  for (const look of [...looks].reverse()) {
    for (const server of look.servers) servers.set(server.observed.socket, { look, server });
  }
  return servers;
}

function serversOf(looks: readonly Looked[]): readonly TmuxServerObserved[] {
  return [...newest(looks).values()].map(({ server }) => server.observed);
}

function tmuxSource(looks: readonly Looked[]): Source<TmuxObserved> {
  const versions = [...newest(looks).values()].map(({ server }) => server.version);
  const version = versions.find((v) => v !== null) ?? null;
  const unseen_servers = looks.map((look) => look.unseen).find((unknown) => unknown !== null) ?? null;
  const [last] = looks;
  const { elsewhere, named: server_processes } = last ?? { elsewhere: [], named: [] };
  return {
    status: 'known',
    value: { version, servers: serversOf(looks), elsewhere, unseen_servers, server_processes },
  };
}

function readPaths(looks: readonly Looked[]): TmuxAndProcesses['serverPaths'] {
  const paths = new Map<string, string>();
  for (const { look, server } of newest(looks).values()) {
    const { socket, server: state } = server.observed;
    const environ = state.state === 'running' ? look.details.environ(state.pid) : null;
    const path = environ?.status === 'known' ? environ.value.get('PATH') : undefined;
    if (path !== undefined) paths.set(socket, path);
  }
  return paths;
}

function ageOf(pid: number, looks: readonly Looked[], now: number): number | null {
  const table = looks[0]?.table;
  const entry = table?.status === 'known' ? table.value.entries.get(pid) : undefined;
  if (table?.status !== 'known' || entry === undefined) return null;
  return now - (table.value.booted_at_ms + (entry.start_time * 1000) / table.value.clock_ticks_per_second);
}

function processSource(
  looks: readonly Looked[],
  request: TmuxRequest,
  looksInto: LooksInto | null,
  before: LastLook | undefined,
): Source<ProcessesObserved> {
  const table = looks[0]?.table;
  if (table === undefined || table.status === 'unknown') {
    return table ?? { status: 'unknown', why: 'not-observed', detail: 'no tmux server was looked at' };
  }
  const wantedFor = wantedEnvs(request, before);
  const byPid: Record<string, ProcessesObserved['processes'][string]> = {};
  for (const { look, server } of newest(looks).values()) {
    if (look.table.status === 'unknown' || server.observed.server.state !== 'running') continue;
    const panes: SeenPane[] = [];
    for (const session of server.observed.server.sessions) {
      if (looksInto !== null && !looksInto(session)) continue;
      const wanted = wantedFor(session);
      for (const pane of session.panes) panes.push({ pane, wanted });
    }
    collectProcesses(panes, look.table.value, look.details, request.masking, byPid, before);
  }
  const { booted_at_ms, clock_ticks_per_second } = table.value;
  return { status: 'known', value: { booted_at_ms, clock_ticks_per_second, processes: byPid } };
}

/** What is wanted of the environment in a session: the agent's whose mark it bears, else whose name it has. */
function wantedEnvs(request: TmuxRequest, before: LastLook | undefined): (session: TmuxSession) => WantedEnv {
  const { roster, agents, readSecret } = request;
  const layout = layoutOf(roster.layout);
  const anySecrets = secretPaths(agents).length > 0;
  const of = (name: string | null, env: AgentSpec['env']): WantedEnv => {
    const make = (): WantedEnv => wantedEnvOf(layout, env, readSecret);
    if (before === undefined) return make();
    const inputs: unknown[] = [roster.layout, env];
    for (const value of anySecrets ? Object.values(env) : []) {
      if (value.kind === 'secret') inputs.push(...wordsOf(readSecret(value.fromFile)));
    }
    return before.wantedEnvs.of(name, inputs, make);
  };
  const nobody = of(null, NOTHING);
  const byName = new Map<string, WantedEnv>();
  for (const { name, env } of agents) byName.set(name, of(name, env));
  return ({ name, mark }) => byName.get(mark?.owner === roster.fleet ? mark.agent : name) ?? nobody;
}

const NOTHING: AgentSpec['env'] = {};
