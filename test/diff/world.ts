/** A roster from YAML and an observation in which all of it is as it should be; each test then breaks one thing. */

import { buildPlan, type PlanInput } from '../../src/diff/build-plan.ts';
import { formatPlan } from '../../src/diff/format-text.ts';
import type { Plan } from '../../src/diff/plan.ts';
import { EMPTY_MEMORY, type OwnedRecord, type PlanMemory, type PlanPolicy } from '../../src/diff/policy.ts';
import type {
  EnvFileObserved,
  FileObserved,
  HeartbeatFile,
  Observed,
  PathObserved,
  ProcessObserved,
  Source,
  TmuxServerObserved,
  TmuxSession,
  UnitObserved,
} from '../../src/observe/state.ts';
import { renderArgvFile } from '../../src/spec/argv-file.ts';
import { wantedEnv } from '../../src/spec/env-file.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { expandHome } from '../../src/spec/home.ts';
import { renderLauncher } from '../../src/spec/launcher.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import type { AgentSpec, Roster } from '../../src/spec/model.ts';
import { parseRoster } from '../../src/spec/roster.ts';
import { sha256 } from '../../src/spec/sha256.ts';
import { renderUnitFiles } from '../../src/spec/unit-file.ts';
import { planWithMemory } from './quiet-too.ts';

export const HOME = '/home/jarvis';
/** 2026-06-01T12:00:00.000Z */
export const NOW = Date.parse('2026-06-01T12:00:00.000Z');
const STARTED = NOW - 3_600_000;

export type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;

export function roster(yaml: string): Roster {
  const parsed = parseRoster(new TextEncoder().encode(yaml), 'fleet.yaml');
  if (!parsed.ok) throw new Error(parsed.error.map((d) => `${d.position?.line}: ${d.summary}: ${d.detail}`).join('\n'));
  return parsed.value;
}

/** As structuredClone for plain data, at a tenth of its cost: texts are shared, and nothing else. */
export function copyOf<T>(data: T): T {
  if (typeof data !== 'object' || data === null) return data;
  if (Array.isArray(data)) return data.map(copyOf) as T;
  const copy = { ...data } as Record<string, unknown>;
  for (const key in copy) {
    const value = copy[key];
    if (typeof value === 'object' && value !== null) copy[key] = copyOf(value);
  }
  return copy as T;
}

export const known = <T>(value: T): Source<T> => ({ status: 'known', value });

