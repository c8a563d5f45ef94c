/**
 * A host in memory (longer than most files: one small thing for each part of a host that apply touches): what the executor does to it is interpreted, what it looks at is told from it, and any step can be
 * made to fail, to hang or to be the last. Tests assert the world afterwards, not the calls.
 */
import type { ServerIdentity } from '../../src/diff/plan.ts';
import type { PlanMemory, PlanPolicy } from '../../src/diff/policy.ts';
import type { RunResult } from '../../src/observe/run.ts';
import type {
  EnvFileObserved,
  FileObserved,
  HeartbeatFile,
  Observed,
  PaneRuns,
  TmuxServerObserved,
  TmuxSession,
} from '../../src/observe/state.ts';
import { type ApplyInput, applyPlan } from '../../src/reconcile/apply.ts';
import { inventoryPath, journalPath, readInventory } from '../../src/reconcile/inventory.ts';
import { type ApplyEvent, type ApplyResult, failure } from '../../src/reconcile/outcome.ts';
import type { ApplyPorts, FileRead, FileWriter, ProcessControl } from '../../src/reconcile/ports.ts';
import { renderArgvFile } from '../../src/spec/argv-file.ts';
import { envFileValues, envFileVariables, mergeEnvFile, parseEnvFile, wantedEnv } from '../../src/spec/env-file.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { expandHome } from '../../src/spec/home.ts';
import { LAUNCHER_PATH, renderLauncher } from '../../src/spec/launcher.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import type { AgentSpec, Roster } from '../../src/spec/model.ts';
import { sha256 } from '../../src/spec/sha256.ts';
import { renderUnitFiles } from '../../src/spec/unit-file.ts';
import * as seen from '../diff/world.ts';

export const { HOME, NOW } = seen;
export const OPERATORS_LINE = 'export OPERATORS_OWN=kept  # by hand\n';

/** What becomes of an agent that is started. */
export const FATES = [
  'right',
  'dies',
  'gone',
  'parked',
  'wrong-directory',
  'wrong-program',
  'silent',
  'finishes',
  'crashes',
  'other-spec',
] as const;
export type Fate = (typeof FATES)[number];
export type Trouble = 'fail' | 'hang' | 'die';

/** Thrown in the middle of an effect: the executor was killed there. */
export class Died extends Error {}

/** As parsed, by their text: suites look at the same few files over and over. */
type EnvFilePresent = Extract<seen.Mutable<EnvFileObserved>, { state: 'present' }>;
const ENV_FILES = new Map<string, EnvFilePresent>();

type RunningServer = Extract<seen.Mutable<TmuxServerObserved>['server'], { state: 'running' }>;
type Handler = (args: readonly string[]) => RunResult;

export class World {
  /** Another than at first where `moveTo` was called: somebody edited it. */
  roster: Roster;
  readonly truth: seen.Mutable<Observed>;
  readonly disk = new Map<string, { content: string; mode: number }>();
  readonly fates = new Map<string, Fate>();
  /** Processes that a hangup does not end, and the signals that do. */
  /** What is in the heartbeat files of these, whatever they do. */
  readonly oddBeats = new Map<string, HeartbeatFile>();
  readonly stubborn = new Map<number, 'SIGTERM' | 'SIGKILL'>();
  readonly signals: string[] = [];
  /** Things done to the world, in order, for telling how many steps an apply has. */
  readonly steps: string[] = [];
  /** fleet's own state counts as a step too. */
  countsState = false;
  trouble: { readonly step: number; readonly what: Trouble } | null = null;
  /** Called just before each step, for what others do meanwhile. */
  meanwhile: (step: string) => void = () => {};
  clock = NOW;
  /** Env files that are newer than their sessions, by agent: Unix milliseconds. */
  private readonly modified = new Map<string, number>();
  /** A unit that `enable` claims to enable and does not. */
  readonly cannotEnable = new Set<string>();
  lingerRefused = false;
  /** tmux exits 0, says nothing and does nothing ("access not allowed"). */
  accessDenied = false;
  /** daemon-reload exits 0 and systemd still wants one. */
  reloadsInVain = false;
  /** So many jobs are refused before one is taken. */
  conflicts = 0;
  private readonly later: { readonly at: number; readonly happen: () => void }[] = [];
  /** What units are like where the user manager comes up with linger. */
  private managerDown: seen.Mutable<Observed>['sources']['units'] | null = null;
  private readonly never = new AbortController().signal;
  private nextPid = 5000;
  private nextId = 100;

