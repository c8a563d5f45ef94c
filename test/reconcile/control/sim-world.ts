/**
 * A lean host for simulated time: what the controller can see and change, as a few facts, and an observation told from
 * them. Faults change the facts; a look may be blind, or tell of an earlier moment.
 */
import type { Change, Precondition } from '../../../src/diff/plan.ts';
import type { Observed, TmuxSession } from '../../../src/observe/state.ts';
import { type Failure, failure } from '../../../src/reconcile/outcome.ts';
import { fingerprint } from '../../../src/spec/fingerprint.ts';
import type { AgentSpec, Roster } from '../../../src/spec/model.ts';
import * as seen from '../../diff/world.ts';
import { HOME } from '../../diff/world.ts';

export const NAMES = ['alpha', 'beta', 'gamma', 'delta'] as const;

/** How a started agent lives. */
export type Fate = 'good' | 'exits-at-once' | 'exits-after-1s' | 'exits-with-0' | 'dies-at-night';
export type SourceName = 'tmux' | 'units' | 'files' | 'heartbeats' | 'processes';

export interface Live {
  readonly id: string;
  readonly pid: number;
  readonly created: number;
  spec: string;
  state: 'right' | 'dead' | 'shell' | 'other';
  attached: number;
  busy: boolean;
  beats: boolean;
}

export interface SimAgent {
  session: Live | null;
  active: 'active' | 'inactive' | 'failed';
  enabled: boolean;
  envOther: boolean;
  fate: Fate;
}

export interface RosterChoice {
  readonly args: Readonly<Record<string, number>>;
  readonly stopped: readonly string[];
  readonly absent: readonly string[];
}

export const PLAIN: RosterChoice = { args: {}, stopped: [], absent: [] };

const cache = new Map<string, { readonly roster: Roster; readonly base: Observed }>();

export function rosterFor(choice: RosterChoice): { readonly roster: Roster; readonly base: Observed } {
  const lines = NAMES.filter((n) => !choice.absent.includes(n)).map((name) => {
    const version = choice.args[name] ?? 0;
    const fields = [
      `name: ${name}`,
      `runtime: ${name === 'delta' ? 'stub' : 'pi'}`,
      ...(version === 0 ? [] : [`args: [--version-${version}]`]),
      ...(name === 'beta' ? ['heartbeat: { on_stale: restart }'] : []),
      ...(name === 'gamma' && !choice.absent.includes('alpha') ? ['depends_on: [alpha]'] : []),
      ...(name === 'delta' ? ['restart: { backoff: 1s, max_backoff: 1m, limit: 8, window: 10m }'] : []),
      ...(choice.stopped.includes(name) ? ['state: stopped', 'stopped: { by: ada, why: simulated }'] : []),
    ];
    return `  - { ${fields.join(', ')} }`;
  });
  const yaml = `version: 1
fleet: mosaic
tmux: { socket_name: factory }
runtimes:
  stub: { command: [python3, ~/stub.py], match: { script: stub.py } }
defaults: { working_directory: ~/src }
agents:
${lines.join('\n')}
`;
  const known = cache.get(yaml);
  if (known !== undefined) return known;
  const roster = seen.roster(yaml);
  const made = { roster, base: seen.healthy(roster) as Observed };
  cache.set(yaml, made);
  return made;
}

export class SimWorld {
  readonly agents = new Map<string, SimAgent>();
  server: { pid: number; start: number } | null = { pid: 100, start: 1_780_000_000 };
  linger = true;
  /** Effects fail: the disk is full, systemd refuses. */
  broken = false;
  readonly blind = new Set<SourceName>();
  /** Looks tell of this moment instead of now. */
  stale: Observed | null = null;
  /** Heartbeats were written by another time of day, milliseconds ahead of now. */
  beatSkew = 0;
  /** Goes up with each change of what can be seen. */
  revision = 0;
  choice: RosterChoice = PLAIN;
  private next = 1000;
  private rendered: { readonly revision: number; readonly observed: Observed } | null = null;
  private readonly seconds: () => number;

  constructor(seconds: () => number) {
    this.seconds = seconds;
    for (const name of NAMES) {
      this.agents.set(name, { session: null, active: 'active', enabled: true, envOther: false, fate: 'good' });
      this.makeSession(name);
    }
  }

  agent(name: string): SimAgent {
    const found = this.agents.get(name);
    if (found === undefined) throw new Error(`no agent ${name}`);
    return found;
  }
  spec(name: string): AgentSpec | undefined {
    return rosterFor(this.choice).roster.agents.find((a) => a.name === name);
  }
  private wanted(name: string): string | null {
    const spec = this.spec(name);
    return spec === undefined ? null : fingerprint(spec, HOME);
  }
  changed(): void {
    this.revision += 1;
  }
  /** By the files as they are: the spec in force when it is started. */
  makeSession(name: string): Live {
    this.next += 1;
    const spec = this.spec(name);
    const live: Live = {
      id: `$${this.next}`,
      pid: this.next,
      created: this.seconds(),
      spec: spec === undefined ? 'gone' : fingerprint(spec, HOME),
      state: 'right',
      attached: 0,
      busy: false,
      beats: true,
    };
    this.agent(name).session = live;
    this.changed();
    return live;
  }
  endServer(): void {
    this.server = null;
    for (const agent of this.agents.values()) agent.session = null;
    this.changed();
  }
  startServer(): void {
    if (this.server !== null) return;
    this.next += 1;
    this.server = { pid: this.next, start: this.seconds() };
    this.changed();
  }