/** The fleet of the roster, all well, as plain mutable data. */
export function healthy(r: Roster): Mutable<Observed> {
  const layout = layoutOf(r.layout);
  const running = r.agents.filter((a) => a.state === 'running');
  const processes: Record<string, ProcessObserved> = {};
  const sockets = [...new Set([r.tmux.socketName, ...r.agents.map((a) => a.socket)])];
  const servers = sockets.map((socket, i): TmuxServerObserved => {
    const pid = 1000 + i;
    const sessions = running.filter((a) => a.socket === socket).map((a) => sessionOf(r, a, processes));
    const holder = sessionNamed(
      r,
      r.tmux.holderSession,
      '$0',
      1500 + i,
      r.layout === 'fleet' || r.supervisor === 'none',
    );
    const path = `/tmp/tmux-1000/${socket ?? 'default'}`;
    const cgroup = `/user.slice/user-1000.slice/user@1000.service/app.slice/${layout.holderUnit}`;
    return {
      socket: socket ?? 'default',
      path,
      listening: [{ pid, start_time: 4000 + i, cgroup: r.supervisor === 'none' ? '/' : cgroup }],
      server: { state: 'running', pid, start: 1_780_300_000, sessions: [holder, ...sessions] },
    };
  });
  const units = [layout.holderUnit, ...r.agents.map((a) => layout.agentUnit(a.name))];
  const unitMap = Object.fromEntries(
    units.map((name) => {
      const agent = r.agents.find((a) => layout.agentUnit(a.name) === name);
      return [
        name,
        unitNamed(name, agent === undefined ? r.agents.some((a) => a.boot) : agent.boot, agent?.state !== 'stopped'),
      ];
    }),
  );
  const none: Source<never> = { status: 'unknown', why: 'not-observed', detail: 'supervisor none' };
  const observed: Observed = {
    format_version: '1.0',
    kind: 'fleet.observed',
    host: 'w-jarvis',
    tenant: 'jarvis',
    observed_at: new Date(NOW).toISOString(),
    boot_id: 'b00t',
    sources: {
      tmux: known({ version: '3.3a', servers, elsewhere: [], unseen_servers: null, server_processes: [] }),
      units:
        r.supervisor === 'none'
          ? none
          : known({
              systemd_version: '252',
              tmux_tmpdir: null,
              units: unitMap,
              boot_targets: ['default.target', 'basic.target'],
            }),
      processes: known({ booted_at_ms: NOW - 86_400_000, clock_ticks_per_second: 100, processes }),
      files: known({
        user: { name: 'jarvis', uid: 1000, home: HOME },
        unit_files: Object.fromEntries(
          Object.entries(
            r.layout === 'fleet' && r.supervisor === 'systemd' ? renderUnitFiles(r, r.agents, HOME) : {},
          ).map(([name, content]): [string, FileObserved] => [name, fileWith(content)]),
        ),
        env_files: Object.fromEntries(r.agents.map((a): [string, EnvFileObserved] => [a.name, envFileOf(r, a)])),
        argv_files: Object.fromEntries(
          r.agents.map((a): [string, FileObserved] => [
            a.name,
            r.layout === 'fleet' || r.supervisor === 'none'
              ? fileWith(renderArgvFile(r, a, HOME))
              : { state: 'absent' },
          ]),
        ),
        launcher: r.layout === 'fleet' || r.supervisor === 'none' ? fileWith(renderLauncher()) : { state: 'absent' },
        directories: Object.fromEntries(
          r.agents.map((a): [string, PathObserved] => [
            a.workingDirectory,
            { state: 'found', real: expandHome(a.workingDirectory, HOME) },
          ]),
        ),
        secret_files: Object.fromEntries(
          r.agents.flatMap((a) =>
            Object.values(a.env).flatMap((v): [string, PathObserved][] =>
              v.kind === 'secret' ? [[v.fromFile, { state: 'found', real: expandHome(v.fromFile, HOME) }]] : [],
            ),
          ),
        ),
        commands: Object.fromEntries(
          r.agents.map((a): [string, PathObserved] => [
            a.name,
            { state: 'found', real: `/usr/bin/${a.argv?.[0] ?? ''}` },
          ]),
        ),
      }),
      linger: r.supervisor === 'none' ? none : known({ user: 'jarvis', enabled: true }),
      heartbeats: known({
        agents: Object.fromEntries(
          running.map((a) => [
            a.name,
            { directory: `${HOME}/run`, beat: beat(pidOf(r, a), 5), native: { state: 'absent' } as HeartbeatFile },
          ]),
        ),
      }),
    },
  };
  return copyOf(observed) as Mutable<Observed>;
}

export function pidOf(r: Roster, agent: AgentSpec): number {
  return 2000 + r.agents.indexOf(agent);
}

export function beat(pid: number | null, secondsAgo: number, status: 'ok' | 'busy' = 'ok'): HeartbeatFile {
  return { state: 'present', ts_ms: NOW - secondsAgo * 1000, pid, status, model: null, seq: null, note: null };
}

export function fileWith(content: string): FileObserved {
  return { state: 'present', content, mode: 0o600, modified_ms: STARTED - 60_000, link_target: null };
}

function envFileOf(r: Roster, agent: AgentSpec): EnvFileObserved {
  const own: Record<string, string> = {};
  for (const [key, value] of Object.entries(wantedEnv(r, agent, HOME))) if (value !== null) own[key] = value;
  return {
    state: 'present',
    keys: [...Object.keys(own), 'OPERATORS_OWN'],
    own,
    mode: 0o600,
    modified_ms: STARTED - 60_000,
    sha256: sha256(agent.name),
  };
}

export function unitNamed(name: string, enabled: boolean, active = true): UnitObserved {
  return {
    name,
    load_state: 'loaded',
    active_state: active ? 'active' : 'inactive',
    sub_state: active ? 'exited' : 'dead',
    unit_file_state: enabled ? 'enabled' : 'disabled',
    need_daemon_reload: false,
    result: 'success',
    fragment_path: `${HOME}/.config/systemd/user/${name.replace(/@.*\.service$/, '@.service')}`,
    drop_in_paths: [],
    job: null,
    wanted_by: enabled ? ['default.target'] : [],
    requires: [],
    binds_to: [],
    part_of: [],
  };
}

