/** Every metric of the controller. docs/controller.md, the dashboard and the alert rules name the same, held by a test. */
import type { MetricSpec } from './registry.ts';

/** Seconds: a look at a small fleet takes tens of milliseconds, a start that waits for an agent up to a minute. */
const PASS_BUCKETS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const LAG_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

export const METRICS = [
  { name: 'fleet_info', type: 'gauge', help: 'Always 1; the version and which fleet this is, in its labels.' },
  { name: 'fleet_up_since_seconds', type: 'gauge', help: 'When the controller started, Unix seconds.' },
  { name: 'fleet_heartbeat_age_seconds', type: 'gauge', help: "Age of the controller's own heartbeat." },
  {
    name: 'fleet_pass_duration_seconds',
    type: 'histogram',
    help: 'From the beginning of a look to the end of what was done about it, by scope (full or narrow).',
    buckets: PASS_BUCKETS,
  },
  { name: 'fleet_passes_total', type: 'counter', help: 'Passes, by outcome: clean, changed, failed, incomplete.' },
  {
    name: 'fleet_last_full_pass_seconds',
    type: 'gauge',
    help: 'When the last look at everything ended, Unix seconds.',
  },
  { name: 'fleet_actions_total', type: 'counter', help: 'Effects, by action, reason and outcome.' },
  {
    name: 'fleet_agent_condition',
    type: 'gauge',
    help: '1 for each condition of an agent that holds, by condition and reason.',
  },
  { name: 'fleet_agents', type: 'gauge', help: 'Agents by condition that holds.' },
  { name: 'fleet_core_agents_not_ready', type: 'gauge', help: 'Core agents that are not Ready.' },
  { name: 'fleet_agent_heartbeat_age_seconds', type: 'gauge', help: "Age of an agent's heartbeat." },
  { name: 'fleet_agent_restarts_total', type: 'counter', help: 'Starts and restarts of an agent by the controller.' },
  { name: 'fleet_queue_depth', type: 'gauge', help: 'Keys that wait for a look.' },
  {
    name: 'fleet_repair_lag_seconds',
    type: 'histogram',
    help: 'From the event that marked an agent to the end of its repair.',
    buckets: LAG_BUCKETS,
  },
  {
    name: 'fleet_held_changes',
    type: 'gauge',
    help: 'Changes that are wanted and wait, by why: busy, attached, backoff, crash-loop, contested, budget, ...',
  },
  { name: 'fleet_unknown_sources', type: 'gauge', help: 'Sources that the last look could not read.' },
  { name: 'fleet_source_live', type: 'gauge', help: '1 where events come from a source, 0 where it is polled.' },
  {
    name: 'fleet_roster_valid',
    type: 'gauge',
    help: '1 where the roster on disk is the one in force, 0 where the last good one is.',
  },
  { name: 'fleet_paused', type: 'gauge', help: '1 where a PAUSED file stops every action.' },
  { name: 'fleet_resident_memory_bytes', type: 'gauge', help: 'Resident memory of the controller.' },
  { name: 'fleet_cpu_seconds_total', type: 'counter', help: 'CPU time of the controller, user and system.' },
] as const satisfies readonly MetricSpec[];

export type MetricName = (typeof METRICS)[number]['name'];