  // --- what is seen ---

  /** `now`: Unix milliseconds of the wall clock. */
  look(now: number): Observed {
    const observed = this.stale ?? this.truth();
    const at = new Date(now).toISOString();
    if (this.blind.size === 0) return { ...observed, observed_at: at };
    const { sources } = observed;
    const blinded: Record<string, unknown> = { ...sources };
    for (const name of this.blind) blinded[name] = { status: 'unknown', why: 'timeout', detail: 'simulated' };
    return { ...observed, observed_at: at, sources: blinded as Observed['sources'] };
  }
  /** The same object while nothing changed. */
  truth(): Observed {
    if (this.rendered?.revision !== this.revision) {
      this.rendered = { revision: this.revision, observed: this.render() };
    }
    return this.rendered.observed;
  }
  private render(): Observed {
    const { roster, base } = rosterFor(this.choice);
    const full = rosterFor(PLAIN).base;
    const current = rosterFor({ ...PLAIN, args: this.choice.args }).base;
    const sessions: TmuxSession[] = [];
    const processes: Record<string, unknown> = {};
    const beats: Record<string, unknown> = {};
    for (const [name, agent] of this.agents) {
      const { session } = agent;
      if (session === null) continue;
      sessions.push(sessionFor(full, name, session));
      if (session.state === 'dead') continue;
      const template = processOf(session.spec === this.wanted(name) ? current : full, name);
      processes[String(session.pid)] = { ...template, pid: session.pid, started_ms: 1_000_000 };
      if (session.state !== 'right') continue;
      const late = session.beats ? 5_000 : 600_000;
      const skew = this.beatSkew;
      const beat = { state: 'present', pid: session.pid, status: session.busy ? 'busy' : 'ok' };
      const rest = { model: null, seq: null, note: null, age: late - skew };
      beats[name] = { directory: '/run', beat: { ...beat, ...rest, ts_ms: 0 }, native: { state: 'absent' } };
    }
    for (const { name } of roster.agents) {
      beats[name] ??= { directory: '/run', beat: { state: 'absent' }, native: { state: 'absent' } };
    }
    const { tmux, units, files, linger, heartbeats, processes: table } = base.sources;
    if (tmux.status !== 'known' || units.status !== 'known' || files.status !== 'known') throw new Error('base');
    if (table.status !== 'known' || heartbeats.status !== 'known' || linger.status !== 'known') throw new Error('base');
    const [first] = tmux.value.servers;
    if (first === undefined || first.server.state !== 'running') throw new Error('no server');
    const { server } = this;
    const holder = first.server.sessions[0];
    const running = {
      ...first,
      listening: server === null ? [] : [{ ...first.listening[0], pid: server.pid }],
      server:
        server === null
          ? { state: 'absent' }
          : { state: 'running', pid: server.pid, start: server.start, sessions: [holder, ...sessions] },
    };
    return {
      ...base,
      sources: {
        tmux: seen.known({ ...tmux.value, servers: [running, ...tmux.value.servers.slice(1)] }),
        units: seen.known({ ...units.value, units: this.unitsFor(units.value.units) }),
        files: seen.known({ ...files.value, env_files: this.envFilesFor(files.value.env_files) }),
        processes: seen.known({ ...table.value, processes }),
        linger: seen.known({ ...linger.value, enabled: this.linger }),
        heartbeats: seen.known({ agents: beats }),
      },
    } as unknown as Observed;
  }
  private unitsFor(base: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
    const units: Record<string, object> = { ...base };
    for (const [name, agent] of this.agents) {
      const unit = `fleet-agent@${name}.service`;
      const template = base[unit];
      if (template === undefined) continue;
      const { active } = agent;
      const boots = agent.enabled;
      units[unit] = {
        ...template,
        active_state: active,
        sub_state: active === 'active' ? 'exited' : active === 'failed' ? 'failed' : 'dead',
        result: active === 'failed' ? 'start-limit-hit' : 'success',
        unit_file_state: boots ? 'enabled' : 'disabled',
        wanted_by: boots ? ['default.target'] : [],
      };
    }
    return units;
  }
  private envFilesFor<T extends object>(base: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
    const files: Record<string, T> = { ...base };
    for (const [name, { envOther }] of this.agents) {
      const file = base[name];
      if (file === undefined || !envOther || !('own' in file)) continue;
      files[name] = { ...file, own: { ...(file.own as object), FLEET_AGENT_CLASS: 'other' }, sha256: 'other' };
    }
    return files;
  }