function sessionOf(r: Roster, agent: AgentSpec, processes: Record<string, ProcessObserved>): TmuxSession {
  const pid = pidOf(r, agent);
  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(wantedEnv(r, agent, HOME))) if (value !== null) env[key] = value;
  for (const [key, value] of Object.entries(agent.env)) if (value.kind === 'plain') env[key] = value.value;
  const secrets = Object.entries(agent.env).filter(([, v]) => v.kind === 'secret');
  processes[String(pid)] = {
    pid,
    ppid: 1000,
    pgrp: pid,
    start_time: 8_000_000,
    started_ms: STARTED,
    state: 'S',
    comm: agent.runtime,
    exe: '/usr/bin/node',
    cwd: known(expandHome(agent.workingDirectory, HOME)),
    env: known({
      keys: [...Object.keys(env), ...secrets.map(([k]) => k), 'PATH'],
      values: env,
      secrets: Object.fromEntries(secrets.map(([k]) => [k, { matches: true as const }])),
    }),
  };
  const marked = r.layout === 'fleet' || r.supervisor === 'none';
  const id = `$${r.agents.indexOf(agent) + 1}`;
  const session = sessionNamed(r, agent.name, id, pid, marked);
  const [pane] = session.panes;
  if (pane === undefined) throw new Error('no pane');
  const spec = session.mark === null ? null : fingerprint(agent, HOME);
  return {
    ...session,
    mark: session.mark === null ? null : { ...session.mark, spec, pane: pane.id },
    panes: [
      { ...pane, runs: { verdict: 'runtime', runtime: agent.runtime, strength: 'strong', pid, evidence: 'package' } },
    ],
  };
}

export function sessionNamed(r: Roster, name: string, id: string, pid: number, marked: boolean): TmuxSession {
  const number = pid;
  return {
    id,
    name,
    created: STARTED / 1000,
    attached: 0,
    activity: NOW / 1000 - 400,
    mark: marked ? { owner: r.fleet, agent: name, spec: null, pane: `%${number}` } : null,
    panes: [
      {
        id: `%${number}`,
        window_id: `@${number}`,
        window_activity: NOW / 1000 - 400,
        pid,
        tty: `/dev/pts/${number}`,
        dead: false,
        dead_status: null,
        dead_signal: null,
        in_mode: false,
        alternate_on: false,
        width: 200,
        height: 50,
        current_command: 'x',
        runs: { verdict: 'other', pid, program: 'sleep' },
        prompt: null,
      },
    ],
  };
}

export const POLICY: PlanPolicy = {
  evenIfAttached: false,
  evenIfBusy: false,
  prune: false,
  allowEmpty: false,
  hosts: [],
  tenants: [],
  targets: [],
  excludes: [],
  maxDestroy: null,
  maxDisrupt: null,
};

/** An inventory that has all of these agents' resources, whether they are there or not. */
export function owning(r: Roster, agents: readonly string[], changes: Partial<OwnedRecord> = {}): PlanMemory {
  const layout = layoutOf(r.layout);
  const records = agents.flatMap((agent) =>
    (
      [
        ['session', agent],
        ...(r.supervisor === 'none' ? [] : [['unit', layout.agentUnit(agent)] as const]),
        ['env-file', agent],
        ['env-file', `${agent}.argv`],
      ] as const
    ).map(([kind, name]): [string, OwnedRecord] => [
      `${kind}/${name}`,
      {
        ...{ kind, name, agent, how: 'made', state: 'made', protect: false },
        ...{ since: '2026-05-01T00:00:00.000Z', plan: null, content: null },
        ...changes,
      },
    ]),
  );
  return { ...EMPTY_MEMORY, owned: Object.fromEntries(records) };
}

export interface PlanOptions {
  readonly policy?: Partial<PlanPolicy>;
  readonly memory?: PlanMemory;
}

const watchers: ((plan: Plan) => void)[] = [];
/** `told` is given every plan that `planOf` makes from now on, in this test file. */
export function watchPlans(told: (plan: Plan) => void): void {
  watchers.push(told);
}

