/** `fleet ps` as data (`fleet.ps`, format 1.0): one row an agent, unmanaged sessions after them. Pure. */
import { agentPane } from '../../diff/pane.ts';
import type { Ignored, Plan } from '../../diff/plan.ts';
import { type ReadinessWord, readiness } from '../../diff/readiness.ts';
import type { Reason } from '../../diff/reasons.ts';
import type { Observed, PaneRuns, TmuxServerObserved, TmuxSession, UnitObserved } from '../../observe/state.ts';
import { type Layout, layoutOf } from '../../spec/layout.ts';
import type { AgentSpec, Roster } from '../../spec/model.ts';
import type { Elsewhere } from '../place.ts';

export interface PsDocument {
  readonly format_version: '1.0';
  readonly kind: 'fleet.ps';
  readonly observed_at: string;
  readonly complete: boolean;
  readonly agents: readonly PsRow[];
  readonly unmanaged: readonly PsUnmanaged[];
  readonly paused: readonly PsPaused[];
}

/** Null is "there is none"; the word `unknown` is "could not be told". */
export interface PsRow {
  readonly host: string;
  readonly tenant: string;
  readonly agent: string;
  readonly class: string;
  readonly wanted_state: 'running' | 'stopped';
  /** Null with supervisor none. */
  readonly unit: { readonly name: string; readonly active: string; readonly sub: string | null } | null;
  /** UnitFileState, null with supervisor none. */
  readonly boot: string | null;
  readonly boot_wanted: boolean;
  readonly session: 'present' | 'absent' | 'unknown';
  readonly socket: string;
  readonly attached: number | null;
  readonly runtime: { readonly wanted: string; readonly seen: string | null };
  readonly pid: number | null;
  readonly idle_ms: number | null;
  readonly heartbeat: { readonly state: string; readonly age_ms: number | null; readonly status: string | null };
  readonly readiness: ReadinessWord;
  /** Why a look elsewhere was not possible, null where it was. */
  readonly error: string | null;
  readonly drift: readonly PsDrift[];
}

export interface PsDrift {
  readonly reason: Reason;
  /** `unknown`: could not be observed; `warning` never becomes a change; `paused`, `ignored`: of its session, left alone. */
  readonly state: 'pending' | 'deferred' | 'blocked' | 'warning' | 'unknown' | 'paused' | 'ignored';
}

export interface PsUnmanaged {
  readonly host: string;
  readonly tenant: string;
  readonly address: string;
  readonly why: string;
}

/** What people said, whether or not anything differs there; of everything the address is of the session `*`. */
export interface PsPaused {
  readonly address: string;
  readonly reason: string;
  readonly by: string;
  readonly since: string;
  readonly until: string | null;
  readonly overdue: boolean;
}

export interface PsInput {
  readonly roster: Roster;
  readonly observed: Observed;
  readonly plan: Plan;
  readonly elsewhere: readonly Elsewhere[];
}

export function buildPs(input: PsInput): PsDocument {
  const { roster, observed, plan } = input;
  const here = { host: observed.host, tenant: observed.tenant };
  return {
    format_version: '1.0',
    kind: 'fleet.ps',
    observed_at: observed.observed_at,
    complete: plan.complete && input.elsewhere.length === 0,
    agents: [...roster.agents.map((agent) => rowOf(agent, input)), ...input.elsewhere.flatMap(rowsElsewhere)],
    unmanaged: plan.unmanaged.map(({ address, why }) => ({ ...here, address, why })),
    paused: plan.ignored.flatMap(pausedOf),
  };
}

function pausedOf({ address, reason, rule, pause }: Ignored): readonly PsPaused[] {
  if (pause === undefined || reason !== 'paused') return [];
  return [{ address, reason: rule.reason, until: rule.until, ...pause }];
}

function rowOf(agent: AgentSpec, { roster, observed, plan }: PsInput): PsRow {
  const session = sessionOf(agent, observed);
  const ready = readiness(observed, agent, session, Date.parse(observed.observed_at));
  const pane = session ? agentPane(session) : null;
  const seen = session === undefined ? 'unknown' : pane === null ? null : seenRuntime(pane.runs);
  return {
    host: observed.host,
    tenant: observed.tenant,
    agent: agent.name,
    class: agent.class,
    wanted_state: agent.state,
    ...unitColumns(agent, roster, observed),
    boot_wanted: agent.boot,
    session: session === undefined ? 'unknown' : session === null ? 'absent' : 'present',
    socket: agent.socket ?? 'default',
    attached: session?.attached ?? null,
    runtime: { wanted: agent.runtime, seen },
    pid: pane === null ? null : processOf(pane.runs, pane.pid),
    idle_ms: ready.idle,
    heartbeat: { state: ready.heartbeat.state, age_ms: ready.heartbeat.age, status: ready.heartbeat.status },
    readiness: ready.word,
    error: null,
    drift: driftOf(agent.name, `${observed.host}/${observed.tenant}/session/${agent.name}`, plan),
  };
}

