/**
 * A week of the controller in minutes: its own loop, world, telemetry and files, with a clock that leaps from one thing that is
 * due to the next. What it looks at is the live host, by the real parsers. Nothing ends meanwhile:
 * what settles would do so by the leaping clock.
 */
import { hostname, userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { readRoster } from '../scripts/stage-files.ts';
import type { Context } from '../src/cli/context.ts';
import { textLog } from '../src/cli/log.ts';
import { scopeHere } from '../src/cli/place.ts';
import { createController } from '../src/cli/run/controller.ts';
import { findingsOf } from '../src/cli/run/findings.ts';
import { statusWriter } from '../src/cli/run/status-writer.ts';
import { telemetry } from '../src/cli/run/telemetry.ts';
import { openWorld } from '../src/cli/run/world.ts';
import type { PlanPolicy } from '../src/diff/policy.ts';
import { knownFiles } from '../src/observe/known-files.ts';
import { lastLook } from '../src/observe/last-look.ts';
import { createMasking } from '../src/observe/masking.ts';
import { knownProcesses } from '../src/observe/proc/known.ts';
import { runProgram } from '../src/observe/run.ts';
import { NO_COUNTERS } from '../src/reconcile/control/counters.ts';
import { CONTROL_POLICY } from '../src/reconcile/control/policy.ts';
import type { ControlState } from '../src/reconcile/control/state.ts';
import { buildStatus, type StatusDocument } from '../src/reconcile/control/status.ts';
import { diskFiles } from '../src/reconcile/files/disk.ts';
import { thisMachine } from '../src/reconcile/lease/machine.ts';
import { processControl } from '../src/reconcile/process-control.ts';
import { openEvents } from '../src/reconcile/state/events-file.ts';
import { statePaths } from '../src/reconcile/state/paths.ts';
import { writeStatus } from '../src/reconcile/state/status-file.ts';
import { statusText } from '../src/reconcile/state/status-text.ts';

export interface WeekCost {
  /** MiB resident at the end of each day, and of the heap in use after a collection. */
  readonly resident: readonly number[];
  readonly heap: readonly number[];
  readonly passes: number;
}

const POLICY: PlanPolicy = {
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
const DAY_MS = 86_400_000;

export async function liveWeek(path: string, days: number): Promise<WeekCost> {
  const { username: name, uid, homedir: home } = userInfo();
  const roster = readRoster(path);
  const here = { host: hostname(), tenant: name };
  const began = Date.now();
  let passed = 0;
  const end = new AbortController();
  const silent = { write: () => undefined, isTerminal: false, columns: null };
  const context: Context = {
    stdout: silent,
    stderr: silent,
    env: process.env,
    cwd: '/',
    user: { name, uid, home },
    color: () => false,
    hostname: hostname(),
    now: () => began + passed,
    delay: (ms) => delay(ms),
    run: runProgram,
    files: diskFiles,
    processes: processControl(),
    machine: thisMachine(),
    interrupted: () => end.signal,
    finishBeforeInterrupt: () => undefined,
    onExit: () => () => undefined,
    self: { node: '', script: '' },
    onHangup: () => undefined,
    endsSoon: () => {},
    stdin: { isTerminal: false, ask: async () => null },
    log: textLog(false, silent),
    masking: createMasking(),
    known: knownProcesses(),
    knownFiles: knownFiles(() => began + passed),
    lastLook: lastLook(),
  };
  const paths = statePaths(home, here.host, roster.fleet);
  const inForce = { roster, commit: null, since: new Date(began).toISOString(), refused: null };
  const moment = () => ({ wall: began + passed, monotonic: passed, boot_id: 'bench' });
  const controller = { pid: process.pid, tool_version: '0', started_at: inForce.since, beat_within: 60_000 };
  let last: StatusDocument | undefined;
  const document = (state: ControlState) => {
    const before = last?.agents;
    last = buildStatus(state, { fleet: roster.fleet, ...here, controller, inForce, roster, now: moment(), before });
    return last;
  };
  const textOf = statusText({ render: (data) => JSON.stringify(data), secretsKnown: () => 0 });
  const told = telemetry({
    file: openEvents(paths.events),
    log: context.log,
    stdout: null,
    now: context.now,
    status: () => document(live.state()),
    sources: () => [],
    lastBeat: () => passed,
    version: '0',
    core: () => new Set(),
    held: () => [],
  });
  const status = statusWriter(
    () => writeStatus(paths.status, textOf(document(live.state()))),
    () => undefined,
  );
  const world = openWorld({
    context,
    here,
    paths,
    planPolicy: POLICY,
    inForce: () => inForce,
    scope: scopeHere(here, context),
    alone: { mayAct: () => null, lost: end.signal },
    telemetry: told,
    onStatus: status.touch,
  });
  const cost = { resident: [0], heap: [0], passes: 0 };
  cost.resident.pop();
  cost.heap.pop();
  const live = createController(NO_COUNTERS, {
    policy: CONTROL_POLICY,
    random: Math.random,
    moment,
    tickMs: 1,
    signal: end.signal,
    refreshRoster: async () => ({ changed: false }),
    look: async (agents) => {
      const looked = await world.look(agents);
      if (looked !== null) told.looked(findingsOf(looked.observed));
      return looked;
    },
    apply: world.apply,
    write: world.write,
    passEnded: (pass) => {
      told.passEnded(pass);
      cost.passes += 1;
    },
    alive: () => {
      // Each turn of the loop is as long as it would sleep at most.
      passed += 15_000;
      status.beat(began + passed);
      if (passed < (cost.resident.length + 1) * DAY_MS) return;
      globalThis.gc?.();
      cost.resident.push(process.memoryUsage.rss() / 1024 ** 2);
      cost.heap.push(process.memoryUsage().heapUsed / 1024 ** 2);
      if (cost.resident.length >= days) end.abort();
    },
    ready: async () => undefined,
  });
  await live.run();
  return cost;
}