  // --- what is done ---

  /** Null where it may still be made, else why not: the executor's last look, told from the truth. */
  refusal(
    change: Change,
  ): { readonly why: 'stale' | 'already-satisfied' | 'deferred-busy' | 'deferred-attached' } | null {
    const agent = this.agents.get(change.agent ?? '');
    if (change.kind !== 'session' || agent === undefined) return null;
    const { session } = agent;
    const wanted: Precondition['session'] = change.precondition.session;
    if (wanted === undefined) return null;
    if (wanted === null) {
      if (session === null) return null;
      return { why: session.state === 'right' ? 'already-satisfied' : 'stale' };
    }
    if (session === null) return { why: change.action === 'stop' ? 'already-satisfied' : 'stale' };
    const same =
      session.id === wanted.id && session.created === wanted.created && this.server?.pid === wanted.server.pid;
    if (!same) return { why: session.state === 'right' ? 'already-satisfied' : 'stale' };
    if (session.attached > 0) return { why: 'deferred-attached' };
    if (session.busy && session.state === 'right') return { why: 'deferred-busy' };
    return null;
  }
  /** Null where it was made. */
  make(change: Change): Failure | null {
    if (this.broken) return failure('disk-full', 'No space left', 'simulated');
    const agent = this.agents.get(change.agent ?? '');
    this.changed();
    switch (change.kind) {
      case 'linger':
        this.linger = true;
        return null;
      case 'tmux-server':
        this.startServer();
        return null;
      case 'env-file':
        if (agent !== undefined) agent.envOther = false;
        return null;
      case 'unit':
        return agent === undefined ? null : this.unitChange(change, agent);
      case 'session':
        return agent === undefined ? null : this.sessionChange(change, agent);
      case 'unit-file':
      case 'heartbeat':
        return null;
    }
  }
  private unitChange(change: Change, agent: SimAgent): Failure | null {
    if (change.action === 'enable' || change.action === 'disable') agent.enabled = change.action === 'enable';
    if (change.action !== 'start') return null;
    agent.active = 'active';
    if (agent.session !== null) return null;
    this.makeSession(change.agent ?? '');
    return null;
  }
  private sessionChange(change: Change, agent: SimAgent): Failure | null {
    agent.session = null;
    if (change.action === 'stop') {
      agent.active = 'inactive';
      return null;
    }
    if (this.server === null) return failure('no-server', 'No server', 'simulated');
    agent.active = 'active';
    this.makeSession(change.agent ?? '');
    return null;
  }
}

/**
 * Heartbeats with their time of day: facts hold ages, so that the same facts give the same plan at any time. Only where a
 * plan is made of them, which most looks are spared.
 */
export function withBeats(observed: Observed): Observed {
  const now = Date.parse(observed.observed_at);
  const { heartbeats } = observed.sources;
  if (heartbeats.status !== 'known') return observed;
  const agents = Object.fromEntries(
    Object.entries(heartbeats.value.agents).map(([name, files]) => {
      if (files.beat.state !== 'present' || !('age' in files.beat)) return [name, files];
      const beat = { ...files.beat, ts_ms: now - Number(files.beat.age) };
      return [name, { ...files, beat }];
    }),
  );
  return { ...observed, sources: { ...observed.sources, heartbeats: seen.known({ agents }) } };
}

function sessionFor(full: Observed, name: string, live: Live): TmuxSession {
  const { tmux } = full.sources;
  const server = tmux.status === 'known' ? tmux.value.servers[0]?.server : undefined;
  const template = server?.state === 'running' ? server.sessions.find((s) => s.name === name) : undefined;
  const pane = template?.panes[0];
  if (template === undefined || pane === undefined || template.mark === null) throw new Error('no template');
  const dead = live.state === 'dead';
  const runs = {
    right: { ...pane.runs, pid: live.pid },
    dead: { verdict: 'dead', status: 1, signal: null },
    shell: { verdict: 'shell', pid: live.pid, program: 'bash' },
    other: { verdict: 'runtime', runtime: 'codex', strength: 'strong', pid: live.pid, evidence: 'package' },
  }[live.state] as typeof pane.runs;
  const id = `%${live.pid}`;
  return {
    ...template,
    id: live.id,
    created: live.created,
    attached: live.attached,
    activity: 0,
    mark: { ...template.mark, spec: live.spec, pane: id },
    panes: [{ ...pane, id, pid: live.pid, dead, dead_status: dead ? 1 : null, window_activity: 0, runs }],
  };
}

function processOf(base: Observed, name: string): object {
  const { processes, tmux } = base.sources;
  const server = tmux.status === 'known' ? tmux.value.servers[0]?.server : undefined;
  const pid = server?.state === 'running' ? server.sessions.find((s) => s.name === name)?.panes[0]?.pid : undefined;
  const found = processes.status === 'known' ? processes.value.processes[String(pid)] : undefined;
  if (found === undefined) throw new Error(`no process of ${name}`);
  return found;
}
