/**
 * The roster as written, after every check, to the model with every default filled in. Total: what could be wrong has
 * been refused before.
 */

import type { SourcePosition } from './diagnostics.ts';
import { parseDuration } from './duration.ts';
import type { MergedAgent } from './merge.ts';
import type {
  AgentSpec,
  EnvValue,
  HeartbeatSpec,
  HostSpec,
  IgnoreRule,
  RestartSpec,
  Roster,
  RuntimeSpec,
  SocketName,
  TenantSpec,
} from './model.ts';
import type { RosterView } from './roster-view.ts';
import type { RosterFile } from './schema.ts';
import { holderOfFile, hostKey, runtimesWithCommand, socketName } from './written.ts';

export interface RosterOrigin {
  readonly path: string;
  readonly sha256: string;
  readonly agentAt: (index: number) => SourcePosition;
  readonly ignoreAt: (index: number) => SourcePosition;
}

/** What holds for all agents alike. */
interface Common {
  readonly supervisor: Roster['supervisor'];
  readonly socket: SocketName;
  readonly runtimes: Readonly<Record<string, RuntimeSpec>>;
  /** Runtimes for which the roster itself gives a command. */
  readonly withCommand: ReadonlySet<string>;
}

export function normalize(view: RosterView, origin: RosterOrigin): Roster {
  const { file, layout, supervisor, runtimes } = view;
  const socket = socketName(file.tmux?.socket_name ?? file.tmux?.socketName);
  const common: Common = { supervisor, socket, runtimes, withCommand: runtimesWithCommand(file) };
  return {
    path: origin.path,
    sha256: origin.sha256,
    fleet: file.fleet ?? 'fleet',
    layout,
    supervisor,
    tmux: { socketName: socket, holderSession: holderOfFile(file) },
    hosts: normalizeHosts(file),
    tenants: normalizeTenants(file),
    runtimes,
    agents: view.agents.map(({ merged }, i) => normalizeAgent(merged, origin.agentAt(i), common)),
    ignore: (file.ignore ?? []).map(
      (rule, i): IgnoreRule => ({
        target: rule.target,
        path: rule.path === undefined || rule.path === '' ? null : rule.path,
        reason: rule.reason,
        until: rule.until ?? null,
        source: origin.ignoreAt(i),
      }),
    ),
  };
}

function normalizeHosts(file: RosterFile): Readonly<Record<string, HostSpec>> {
  const hosts: Record<string, HostSpec> = Object.create(null);
  const define = (name: string | undefined, ssh: string | undefined): void => {
    if (name === undefined) return;
    const known = hosts[hostKey(name)];
    hosts[hostKey(name)] = { name: known?.name ?? name, ssh: known?.ssh ?? ssh ?? null };
  };
  for (const [name, host] of Object.entries(file.hosts ?? {})) define(name, host.ssh);
  define(file.defaults?.host, file.defaults?.ssh);
  for (const agent of file.agents) define(agent.host ?? file.defaults?.host, agent.ssh);
  return hosts;
}

function normalizeTenants(file: RosterFile): Readonly<Record<string, TenantSpec>> {
  const tenants: Record<string, TenantSpec> = Object.create(null);
  for (const [name, { user }] of Object.entries(file.tenants ?? {})) tenants[name] = { name, user: user ?? name };
  return tenants;
}

function normalizeAgent(agent: MergedAgent, source: SourcePosition, common: Common): AgentSpec {
  const lifecycle = agent.lifecycle ?? 'core';
  const state = agent.state ?? 'running';
  const runtime = agent.runtime ?? '';
  const command = agent.command ?? common.runtimes[runtime]?.command ?? null;
  const neverAtBoot = lifecycle === 'ephemeral' || state === 'stopped' || common.supervisor === 'none';
  return {
    name: agent.name,
    host: agent.host === undefined ? null : hostKey(agent.host),
    tenant: agent.tenant ?? null,
    runtime,
    class: agent.class ?? 'worker',
    lifecycle,
    state,
    stopped: state === 'stopped' ? { by: agent.stopped?.by ?? null, why: agent.stopped?.why ?? null } : null,
    boot: neverAtBoot ? false : (agent.boot ?? true),
    socket: agent.socket === undefined ? common.socket : socketName(agent.socket),
    argv: command === null ? null : [...command, ...(agent.args ?? [])],
    commandGiven: agent.command !== undefined || common.withCommand.has(runtime),
    modelHint: agent.model_hint ?? null,
    env: normalizeEnv(agent.env),
    workingDirectory: agent.working_directory ?? '~',
    window: agent.window ?? null,
    manage: agent.manage ?? 'enforce',
    protect: agent.protect ?? false,
    onChange: agent.on_change ?? 'defer',
    heartbeat: normalizeHeartbeat(agent.heartbeat),
    restart: normalizeRestart(agent.restart),
    dependsOn: agent.depends_on ?? [],
    wave: agent.wave ?? 0,
    persistentPersona: agent.persistent_persona ?? null,
    resetBetweenTasks: agent.reset_between_tasks ?? null,
    source,
  };
}

function normalizeEnv(written: MergedAgent['env']): Readonly<Record<string, EnvValue>> {
  const env: Record<string, EnvValue> = {};
  for (const [name, value] of Object.entries(written ?? {})) {
    env[name] = typeof value === 'string' ? { kind: 'plain', value } : { kind: 'secret', fromFile: value.from_file };
  }
  return env;
}

const milliseconds = (written: string | undefined, otherwise: number): number =>
  written === undefined ? otherwise : (parseDuration(written) ?? otherwise);

const normalizeHeartbeat = (written: MergedAgent['heartbeat']): HeartbeatSpec => ({
  interval: milliseconds(written?.interval, 15_000),
  staleAfter: written?.stale_after ?? 3,
  required: written?.required ?? true,
  onStale: written?.on_stale ?? 'report',
});

const normalizeRestart = (written: MergedAgent['restart']): RestartSpec => ({
  backoff: milliseconds(written?.backoff, 30_000),
  maxBackoff: milliseconds(written?.max_backoff, 600_000),
  limit: written?.limit ?? 5,
  window: milliseconds(written?.window, 900_000),
});