  constructor(wanted: string | Roster) {
    this.roster = typeof wanted === 'string' ? seen.roster(wanted) : wanted;
    this.truth = seen.healthy(this.roster);
    // Told from the disk by each look.
    Object.assign(seen.filesOf(this.truth), { env_files: {}, argv_files: {} });
    const { layout } = this;
    for (const agent of this.roster.agents) {
      const env = mergeEnvFile(OPERATORS_LINE, wantedEnv(this.roster, agent, HOME));
      this.put(expandHome(layout.envFile(agent.name), HOME), env, 0o640);
      if (this.launcher) this.put(this.argvPath(agent.name), renderArgvFile(this.roster, agent, HOME), 0o600);
    }
    if (this.launcher) this.put(expandHome(LAUNCHER_PATH, HOME), renderLauncher(), 0o700);
    const unitFiles = renderUnitFiles(this.roster, this.roster.agents, HOME);
    for (const [name, content] of Object.entries(unitFiles)) this.put(this.unitPath(name), content, 0o644);
  }

  get layout() {
    return layoutOf(this.roster.layout);
  }
  get launcher(): boolean {
    return this.roster.layout === 'fleet' || this.roster.supervisor === 'none';
  }
  put(path: string, content: string, mode = 0o600): void {
    this.disk.set(path, { content, mode });
  }
  text(path: string): string | null {
    return this.disk.get(path)?.content ?? null;
  }
  envPath(agent: string): string {
    return expandHome(this.layout.envFile(agent), HOME);
  }
  argvPath(agent: string): string {
    return `${HOME}/.config/fleet/agents/${agent}.argv`;
  }
  unitPath(name: string): string {
    return `${HOME}/.config/systemd/user/${name}`;
  }
  agent(name: string): AgentSpec {
    const found = this.roster.agents.find((a) => a.name === name);
    if (found === undefined) throw new Error(`no agent ${name}`);
    return found;
  }
  session(name: string): seen.Mutable<TmuxSession> {
    return seen.session(this.truth, name);
  }
  has(name: string): boolean {
    const { server } = seen.tmuxOf(this.truth);
    return server.state === 'running' && server.sessions.some((s) => s.name === name);
  }
  unit(name: string) {
    return seen.unit(this.truth, name);
  }
  agentUnit(agent: string) {
    return this.unit(this.layout.agentUnit(agent));
  }
  memory(): PlanMemory {
    const path = inventoryPath(HOME, 'w-jarvis', this.roster.fleet);
    const [text, journal] = [this.text(path), this.text(journalPath(path))];
    const { remembered } = this;
    if (remembered !== null && remembered.text === text && remembered.journal === journal) return remembered.memory;
    const read = readInventory(path, (p) => this.files.read(p));
    if (!read.ok) throw new Error(read.error.detail);
    this.remembered = { text, journal, memory: read.value };
    return read.value;
  }
  /** The last that was read: it changes less often than it is asked for. */
  private remembered: {
    readonly text: string | null;
    readonly journal: string | null;
    readonly memory: PlanMemory;
  } | null = null;

  // --- breaking things ---

