/** What the controller tells of itself: every metric with the value that it has, and every line of its log with its pass. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { jsonLog } from '../../../src/cli/log.ts';
import { type Telemetry, telemetry } from '../../../src/cli/run/telemetry.ts';
import type { Change } from '../../../src/diff/plan.ts';
import { heldEvent, outcomeEvent, plainEvent } from '../../../src/reconcile/control/events.ts';
import { buildStatus } from '../../../src/reconcile/control/status.ts';
import { METRICS } from '../../../src/reconcile/metrics/metrics.ts';
import { about, failure } from '../../../src/reconcile/outcome.ts';
import { err, ok } from '../../../src/spec/result.ts';
import { FLEET } from '../../diff/rosters.ts';
import * as w from '../../diff/world.ts';
import { Desk } from '../../reconcile/control/desk.ts';

const STARTED = w.NOW;
const AT = { at: '2026-06-01T12:00:00.000Z', pass: 7 };

let now = 0;
let beat: number | null = null;
let written: object[] = [];
let logged: string[] = [];
let disk = true;
let core = new Set<string>();
let told: Telemetry;
let desk: Desk;

beforeEach(async () => {
  now = STARTED;
  beat = null;
  written = [];
  logged = [];
  disk = true;
  desk = new Desk(FLEET);
  core = new Set(desk.roster.agents.map((agent) => agent.name));
  told = telemetry({
    file: {
      append: (events) => {
        written.push(...events);
        return disk ? ok(null) : err(failure('disk-full', 'No space left', 'events.jsonl: ENOSPC'));
      },
      close: () => undefined,
    },
    log: await jsonLog(false, { write: (line) => logged.push(line), isTerminal: false, columns: null }),
    stdout: null,
    now: () => now,
    status: () =>
      buildStatus(desk.state, {
        fleet: 'mosaic',
        host: 'w-jarvis',
        tenant: 'jarvis',
        controller: { pid: 7, tool_version: '9.9.9', started_at: AT.at, beat_within: 60_000 },
        inForce: { roster: desk.roster, commit: null, since: AT.at, refused: null },
        roster: desk.roster,
        now: desk.moment,
      }),
    sources: () => [
      { source: 'terminals', live: true, detail: null },
      { source: 'units', live: false, detail: 'no bus' },
    ],
    lastBeat: () => beat,
    version: '9.9.9',
    core: () => core,
    held: () => [...desk.state.held.values()].map(({ why }) => why),
  });
});
afterEach(() => {
  for (const line of logged) expect(JSON.parse(line)).toMatchObject({ pass: expect.any(Number) });
});

function dead(name: string): void {
  Object.assign(w.paneOf(desk.observed, name), { dead: true, runs: { verdict: 'dead', status: 1, signal: null } });
}
/** Samples of a metric, its buckets left out. */
function samples(name: string): readonly string[] {
  const lines = told.metrics().split('\n');
  return lines.filter((line) => line.startsWith(name) && !line.includes('_bucket{'));
}
function restartOf(agent: string): Change {
  dead(agent);
  const change = desk.look().plan?.changes.find((c) => c.agent === agent);
  if (change === undefined) throw new Error('nothing to restart');
  return change;
}

test('its own heartbeat is as old as its loop has been silent', () => {
  expect(samples('fleet_heartbeat_age_seconds')).toEqual([]);
  beat = now;
  now += 121_500;
  expect(samples('fleet_heartbeat_age_seconds')).toEqual(['fleet_heartbeat_age_seconds 121.5']);
});

test('passes are told by their duration, scope and outcome, and when the last look at everything ended', () => {
  told.passEnded({ full: false, outcome: 'failed', ms: 40 });
  expect(samples('fleet_last_full_pass_seconds')).toEqual([]);
  now += 5_000;
  told.passEnded({ full: true, outcome: 'clean', ms: 1_500 });
  expect(samples('fleet_pass_duration_seconds')).toEqual([
    'fleet_pass_duration_seconds_sum{scope="narrow"} 0.04',
    'fleet_pass_duration_seconds_count{scope="narrow"} 1',
    'fleet_pass_duration_seconds_sum{scope="full"} 1.5',
    'fleet_pass_duration_seconds_count{scope="full"} 1',
  ]);
  expect(samples('fleet_passes_total')).toEqual([
    'fleet_passes_total{outcome="failed"} 1',
    'fleet_passes_total{outcome="clean"} 1',
  ]);
  expect(samples('fleet_last_full_pass_seconds')).toEqual([`fleet_last_full_pass_seconds ${(STARTED + 5_000) / 1000}`]);
});

test('effects are counted by reason and outcome; a restart by its agent, and its lag, where it was made', () => {
  const restart = restartOf('coder');
  told.tell([outcomeEvent(AT, { outcome: 'applied', ...about(restart), evidence: ['pi runs'] }, 2_100)]);
  const failed = failure('x', 'It failed', 'as asked');
  told.tell([outcomeEvent(AT, { outcome: 'failed', ...about(restart), failure: failed, begun: true }, 5)]);
  const skipped = { outcome: 'skipped', ...about(restart), why: 'stale', detail: 'it moved' } as const;
  told.tell([outcomeEvent(AT, skipped, 5)]);
  const labels = 'action="restart",reason="session-dead"';
  expect(samples('fleet_actions_total')).toEqual([
    `fleet_actions_total{${labels},outcome="applied"} 1`,
    `fleet_actions_total{${labels},outcome="failed"} 1`,
    `fleet_actions_total{${labels},outcome="skipped"} 1`,
  ]);
  expect(samples('fleet_agent_restarts_total')).toEqual(['fleet_agent_restarts_total{agent="coder"} 1']);
  expect(samples('fleet_repair_lag_seconds')).toEqual([
    'fleet_repair_lag_seconds_sum 2.1',
    'fleet_repair_lag_seconds_count 1',
  ]);
});