export function planOf(r: Roster, observed: Mutable<Observed> | Observed, options: PlanOptions = {}): Plan {
  const input: PlanInput = {
    roster: r,
    observed: observed as Observed,
    memory: options.memory ?? EMPTY_MEMORY,
    policy: { ...POLICY, ...options.policy },
    toolVersion: '0.0.0',
  };
  const plan = buildPlan(input);
  planWithMemory({ ...input, observed: healthy(r) as Observed }, input);
  for (const told of watchers) told(plan);
  return plan;
}

/** One line a finding: the plan's text without its first line, as tables compare it. */
export function lines(plan: Plan): readonly string[] {
  const short = (address: string): string => address.replace('w-jarvis/jarvis/', '');
  return [
    ...plan.changes.map((c) => `${c.action} ${short(c.address)} ${c.reason}`),
    ...plan.deferred.map((c) => `deferred(${c.why}) ${c.action} ${short(c.address)} ${c.reason}`),
    ...plan.blocked.map((b) => `blocked(${b.guard}) ${short(b.address)} ${b.reason}`),
    ...plan.unknown.map((u) => `unknown(${u.why}) ${short(u.address)}`),
    ...plan.warnings.map((w) => `warning ${short(w.address)} ${w.reason}`),
    ...plan.unmanaged.map((u) => `unmanaged ${short(u.address)}`),
    ...plan.ignored.map((i) => `ignored ${short(i.address)} ${i.reason}`),
  ];
}

export const text = (plan: Plan): string => formatPlan(plan, { color: false });

// --- ways to reach into the observation, each failing loudly where the thing is not there ---

export function tmuxOf(o: Mutable<Observed>, socket = 0): Mutable<TmuxServerObserved> {
  if (o.sources.tmux.status !== 'known') throw new Error('tmux unknown');
  const server = o.sources.tmux.value.servers[socket];
  if (server === undefined) throw new Error(`no server ${socket}`);
  return server;
}

export function sessionsOf(o: Mutable<Observed>, socket = 0): Mutable<TmuxSession>[] {
  const { server } = tmuxOf(o, socket);
  if (server.state !== 'running') throw new Error('server not running');
  return server.sessions as Mutable<TmuxSession>[];
}

export function session(o: Mutable<Observed>, name: string): Mutable<TmuxSession> {
  const found = sessionsOf(o).find((s) => s.name === name);
  if (found === undefined) throw new Error(`no session ${name}`);
  return found;
}

export function dropSession(o: Mutable<Observed>, name: string): void {
  const sessions = sessionsOf(o);
  sessions.splice(
    sessions.findIndex((s) => s.name === name),
    1,
  );
}

export function paneOf(o: Mutable<Observed>, name: string): Mutable<TmuxSession['panes'][number]> {
  const [pane] = session(o, name).panes;
  if (pane === undefined) throw new Error('no pane');
  return pane;
}

export function unit(o: Mutable<Observed>, name: string): Mutable<UnitObserved> {
  if (o.sources.units.status !== 'known') throw new Error('units unknown');
  const found = o.sources.units.value.units[name];
  if (found === undefined) throw new Error(`no unit ${name}`);
  return found;
}

export function filesOf(
  o: Mutable<Observed>,
): Extract<Mutable<Observed>['sources']['files'], { status: 'known' }>['value'] {
  if (o.sources.files.status !== 'known') throw new Error('files unknown');
  return o.sources.files.value;
}

export function valuesOf(o: Mutable<Observed>, pid: number): Record<string, string> {
  const { env } = processOf(o, pid);
  if (env.status !== 'known') throw new Error('no environment');
  return env.value.values;
}

export function processOf(o: Mutable<Observed>, pid: number): Mutable<ProcessObserved> {
  if (o.sources.processes.status !== 'known') throw new Error('processes unknown');
  const found = o.sources.processes.value.processes[String(pid)];
  if (found === undefined) throw new Error(`no process ${pid}`);
  return found;
}

export function heartbeatsOf(o: Mutable<Observed>, agent: string): { beat: HeartbeatFile; native: HeartbeatFile } {
  if (o.sources.heartbeats.status !== 'known') throw new Error('heartbeats unknown');
  const found = o.sources.heartbeats.value.agents[agent];
  if (found === undefined) throw new Error(`no heartbeat of ${agent}`);
  return found;
}