  /** Everything that fleet would write or make is not there yet. */
  empty(): void {
    this.disk.clear();
    this.killServer();
    for (const unit of this.units()) {
      Object.assign(unit, {
        load_state: 'not-found',
        active_state: 'inactive',
        sub_state: 'dead',
        unit_file_state: '',
        wanted_by: [],
      });
    }
  }
  killServer(): void {
    const server = seen.tmuxOf(this.truth);
    for (const s of this.sessions()) for (const p of s.panes) this.endProcess(p.pid);
    server.listening = [];
    server.server = { state: 'absent' };
  }
  dropSession(name: string): void {
    for (const p of this.session(name).panes) this.endProcess(p.pid);
    seen.dropSession(this.truth, name);
  }
  runs(name: string, runs: PaneRuns): void {
    seen.paneOf(this.truth, name).runs = runs as seen.Mutable<PaneRuns>;
  }
  stopManager(): void {
    this.managerDown = this.truth.sources.units;
    this.truth.sources.units = {
      status: 'unknown',
      why: 'no-runtime-directory',
      detail: '/run/user/1000 is not there',
    };
    this.truth.sources.linger = seen.known({ user: 'jarvis', enabled: false });
  }
  envWritten(agent: string): void {
    this.modified.set(agent, this.clock);
  }
  after(ms: number, happen: () => void): void {
    this.later.push({ at: this.clock + ms, happen });
  }
  /** Somebody ends the session and makes it again by hand. */
  recreate(name: string): void {
    this.dropSession(name);
    this.start(this.agent(name));
  }

  /** Somebody edits the roster. Files, units and sessions stay; what the new one names is there to be found. */
  moveTo(roster: Roster): void {
    this.roster = roster;
    const fresh = seen.healthy(roster);
    const files = seen.filesOf(this.truth);
    const { directories, commands, secret_files } = seen.filesOf(fresh);
    Object.assign(files, {
      directories: { ...directories, ...files.directories },
      commands: { ...commands, ...files.commands },
      secret_files: { ...secret_files, ...files.secret_files },
    });
    const { units, heartbeats } = this.truth.sources;
    if (units.status === 'known') {
      for (const { name } of roster.agents) {
        const unit = this.layout.agentUnit(name);
        units.value.units[unit] ??= seen.unitNamed(unit, false, false) as never;
      }
    }
    if (heartbeats.status === 'known' && fresh.sources.heartbeats.status === 'known') {
      heartbeats.value.agents = { ...fresh.sources.heartbeats.value.agents, ...heartbeats.value.agents };
    }
  }

  /** Another roster for the same host: what it names anew is looked at from now on. */
  use(roster: Roster): void {
    this.roster = roster;
    const wanted = seen.healthy(roster);
    const { files, heartbeats, units, tmux } = this.truth.sources;
    const fresh = wanted.sources;
    if (files.status === 'known' && fresh.files.status === 'known') {
      Object.assign(files.value.directories, fresh.files.value.directories);
      Object.assign(files.value.commands, fresh.files.value.commands);
      files.value.secret_files = { ...files.value.secret_files, ...fresh.files.value.secret_files };
    }
    if (heartbeats.status === 'known' && fresh.heartbeats.status === 'known') {
      heartbeats.value.agents = { ...fresh.heartbeats.value.agents, ...heartbeats.value.agents };
    }
    if (units.status === 'known' && fresh.units.status === 'known') {
      for (const name of Object.keys(fresh.units.value.units)) {
        units.value.units[name] ??= seen.unitNamed(name, false, false) as seen.Mutable<
          ReturnType<typeof seen.unitNamed>
        >;
      }
    }
    if (tmux.status === 'known' && fresh.tmux.status === 'known') {
      for (const server of fresh.tmux.value.servers) {
        if (tmux.value.servers.some((s) => s.socket === server.socket)) continue;
        tmux.value.servers.push({ ...server, listening: [], server: { state: 'absent' } });
      }
    }
  }

  // --- plan and apply ---

