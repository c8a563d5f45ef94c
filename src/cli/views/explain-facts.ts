/** What was read about one address, in words, and from where. Pure. */
import { agentPane } from '../../diff/pane.ts';
import type {
  EnvFileObserved,
  FileObserved,
  FilesObserved,
  Observed,
  PaneRuns,
  ProcessObserved,
  Source,
  TmuxPane,
  TmuxServerObserved,
} from '../../observe/state.ts';
import type { Address } from '../../spec/address.ts';
import { unreachable } from '../../spec/result.ts';
import { serverOf } from './ps-rows.ts';
import { formatAge } from './text.ts';

export interface Fact {
  /** Where it was read: a program and its words, or a path. */
  readonly from: string;
  readonly read: readonly string[];
}

export function factsAbout(address: Address, socket: string, observed: Observed): readonly Fact[] {
  switch (address.kind) {
    case 'session':
      return sessionFacts(address.name, socket, observed);
    case 'tmux-server':
      return [serverFact(address.name, observed)];
    case 'unit':
      return [unitFact(address.name, observed)];
    case 'unit-file':
    case 'env-file':
      return [fileFact(address.kind, address.name, observed)];
    case 'heartbeat':
      return heartbeatFacts(address.name, observed);
    case 'linger':
      return [
        fromSource('/var/lib/systemd/linger', observed.sources.linger, (l) => [`${l.user} lingers: ${l.enabled}`]),
      ];
    default:
      return unreachable(address.kind);
  }
}

function fromSource<T>(from: string, source: Source<T>, read: (value: T) => readonly string[]): Fact {
  if (source.status === 'unknown') return { from, read: [`unknown (${source.why}): ${source.detail}`] };
  return { from, read: read(source.value) };
}

const missing = (what: string): readonly string[] => [`this observation did not look at ${what}`];

function serverFact(socket: string, observed: Observed): Fact {
  const from = socket === 'default' ? 'tmux -L default' : `tmux -L ${socket}`;
  return fromSource(from, observed.sources.tmux, () => {
    const server = serverOf(socket, observed);
    return server === undefined ? missing(`socket ${socket}`) : describeServer(server);
  });
}

function describeServer({ path, server, listening }: TmuxServerObserved): readonly string[] {
  const live = listening.map(
    (l) => `process ${l.pid} listens on ${path}${l.cgroup === null ? '' : `, cgroup ${l.cgroup}`}`,
  );
  switch (server.state) {
    case 'absent':
      return [`no server on ${path}, in tmux's own words`, ...live];
    case 'unknown':
      return [`${path}: unknown (${server.why}): ${server.detail}`, ...live];
    case 'running':
      return [`server ${server.pid} on ${path}, up since ${time(server.start * 1000)}`, ...live];
    default:
      return unreachable(server);
  }
}

function sessionFacts(name: string, socket: string, observed: Observed): readonly Fact[] {
  const fact = serverFact(socket, observed);
  const server = serverOf(socket, observed)?.server;
  if (server?.state !== 'running') return [fact];
  const session = server.sessions.find((s) => s.name === name);
  if (session === undefined) {
    const none = `no session is named exactly ${name}, of ${server.sessions.length}`;
    return [{ ...fact, read: [...fact.read, none] }];
  }
  const { mark } = session;
  const own = agentPane(session);
  const read = [
    ...fact.read,
    `session ${session.id} since ${time(session.created * 1000)}, ${session.attached} attached`,
    mark === null ? 'without a mark of fleet' : `marked as ${mark.agent} of ${mark.owner}`,
    ...session.panes.map((pane) => `${describePane(pane)}${pane.id === own?.id ? ' (the agent)' : ''}`),
  ];
  return [{ ...fact, read }, ...(own === null ? [] : paneFacts(own, observed))];
}

function describePane(pane: TmuxPane): string {
  return `pane ${pane.id} ${pane.width}x${pane.height}, process ${pane.pid ?? 'gone'}, shown as ${JSON.stringify(pane.current_command)}`;
}

function paneFacts(pane: TmuxPane, observed: Observed): readonly Fact[] {
  const runs: Fact = { from: '/proc, by what is executed', read: [describeRuns(pane.runs)] };
  const prompt =
    pane.prompt === null ? [] : [{ from: `the screen of ${pane.id}`, read: [`at a prompt: ${pane.prompt.text}`] }];
  const pid = 'pid' in pane.runs ? pane.runs.pid : pane.pid;
  const { processes } = observed.sources;
  const seen = processes.status === 'known' && pid !== null ? processes.value.processes[String(pid)] : undefined;
  return [runs, ...(seen === undefined ? [] : [processFact(seen)]), ...prompt];
}