test('agents are told by condition, those that are not ready by themselves; what waits by why', () => {
  dead('coder');
  desk.pass();
  desk.wait(1_000);
  desk.look();
  expect(samples('fleet_agents')).toEqual([
    'fleet_agents{condition="Ready"} 1',
    'fleet_agents{condition="Reconciling"} 1',
    'fleet_agents{condition="Stalled"} 0',
    'fleet_agents{condition="Paused"} 0',
  ]);
  expect(samples('fleet_agent_condition')).toEqual([
    'fleet_agent_condition{agent="coder",condition="Reconciling",reason="Backoff"} 1',
    'fleet_agent_condition{agent="stub",condition="Ready",reason="AsWanted"} 1',
  ]);
  expect(samples('fleet_core_agents_not_ready')).toEqual(['fleet_core_agents_not_ready 1']);
  core.delete('coder');
  expect(samples('fleet_core_agents_not_ready')).toEqual(['fleet_core_agents_not_ready 0']);
  expect(samples('fleet_held_changes')).toEqual(['fleet_held_changes{why="backoff"} 1']);
  expect(samples('fleet_queue_depth')).toEqual(['fleet_queue_depth 0']);
  expect([samples('fleet_roster_valid'), samples('fleet_paused')]).toEqual([
    ['fleet_roster_valid 1'],
    ['fleet_paused 0'],
  ]);
});

test('what waits for a look is the depth of the queue, and a PAUSED file is told', () => {
  desk.pass();
  desk.stopped = 'the PAUSED file is there';
  const first = desk.look();
  expect(first.acts).toEqual([]);
  dead('coder');
  desk.stopped = null;
  desk.look();
  for (const agent of ['coder', 'stub']) desk.mark(agent);
  expect(samples('fleet_queue_depth')).toEqual(['fleet_queue_depth 2']);
  desk.stopped = 'the PAUSED file is there';
  desk.look('stub');
  expect(samples('fleet_paused')).toEqual(['fleet_paused 1']);
});

test('sources that are polled, what could not be read and heartbeats are told as the last looks found them', () => {
  told.looked({ unknown: 2, beats: new Map([['coder', now - 3_000]]) });
  expect(samples('fleet_source_live')).toEqual([
    'fleet_source_live{source="terminals"} 1',
    'fleet_source_live{source="units"} 0',
  ]);
  expect(samples('fleet_unknown_sources')).toEqual(['fleet_unknown_sources 2']);
  expect(samples('fleet_agent_heartbeat_age_seconds')).toEqual(['fleet_agent_heartbeat_age_seconds{agent="coder"} 3']);
});

test('no metric is named and never told', () => {
  told.tell([outcomeEvent(AT, { outcome: 'applied', ...about(restartOf('coder')), evidence: [] }, 1)]);
  told.passEnded({ full: true, outcome: 'changed', ms: 1 });
  told.looked({ unknown: 0, beats: new Map([['coder', now]]) });
  beat = now;
  desk.restartController();
  desk.wait(1_000);
  desk.look();
  expect(METRICS.map(({ name }) => name).filter((name) => samples(name).length === 0)).toEqual([]);
});

test('each line of the log is JSON with its pass, what it is about, and a level', () => {
  const restart = restartOf('coder');
  told.tell([
    plainEvent({ ...AT, pass: 0 }, 'started', 'fleet keeps mosaic'),
    outcomeEvent(AT, { outcome: 'applied', ...about(restart), evidence: ['pi runs'] }, 2_100),
    plainEvent({ ...AT, pass: 8 }, 'trouble', 'no space left'),
  ]);
  desk.end(desk.look());
  for (const held of desk.state.held.values()) told.tell([heldEvent({ ...AT, pass: 9 }, held)]);
  const lines = logged.map((line) => JSON.parse(line));
  expect(lines.slice(0, 3)).toEqual([
    { level: 30, time: expect.any(String), pass: 0, event: 'started', msg: 'fleet keeps mosaic' },
    {
      ...{ level: 30, time: expect.any(String), pass: 7, event: 'repaired', msg: 'pi runs', lag_ms: 2_100 },
      ...{ agent: 'coder', address: restart.address, action: 'restart', reason: 'session-dead' },
    },
    { level: 40, time: expect.any(String), pass: 8, event: 'trouble', msg: 'no space left' },
  ]);
});

test('a journal of events that cannot be written is said once in the log, until it can be again', () => {
  const one = () => told.tell([plainEvent(AT, 'started', 'x')]);
  const warnings = () => logged.filter((line) => line.includes('events are not kept')).length;
  disk = false;
  one();
  one();
  expect(warnings()).toBe(1);
  disk = true;
  one();
  disk = false;
  one();
  expect(warnings()).toBe(2);
});