  plan(policy: Parameters<typeof seen.planOf>[2] = {}) {
    return seen.planOf(this.roster, this.look(), { memory: this.memory(), ...policy });
  }
  /** The plan of another roster. */
  planFor(roster: Roster, policy: Partial<PlanPolicy>) {
    return seen.planOf(roster, this.look(), { memory: this.memory(), policy });
  }
  drift(): readonly string[] {
    return seen.lines(this.plan());
  }
  async apply(input: Partial<ApplyInput> = {}): Promise<ApplyResult & { readonly events: readonly ApplyEvent[] }> {
    const events: ApplyEvent[] = [];
    const result = await applyPlan({
      plan: input.plan ?? this.plan(),
      observed: input.observed ?? this.look(),
      roster: this.roster,
      host: 'w-jarvis',
      tenant: 'jarvis',
      user: { name: 'jarvis', uid: 1000, home: HOME },
      policy: seen.POLICY,
      ports: this.ports,
      signal: this.never,
      onEvent: (event) => events.push(event),
      ...input,
    });
    return { ...result, events };
  }
  get ports(): ApplyPorts {
    return {
      run: async (program, args) => this.run(program, args),
      observe: async (agents) => {
        await new Promise(setImmediate);
        return agents === null ? this.look() : this.narrowed(agents);
      },
      files: this.files,
      processes: this.processes,
      now: () => this.clock,
      delay: async (ms) => {
        const until = this.clock + ms;
        await new Promise(setImmediate);
        this.clock = Math.max(this.clock, until);
        for (const event of this.later.splice(0)) {
          if (event.at <= this.clock) event.happen();
          else this.later.push(event);
        }
      },
    };
  }

  // --- what is seen ---

  look(): Observed {
    const observed = seen.copyOf(this.truth);
    observed.observed_at = new Date(this.clock).toISOString();
    const files = seen.filesOf(observed);
    const asFile = (path: string): FileObserved => {
      const file = this.disk.get(path);
      if (file === undefined) return { state: 'absent' };
      return {
        state: 'present',
        content: file.content,
        mode: file.mode,
        modified_ms: NOW - 7_200_000,
        link_target: null,
      };
    };
    Object.assign(files, { env_files: {}, argv_files: {} });
    for (const name of this.agentsOnDisk()) {
      const text = this.text(this.envPath(name));
      const modified_ms = this.modified.get(name) ?? NOW - 7_200_000;
      files.env_files[name] = text === null ? { state: 'absent' } : { ...this.envSeen(text), modified_ms };
      files.argv_files[name] = asFile(this.argvPath(name));
    }
    files.launcher = asFile(expandHome(LAUNCHER_PATH, HOME));
    for (const name of [this.layout.holderUnit, this.layout.agentTemplate])
      files.unit_files[name] = asFile(this.unitPath(name));
    this.beat(observed);
    return observed;
  }
  /** Only sessions of agents that are asked for, and on the roster, are looked into. */
  private narrowed(agents: readonly string[]): Observed {
    const observed = this.look() as seen.Mutable<Observed>;
    const asked = new Set(this.roster.agents.map((a) => a.name).filter((name) => agents.includes(name)));
    const { tmux, processes, heartbeats } = observed.sources;
    if (tmux.status !== 'known' || processes.status !== 'known' || heartbeats.status !== 'known') return observed;
    for (const { server } of tmux.value.servers) {
      if (server.state !== 'running') continue;
      for (const pane of server.sessions.filter((s) => !asked.has(s.name)).flatMap((s) => s.panes)) {
        delete processes.value.processes[String(pane.pid)];
        Object.assign(pane, {
          runs: { verdict: 'unknown', why: 'not-observed', detail: 'not looked at' },
          window_activity: null,
        });
      }
    }
    for (const name of Object.keys(heartbeats.value.agents)) if (!asked.has(name)) delete heartbeats.value.agents[name];
    const files = seen.filesOf(observed);
    for (const { name } of this.roster.agents) {
      if (asked.has(name)) continue;
      const unread = { state: 'unknown', why: 'not-observed', detail: 'this agent was not looked at' } as const;
      Object.assign(files.env_files, { [name]: unread });
      Object.assign(files.argv_files, { [name]: unread });
      delete files.commands[name];
    }
    return observed;
  }
  /** The roster's, and every other one that has files. */
  private agentsOnDisk(): readonly string[] {
    const left = [...this.disk.keys()].flatMap((path) => /\/agents\/([^/]+)\.(?:env|argv)$/.exec(path)?.[1] ?? []);
    return [...new Set([...this.roster.agents.map((a) => a.name), ...left])];
  }
  private envSeen(text: string): EnvFilePresent {
    const known = ENV_FILES.get(text);
    if (known !== undefined) return known;
    const parsed = parseEnvFile(text);
    const own = Object.entries(envFileValues(parsed)).filter(([key]) => this.layout.keyOrder.includes(key));
    const file: EnvFilePresent = {
      state: 'present',
      keys: [...envFileVariables(parsed).keys()],
      own: Object.fromEntries(own),
      mode: 0o600,
      modified_ms: NOW - 7_200_000,
      sha256: sha256(text),
    };
    if (ENV_FILES.size > 5_000) ENV_FILES.clear();
    ENV_FILES.set(text, file);
    return file;
  }
  /** Living agents beat; the busy ones say so. */
  private beat(observed: seen.Mutable<Observed>): void {
    if (observed.sources.heartbeats.status !== 'known' || observed.sources.tmux.status !== 'known') return;
    for (const [name, beats] of Object.entries(observed.sources.heartbeats.value.agents)) {
      const pid = this.sessions().find((s) => s.name === name)?.panes[0]?.pid ?? null;
      const odd = this.oddBeats.get(name);
      if (odd !== undefined) beats.beat = odd;
      else if (this.fates.get(name) === 'silent') beats.beat = { state: 'absent' };
      else if (pid !== null && beats.beat.state === 'present') {
        beats.beat = { ...beats.beat, pid, ts_ms: this.clock - 1000 };
      }
    }
  }

