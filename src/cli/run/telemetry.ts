/** What the controller tells: its journal of events, its log, its metrics, and events on stdout with --json. */
import type { SourceState } from '../../observe/watch/trigger.ts';
import type { ControlEvent } from '../../reconcile/control/events.ts';
import type { StatusDocument } from '../../reconcile/control/status.ts';
import { METRICS, type MetricName } from '../../reconcile/metrics/metrics.ts';
import { createRegistry, type Labels } from '../../reconcile/metrics/registry.ts';
import type { EventsFile } from '../../reconcile/state/events-file.ts';
import type { Log } from '../log.ts';

export interface Telemetry {
  readonly tell: (events: readonly ControlEvent[]) => void;
  readonly passEnded: (pass: { readonly full: boolean; readonly outcome: PassOutcome; readonly ms: number }) => void;
  readonly looked: (look: Looked) => void;
  /** Prometheus text of how things stand now. */
  readonly metrics: () => string;
}

export type PassOutcome = 'clean' | 'changed' | 'failed' | 'incomplete';

/** What the last looks found. */
export interface Looked {
  /** Sources that could not be read. */
  readonly unknown: number;
  /** Unix milliseconds by agent. */
  readonly beats: ReadonlyMap<string, number>;
}

export interface TelemetryPorts {
  readonly file: EventsFile;
  readonly log: Log;
  readonly stdout: ((line: string) => void) | null;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly status: () => StatusDocument | null;
  readonly sources: () => Iterable<SourceState>;
  /** When the loop last showed that it lives, Unix milliseconds. */
  readonly lastBeat: () => number | null;
  readonly version: string;
  readonly core: () => ReadonlySet<string>;
  /** Why each change that waits does so. */
  readonly held: () => readonly string[];
}

export function telemetry(ports: TelemetryPorts): Telemetry {
  const registry = createRegistry(METRICS);
  const add = (name: MetricName, labels: Labels, by = 1): void => registry.add(name, labels, by);
  const set = (name: MetricName, samples: readonly (readonly [Labels, number])[]): void => registry.set(name, samples);
  const skipped = new Map<string, string>();
  const startedAt = ports.now();
  let looked: Looked | null = null;
  const beats = new Map<string, number>();
  let last: Looked['beats'] | null = null;
  let lastFull: number | null = null;
  let fileFailed = false;

  const tell = (events: readonly ControlEvent[]): void => {
    const news = events.filter((event) => isNews(event, skipped));
    for (const event of news) {
      log(ports.log, event);
      count(event, add, registry.observe);
      ports.stdout?.(`${JSON.stringify(event)}\n`);
    }
    const written = ports.file.append(news);
    if (!written.ok && !fileFailed) ports.log.warn({ pass: 0, detail: written.error.detail }, 'events are not kept');
    fileFailed = !written.ok;
  };

  const metrics = (): string => {
    const now = ports.now();
    const status = ports.status();
    set('fleet_info', [[{ version: ports.version, fleet: status?.fleet ?? '', host: status?.host ?? '' }, 1]]);
    set('fleet_up_since_seconds', [[{}, startedAt / 1_000]]);
    const beat = ports.lastBeat();
    set('fleet_heartbeat_age_seconds', beat === null ? [] : [[{}, Math.max(0, now - beat) / 1_000]]);
    set('fleet_last_full_pass_seconds', lastFull === null ? [] : [[{}, lastFull / 1_000]]);
    set(
      'fleet_source_live',
      [...ports.sources()].map(({ source, live }) => [{ source }, live ? 1 : 0]),
    );
    set('fleet_resident_memory_bytes', [[{}, process.memoryUsage.rss()]]);
    const { user, system } = process.cpuUsage();
    set('fleet_cpu_seconds_total', [[{}, (user + system) / 1e6]]);
    set(
      'fleet_held_changes',
      [...countBy(ports.held())].map(([why, number]) => [{ why }, number]),
    );
    if (looked !== null) setLooked(set, looked, now);
    if (status !== null) setStatus(set, status, ports.core());
    return registry.render();
  };

  return {
    tell,
    metrics,
    passEnded: ({ full, outcome, ms }) => {
      registry.observe('fleet_pass_duration_seconds', { scope: full ? 'full' : 'narrow' }, ms / 1_000);
      add('fleet_passes_total', { outcome });
      if (full) lastFull = ports.now();
    },
    looked: (found) => {
      if (found.beats !== last) for (const [agent, at] of found.beats) beats.set(agent, at);
      last = found.beats;
      looked = { unknown: found.unknown, beats };
    },
  };
}