/** Null: not there. Undefined: its server could not be asked. */
export function sessionOf(agent: AgentSpec, observed: Observed): TmuxSession | null | undefined {
  const server = serverOf(agent.socket ?? 'default', observed)?.server;
  if (server === undefined || server.state === 'unknown') return undefined;
  if (server.state === 'absent') return null;
  return server.sessions.find((s) => s.name === agent.name) ?? null;
}

export function serverOf(socket: string, observed: Observed): TmuxServerObserved | undefined {
  const { tmux } = observed.sources;
  return tmux.status === 'known' ? tmux.value.servers.find((s) => s.socket === socket) : undefined;
}

export function unitOf(agent: string, layout: Layout, observed: Observed): UnitObserved | undefined {
  const { units } = observed.sources;
  return units.status === 'known' ? units.value.units[layout.agentUnit(agent)] : undefined;
}

function unitColumns(agent: AgentSpec, roster: Roster, observed: Observed): Pick<PsRow, 'unit' | 'boot'> {
  if (roster.supervisor === 'none') return { unit: null, boot: null };
  const layout = layoutOf(roster.layout);
  const name = layout.agentUnit(agent.name);
  const unit = unitOf(agent.name, layout, observed);
  if (unit === undefined) return { unit: { name, active: 'unknown', sub: null }, boot: 'unknown' };
  const boot = unit.unit_file_state === '' ? unit.load_state : unit.unit_file_state;
  return { unit: { name, active: unit.active_state, sub: unit.sub_state }, boot };
}

function seenRuntime(runs: PaneRuns): string {
  switch (runs.verdict) {
    case 'runtime':
      return runs.runtime;
    case 'shell':
    case 'other':
    case 'opaque':
      return runs.program;
    case 'suspended':
      return runs.runtime ?? 'unknown';
    case 'dead':
      return 'dead';
    case 'gone':
      return 'gone';
    case 'ambiguous':
    case 'unknown':
      return 'unknown';
  }
}

function processOf(runs: PaneRuns, panePid: number | null): number | null {
  return 'pid' in runs ? runs.pid : runs.verdict === 'dead' || runs.verdict === 'gone' ? null : panePid;
}

function driftOf(agent: string, session: string, plan: Plan): readonly PsDrift[] {
  const of = (
    entries: readonly { readonly agent: string | null; readonly reason: Reason }[],
    state: PsDrift['state'],
  ) => entries.filter((e) => e.agent === agent).map((e): PsDrift => ({ reason: e.reason, state }));
  const unknown = plan.unknown.some((u) => u.agent === agent)
    ? [{ reason: 'unobserved', state: 'unknown' } as const]
    : [];
  const all = [
    ...of(plan.changes, 'pending'),
    ...of(plan.deferred, 'deferred'),
    ...of(plan.blocked, 'blocked'),
    ...unknown,
    ...of(plan.warnings, 'warning'),
    ...plan.ignored
      .filter((i) => i.address === session && i.reason !== 'paused')
      .map((i): PsDrift => ({ reason: i.reason, state: i.pause === undefined ? 'ignored' : 'paused' })),
  ];
  return all.filter((d, i) => all.findIndex((e) => e.reason === d.reason && e.state === d.state) === i);
}

function rowsElsewhere({ host, tenant, agents, why }: Elsewhere): readonly PsRow[] {
  return agents.map(
    (agent): PsRow => ({
      host,
      tenant,
      agent: agent.name,
      class: agent.class,
      wanted_state: agent.state,
      unit: null,
      boot: null,
      boot_wanted: agent.boot,
      session: 'unknown',
      socket: agent.socket ?? 'default',
      attached: null,
      runtime: { wanted: agent.runtime, seen: 'unknown' },
      pid: null,
      idle_ms: null,
      heartbeat: { state: 'unknown', age_ms: null, status: null },
      readiness: 'unknown',
      error: why,
      drift: [{ reason: 'unobserved', state: 'unknown' }],
    }),
  );
}