  // --- what is done ---

  private fileStep(path: string, what: () => string): Trouble | null {
    return this.countsState || !path.includes('/.local/state/fleet/') ? this.step(what()) : null;
  }
  private step(what: string): Trouble | null {
    this.meanwhile(what);
    this.steps.push(what);
    const hit = this.trouble !== null && this.trouble.step === this.steps.length;
    if (hit && this.trouble?.what === 'die') throw new Died(what);
    return hit ? (this.trouble?.what ?? null) : null;
  }

  readonly files: FileWriter = {
    read: (path): FileRead => {
      const file = this.disk.get(path);
      if (file === undefined) return { state: 'absent' };
      const { content, mode } = file;
      return {
        ...{ state: 'present', content, mode },
        // Few of those who read ask for it.
        get sha256() {
          return sha256(content);
        },
      };
    },
    write: (path, content, mode) => {
      if (this.fileStep(path, () => `write ${path}`) !== null) {
        return { ok: false, error: failure('disk-full', 'No space left', `writing ${path}: ENOSPC`) };
      }
      const old = this.disk.get(path)?.mode;
      this.put(path, content, 'always' in mode ? mode.always : (old ?? mode.ifNew));
      if (path.startsWith(this.unitPath(''))) this.unitFileWritten();
      return { ok: true, value: null };
    },
    append: (path, lines, sync) => {
      if (this.fileStep(path, () => `append ${path}${sync ? ' synced' : ''}: ${lines}`) !== null) {
        return { ok: false, error: failure('disk-full', 'No space left', `appending to ${path}: ENOSPC`) };
      }
      const old = this.text(path) ?? '';
      this.put(path, `${old.slice(0, old.lastIndexOf('\n') + 1)}${lines}`);
      return { ok: true, value: null };
    },
    remove: (path) => {
      if (this.fileStep(path, () => `remove ${path}`) !== null) {
        return { ok: false, error: failure('read-only', 'The file system is read-only', `removing ${path}: EROFS`) };
      }
      this.disk.delete(path);
      return { ok: true, value: null };
    },
    makeDirectory: () => ({ ok: true, value: null }),
  };

  readonly processes: ProcessControl = {
    startTime: (pid) => {
      for (const live of this.listening()) if (live.pid === pid) return live.start_time;
      const { processes } = this.truth.sources;
      return processes.status === 'known' ? (processes.value.processes[String(pid)]?.start_time ?? null) : null;
    },
    signal: (pid, name, { group }) => {
      if (this.step(`${name} ${pid}`) !== null) return false;
      this.signals.push(`${name} ${group ? 'group ' : ''}${pid}`);
      if (name === 'SIGUSR1') this.socketMadeAgain(pid);
      else if (name === 'SIGKILL' || this.stubborn.get(pid) === 'SIGTERM') {
        this.stubborn.delete(pid);
        this.endProcess(pid);
      }
      return true;
    },
  };