type Set = (name: MetricName, samples: readonly (readonly [Labels, number])[]) => void;

/** What is not made for the same reason again and again is told once. */
function isNews(event: ControlEvent, skipped: Map<string, string>): boolean {
  if (event.address === null) return true;
  const before = skipped.get(event.address);
  if (event.what !== 'repair-skipped') {
    skipped.delete(event.address);
    return true;
  }
  skipped.set(event.address, event.message);
  return before !== event.message;
}

const WARNINGS: ReadonlySet<ControlEvent['what']> = new Set([
  'repair-failed',
  'roster-refused',
  'look-failed',
  'trouble',
]);

function log(to: Log, event: ControlEvent): void {
  const { pass, what, address, agent, action, reason, lag_ms, message } = event;
  const about = Object.entries({ agent, address, action, reason, lag_ms }).filter(([, value]) => value !== null);
  const fields = { pass, event: what, ...Object.fromEntries(about) };
  (WARNINGS.has(what) ? to.warn : to.info)(fields, message === '' ? what : message);
}

const OUTCOMES: Readonly<Partial<Record<ControlEvent['what'], string>>> = {
  repaired: 'applied',
  'repair-failed': 'failed',
  'repair-skipped': 'skipped',
};

function count(
  { what, action, reason, agent, address, lag_ms }: ControlEvent,
  add: (name: MetricName, labels: Labels, by?: number) => void,
  observe: (name: string, labels: Labels, value: number) => void,
): void {
  const outcome = OUTCOMES[what];
  if (outcome === undefined) return;
  add('fleet_actions_total', { action: action ?? '', reason: reason ?? '', outcome });
  if (what !== 'repaired') return;
  if (lag_ms !== null) observe('fleet_repair_lag_seconds', {}, lag_ms / 1_000);
  const bringsUp = action === 'start' || action === 'restart' || action === 'create';
  const ofAgent = address?.includes('/session/') === true || address?.includes('/unit/') === true;
  if (agent !== null && bringsUp && ofAgent) add('fleet_agent_restarts_total', { agent });
}

function setLooked(set: Set, { unknown, beats }: Looked, now: number): void {
  set('fleet_unknown_sources', [[{}, unknown]]);
  const ages = [...beats].map(([agent, at]) => [{ agent }, (now - at) / 1_000] as const);
  set('fleet_agent_heartbeat_age_seconds', ages);
}

function setStatus(set: Set, status: StatusDocument, core: ReadonlySet<string>): void {
  set('fleet_queue_depth', [[{}, status.queue.dirty]]);
  set('fleet_roster_valid', [[{}, status.roster.refused === null ? 1 : 0]]);
  set('fleet_paused', [[{}, status.stopped === null ? 0 : 1]]);
  const holding = Object.entries(status.agents).flatMap(([agent, { conditions }]) =>
    conditions.map(({ type, status: holds, reason }) => ({ agent, type, holds, reason })),
  );
  const true_ = holding.filter(({ holds }) => holds === 'True');
  set(
    'fleet_agent_condition',
    true_.map(({ agent, type, reason }) => [{ agent, condition: type, reason }, 1]),
  );
  const types = ['Ready', 'Reconciling', 'Stalled', 'Paused'];
  set(
    'fleet_agents',
    types.map((condition) => [{ condition }, true_.filter((c) => c.type === condition).length]),
  );
  const notReady = holding.filter(({ agent, type, holds }) => type === 'Ready' && holds !== 'True' && core.has(agent));
  set('fleet_core_agents_not_ready', [[{}, notReady.length]]);
}

function countBy(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