export function describeRuns(runs: PaneRuns): string {
  switch (runs.verdict) {
    case 'runtime':
      return `runs ${runs.runtime} (${runs.strength}): ${runs.evidence}`;
    case 'shell':
      return `a shell is left: ${runs.program}, process ${runs.pid}`;
    case 'other':
      return `runs ${runs.program}, which no runtime matches, process ${runs.pid}`;
    case 'dead':
      return `dead: ${runs.status === null ? (runs.signal ?? 'exit unknown') : `exit ${runs.status}`}`;
    case 'gone':
      return "the pane's process is gone";
    case 'ambiguous':
      return `cannot be told, one of ${runs.runtimes.join(', ')}: ${runs.evidence}`;
    case 'opaque':
      return `cannot be seen into: ${runs.program}`;
    case 'suspended':
      return `stopped by a signal: ${runs.runtime ?? 'unknown'}, process ${runs.pid}`;
    case 'unknown':
      return `unknown (${runs.why}): ${runs.detail}`;
    default:
      return unreachable(runs);
  }
}

function processFact(seen: ProcessObserved): Fact {
  const cwd = seen.cwd.status === 'known' ? seen.cwd.value : `unknown (${seen.cwd.why})`;
  const env =
    seen.env.status === 'known'
      ? Object.entries(seen.env.value.values).map(([key, value]) => `${key}=${value}`)
      : [`environment unknown (${seen.env.why}): ${seen.env.detail}`];
  const first = `${seen.exe ?? seen.comm}, state ${seen.state}, since ${time(seen.started_ms)}, in ${cwd}`;
  return { from: `/proc/${seen.pid}`, read: [first, ...env] };
}

function unitFact(name: string, observed: Observed): Fact {
  return fromSource('the user manager of systemd', observed.sources.units, ({ units }) => {
    const unit = units[name];
    if (unit === undefined) return missing(name);
    const lines = [
      `${unit.load_state}, ${unit.active_state} (${unit.sub_state})${unit.result === '' ? '' : `, result ${unit.result}`}`,
      `unit file ${unit.unit_file_state || 'none'}, wanted by ${unit.wanted_by.join(', ') || 'nothing'}`,
    ];
    if (unit.fragment_path !== null) lines.push([unit.fragment_path, ...unit.drop_in_paths].join(', '));
    if (unit.need_daemon_reload) lines.push('its file was changed since it was loaded');
    return lines;
  });
}

function fileFact(kind: 'unit-file' | 'env-file', name: string, observed: Observed): Fact {
  const from = kind === 'unit-file' ? `~/.config/systemd/user/${name}` : fromEnvFile(name);
  return fromSource(from, observed.sources.files, (files) => {
    const file = kind === 'unit-file' ? files.unit_files[name] : launchFile(name, files);
    if (file === undefined) return missing(name);
    if (file.state === 'absent') return ['absent'];
    if (file.state === 'unknown') return [`unknown (${file.why}): ${file.detail}`];
    const head = `changed ${time(file.modified_ms)}, mode ${(file.mode & 0o7777).toString(8).padStart(4, '0')}`;
    const own = 'own' in file ? Object.entries(file.own).map(([key, value]) => `${key}=${value}`) : [];
    return [head, ...own];
  });
}

function fromEnvFile(name: string): string {
  if (name === 'fleet.launch') return '~/.local/share/fleet/launch';
  return name.endsWith('.argv') ? `~/.config/fleet/agents/${name}` : `env file of ${name}`;
}

/** The env file, the rendered command (`NAME.argv`) or the launcher: no agent's name holds a dot. */
function launchFile(name: string, files: FilesObserved): FileObserved | EnvFileObserved | undefined {
  if (name === 'fleet.launch') return files.launcher;
  return name.endsWith('.argv') ? files.argv_files[name.slice(0, -'.argv'.length)] : files.env_files[name];
}

function heartbeatFacts(agent: string, observed: Observed): readonly Fact[] {
  const { heartbeats } = observed.sources;
  if (heartbeats.status === 'unknown') return [fromSource('heartbeats', heartbeats, () => [])];
  const files = heartbeats.value.agents[agent];
  if (files === undefined) return [{ from: 'heartbeats', read: missing(agent) }];
  return (['beat', 'native'] as const).map((which) => {
    const file = files[which];
    const from = `${files.directory}/${agent}.hb${which === 'native' ? '.native' : ''}`;
    if (file.state === 'absent') return { from, read: ['absent'] };
    if (file.state === 'unreadable') return { from, read: [`unreadable (${file.why}): ${file.detail}`] };
    const age = formatAge(Date.parse(observed.observed_at) - file.ts_ms);
    return {
      from,
      read: [`${time(file.ts_ms)} (${age} ago), process ${file.pid ?? 'unnamed'}, ${file.status ?? 'no status'}`],
    };
  });
}

const time = (ms: number): string => new Date(ms).toISOString();