  private run(program: string, args: readonly string[]): RunResult {
    // What only looks is no step.
    const trouble = args.includes('capture-pane') ? null : this.step([program, ...args].join(' '));
    if (trouble === 'hang') return { kind: 'failed', why: 'timeout', detail: `${program} gave no answer within 5 s` };
    if (trouble === 'fail') return exited(1, '', 'it was made to fail');
    const handlers: Readonly<Record<string, Handler>> = {
      systemctl: (a) =>
        this.systemctl(
          a.filter((w) => !w.startsWith('-')),
          a.includes('--runtime'),
        ),
      loginctl: () => this.enableLinger(),
      tmux: (a) => this.tmux(a[a.indexOf('-L') + 1] ?? '', a.slice(4)),
      '/bin/sh': (a) => this.launch(a.slice(1)),
    };
    return handlers[program]?.(args) ?? { kind: 'failed', why: 'not-installed', detail: program };
  }

  private systemctl([verb, name]: readonly string[], runtime: boolean): RunResult {
    if (this.conflicts > 0) {
      this.conflicts -= 1;
      return exited(1, '', "Failed to start it: Transaction for it is destructive (it has 'stop' job queued).");
    }
    if (verb === 'daemon-reload') {
      if (this.reloadsInVain) return exited(0);
      for (const unit of this.units()) unit.need_daemon_reload = false;
      return exited(0);
    }
    // An instance of a template is known to systemctl whether or not it is loaded.
    if (verb === 'disable' && !this.units().some((u) => u.name === name)) return exited(0);
    const unit = this.unit(name ?? '');
    if (unit.load_state === 'not-found') return exited(5, '', `Unit ${name} not found.`);
    switch (verb) {
      case 'enable':
      case 'reenable':
        if (!this.cannotEnable.has(unit.name))
          Object.assign(unit, { unit_file_state: 'enabled', wanted_by: ['default.target'] });
        break;
      case 'disable':
        // "Unit … is masked, ignoring.", exit 0.
        if (unit.load_state === 'masked') break;
        if ((unit.unit_file_state === 'enabled-runtime') !== runtime) break;
        Object.assign(unit, { unit_file_state: 'disabled', wanted_by: [] });
        if (unit.active_state === 'inactive' && this.orphan(unit.name)) this.unload(unit.name);
        break;
      case 'reset-failed':
        if (unit.active_state === 'failed') Object.assign(unit, { active_state: 'inactive', sub_state: 'dead' });
        break;
      case 'start':
        if (unit.active_state === 'failed') return exited(1, '', `Job for ${unit.name} failed.`);
        if (unit.active_state !== 'active') this.execStart(unit.name);
        break;
      case 'restart':
        this.execStart(unit.name);
        break;
      case 'stop':
        Object.assign(unit, { active_state: 'inactive', sub_state: 'dead' });
        break;
    }
    return exited(0);
  }
  private orphan(unit: string): boolean {
    const agent = this.layout.agentOfUnit(unit);
    return agent !== null && !this.roster.agents.some((a) => a.name === agent);
  }
  private unload(name: string): void {
    const { units } = this.truth.sources;
    if (units.status === 'known') delete units.value.units[name];
  }
  private execStart(name: string): void {
    const agent = this.layout.agentOfUnit(name);
    if (agent === null) this.startServer();
    else if (!this.has(agent)) this.start(this.agent(agent));
    Object.assign(this.unit(name), { active_state: 'active', sub_state: 'exited', result: 'success' });
  }

  private launch([verb, name]: readonly string[]): RunResult {
    if (this.text(expandHome(LAUNCHER_PATH, HOME)) === null) return exited(2, '', 'sh: cannot open launch');
    if (verb === 'holder') this.startServer();
    else if (verb === 'start' && !this.has(name ?? '')) {
      if (seen.tmuxOf(this.truth).server.state !== 'running') return exited(1, '', 'fleet: no server');
      if (this.text(this.argvPath(name ?? '')) === null) return exited(78, '', 'fleet: there is no spec');
      this.start(this.agent(name ?? ''));
    }
    return exited(0);
  }

  private tmux(socket: string, args: readonly string[]): RunResult {
    const asked = this.serverOn(socket);
    if (asked?.server.state !== 'running') return exited(1, '', 'no server running on /tmp/x');
    if (args[0] === 'capture-pane') return exited(0, 'Traceback: boom\n\nPane is dead (status 3)\n');
    if (args[0] === 'new-session') this.startServer();
    else if (args[0] === 'if-shell')
      return this.guardedKill(asked.server, String(args[3]), String(args[4]), String(args[5]));
    return exited(0);
  }
  private guardedKill(server: RunningServer, target: string, condition: string, kill: string): RunResult {
    const session = server.sessions.find((s) => target === `=${s.name}:`);
    const values: Record<string, string> = {
      pid: String(server.pid),
      start_time: String(server.start),
      session_id: session?.id ?? '',
      session_created: String(session?.created ?? ''),
      session_attached: String(session?.attached ?? ''),
      '@fleet_mark': session?.mark
        ? `${session.mark.owner}/${session.mark.agent}/${server.pid}/${session.id}/${session.created}`
        : '',
    };
    if (this.accessDenied) return exited(0, '', 'access not allowed');
    const facts = [...condition.matchAll(/#\{==:#\{([^}]+)\},([^}]*)\}/g)];
    const holds = facts.length > 0 && facts.every(([, name, value]) => values[name ?? ''] === value);
    if (!holds || session === undefined) return exited(0, 'fleet-guard-refused\n');
    if (kill !== `kill-session -t '${session.id}'`) return exited(1, '', `unknown command: ${kill}`);
    for (const { pid } of session.panes) this.endProcess(pid);
    server.sessions.splice(server.sessions.indexOf(session), 1);
    return exited(0);
  }

  private enableLinger(): RunResult {
    if (this.lingerRefused) return exited(1, '', 'Could not enable linger: Interactive authentication required.');
    this.truth.sources.linger = seen.known({ user: 'jarvis', enabled: true });
    this.after(2_000, () => {
      if (this.managerDown !== null) this.truth.sources.units = this.managerDown;
      this.managerDown = null;
      this.managerReadsFiles();
    });
    return exited(0);
  }

  private startServer(): void {
    const seenServer = seen.tmuxOf(this.truth);
    if (seenServer.server.state !== 'running') {
      const pid = this.pid();
      seenServer.listening = [{ pid, start_time: pid * 10, cgroup: `/app.slice/${this.layout.holderUnit}` }];
      seenServer.server = { state: 'running', pid, start: Math.floor(this.clock / 1000), sessions: [] };
    }
    const holder = this.roster.tmux.holderSession;
    if (!this.has(holder)) this.sessions().push(this.newSession(holder));
  }
  start(agent: AgentSpec): void {
    const fate = this.fates.get(agent.name) ?? 'right';
    if (fate === 'gone') return;
    const session = this.newSession(agent.name);
    const [pane] = session.panes;
    if (pane === undefined || pane.pid === null) throw new Error('no pane');
    if (session.mark !== null) Object.assign(session.mark, { spec: fingerprint(agent, HOME), pane: pane.id });
    pane.runs = { verdict: 'runtime', runtime: agent.runtime, strength: 'strong', pid: pane.pid, evidence: 'package' };
    if (fate === 'wrong-program') pane.runs = { verdict: 'other', pid: pane.pid, program: 'sleep' };
    if (fate === 'parked') pane.prompt = { id: 'trust', text: 'Do you trust this folder?' };
    if (fate === 'other-spec' && session.mark !== null) session.mark.spec = 'another';
    this.addProcess(pane.pid, agent, fate);
    const { pid } = pane;
    const die = (status: number) => {
      Object.assign(pane, { dead: true, dead_status: status, runs: { verdict: 'dead', status, signal: null } });
      this.endProcess(pid);
    };
    if (fate === 'crashes') this.after(1_000, () => die(4));
    if (fate === 'dies' || fate === 'finishes') die(fate === 'dies' ? 3 : 0);
    this.sessions().push(session);
  }
  private newSession(name: string): seen.Mutable<TmuxSession> {
    this.nextId += 1;
    const session = seen.sessionNamed(this.roster, name, `$${this.nextId}`, this.pid(), this.launcher);
    return seen.copyOf({ ...session, created: Math.floor(this.clock / 1000) }) as seen.Mutable<TmuxSession>;
  }
  private addProcess(pid: number, agent: AgentSpec, fate: Fate): void {
    const { processes } = this.truth.sources;
    if (processes.status !== 'known') return;
    const env = Object.fromEntries(
      Object.entries(wantedEnv(this.roster, agent, HOME)).flatMap(([k, v]) => (v === null ? [] : [[k, v]])),
    );
    for (const [key, value] of Object.entries(agent.env)) if (value.kind === 'plain') env[key] = value.value;
    processes.value.processes[String(pid)] = {
      pid,
      ppid: this.identity().pid,
      pgrp: pid,
      start_time: pid * 10,
      started_ms: this.clock,
      state: 'S',
      comm: agent.runtime,
      exe: '/usr/bin/node',
      cwd: seen.known(fate === 'wrong-directory' ? '/' : expandHome(agent.workingDirectory, HOME)),
      env: seen.known({ keys: Object.keys(env), values: env, secrets: {} }),
    } as never;
  }
  private unitFileWritten(): void {
    this.managerReadsFiles();
    for (const unit of this.units()) unit.need_daemon_reload = true;
  }
  /** Of what had no file, what has one by now is there. */
  private managerReadsFiles(): void {
    for (const unit of this.units()) {
      const file = unit.name === this.layout.holderUnit ? unit.name : this.layout.agentTemplate;
      if (unit.load_state !== 'not-found' || this.text(this.unitPath(file)) === null) continue;
      Object.assign(unit, { load_state: 'loaded', unit_file_state: 'disabled' });
    }
  }
  private socketMadeAgain(pid: number): void {
    const server = seen.tmuxOf(this.truth);
    if (server.server.state === 'unknown' && server.listening[0]?.pid === pid && this.hidden !== null) {
      server.server = this.hidden;
      this.hidden = null;
    }
  }
  private hidden: ReturnType<typeof seen.tmuxOf>['server'] | null = null;
  deleteSocket(): void {
    const server = seen.tmuxOf(this.truth);
    this.hidden = server.server;
    server.server = { state: 'unknown', why: 'socket-deleted', detail: 'its socket file is gone' };
  }

  private endProcess(pid: number | null): void {
    const { processes } = this.truth.sources;
    if (pid === null || this.stubborn.has(pid) || processes.status !== 'known') return;
    delete processes.value.processes[String(pid)];
  }
  private identity(): ServerIdentity {
    const { server, socket } = seen.tmuxOf(this.truth);
    return server.state === 'running' ? { socket, pid: server.pid, start: server.start } : { socket, pid: 0, start: 0 };
  }
  private serverOn(socket: string) {
    const { tmux } = this.truth.sources;
    if (tmux.status === 'unknown') throw new Error('tmux unknown');
    return tmux.value.servers.find((s) => s.socket === socket);
  }
  private listening() {
    return seen.tmuxOf(this.truth).listening;
  }
  private sessions(): seen.Mutable<TmuxSession>[] {
    const { server } = seen.tmuxOf(this.truth);
    return server.state === 'running' ? (server.sessions as seen.Mutable<TmuxSession>[]) : [];
  }
  units() {
    const { units } = this.truth.sources;
    return units.status === 'known' ? Object.values(units.value.units) : [];
  }
  private pid(): number {
    this.nextPid += 1;
    return this.nextPid;
  }
}

function exited(code: number, stdout = '', stderr = ''): RunResult {
  return { kind: 'exited', code, signal: null, stdout, stderr };
}
