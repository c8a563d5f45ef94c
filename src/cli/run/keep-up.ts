/** One run of the controller, from its lease to its last word. */

import type { PlanPolicy } from '../../diff/policy.ts';
import { knownFiles } from '../../observe/known-files.ts';
import { lastLook } from '../../observe/last-look.ts';
import { knownProcesses } from '../../observe/proc/known.ts';
import type { SourceState } from '../../observe/watch/trigger.ts';
import { NO_COUNTERS } from '../../reconcile/control/counters.ts';
import { plainEvent } from '../../reconcile/control/events.ts';
import { CONTROL_POLICY } from '../../reconcile/control/policy.ts';
import { EVERYTHING } from '../../reconcile/control/queue.ts';
import type { RosterInForce } from '../../reconcile/control/roster-in-force.ts';
import type { ControlState } from '../../reconcile/control/state.ts';
import { buildStatus, type StatusDocument } from '../../reconcile/control/status.ts';
import type { Lease } from '../../reconcile/lease/hold.ts';
import type { MetricsAddress } from '../../reconcile/metrics/address.ts';
import type { Failure as Cause } from '../../reconcile/outcome.ts';
import { type ServiceNotifier, serviceNotifier } from '../../reconcile/service/notify.ts';
import { readCounters } from '../../reconcile/state/counters-file.ts';
import { openEvents } from '../../reconcile/state/events-file.ts';
import { type StatePaths, statePaths } from '../../reconcile/state/paths.ts';
import { toldIn, writeStatus } from '../../reconcile/state/status-file.ts';
import { statusText } from '../../reconcile/state/status-text.ts';
import { err, ok } from '../../spec/result.ts';
import { type Failure, FINISHING } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Place, type ScopeHere, scopeHere } from '../place.ts';
import { reportFailure } from '../report.ts';
import { VERSION } from '../version.ts';
import { type Controller, type ControllerPorts, createController } from './controller.ts';
import { findingsOf } from './findings.ts';
import { moment } from './moment.ts';
import { either, lossOf, takeController } from './one-controller.ts';
import type { RosterFeed } from './roster-feed.ts';
import { refreshRoster, type Say, sayRefused } from './roster-news.ts';
import { openSources, type Sources } from './sources.ts';
import { statusLine } from './status-line.ts';
import { BEAT_WITHIN_MS, type StatusWriter, statusWriter } from './status-writer.ts';
import { telemetry as openTelemetry, type Telemetry } from './telemetry.ts';
import { anyoneWaits, isWaitedFor } from './who-waits.ts';
import { openWorld, type World } from './world.ts';

export interface RunInput {
  readonly feed: RosterFeed;
  readonly first: RosterInForce;
  readonly here: Place;
  readonly rosterFiles: readonly string[];
  /** Of a branch no file may tell (reftable, a detached HEAD): it is asked for with each look at everything. */
  readonly followsBranch: boolean;
  readonly metrics: MetricsAddress | null;
  readonly planPolicy: PlanPolicy;
  readonly json: boolean;
}

export async function keepUp(input: RunInput, context: Context): Promise<ExitCode> {
  const paths = statePaths(context.user.home, input.here.host, input.first.roster.fleet);
  const alone = await takeController(paths, input.here, context);
  if (!alone.ok) return reportFailure(context, alone.error);
  const undo = context.onExit(alone.value.release);
  const remembered = { known: knownProcesses(), knownFiles: knownFiles(context.now), lastLook: lastLook() };
  try {
    return await keepUpAlone(input, paths, { ...context, ...remembered }, alone.value);
  } finally {
    remembered.lastLook.close();
    alone.value.release();
    undo();
  }
}

/** How long the loop sleeps at most before it shows that it lives. Milliseconds. */
const TICK_MS = 15_000;
/** A roster that is just being written is read again after so long. Milliseconds. */
const UNSETTLED_MS = 60;

interface Parts {
  readonly telemetry: Telemetry;
  readonly say: Say;
  readonly status: StatusWriter;
  readonly world: World;
  readonly notifier: ServiceNotifier;
  readonly sources: Map<string, SourceState>;
}

async function keepUpAlone(input: RunInput, paths: StatePaths, asked: Context, alone: Lease): Promise<ExitCode> {
  const { feed, here, first } = input;
  const interrupted = either([asked.interrupted(), alone.lost]);
  const context = { ...asked, interrupted: () => interrupted };
  const counters = readCounters(paths.counters, (path) => context.files.read(path));
  if (!counters.ok) return reportFailure(context, unusable(counters.error));
  let controller: Controller | null = null;
  const parts = assemble(input, paths, context, alone, () => controller?.state() ?? null);
  const { telemetry, say, status, notifier } = parts;
  const told = toldIn(paths.status, (path) => context.files.read(path), moment(context.now));
  // Since when an agent is as it is is all that is lost: no reason not to keep it.
  if (!told.ok) parts.world.trouble('former-status', `${told.error.summary}: ${told.error.detail}`);
  const live = createController(
    counters.value ?? NO_COUNTERS,
    loopPorts(parts, input, context, () => [live, sources] as const),
    told.ok ? told.value : undefined,
  );
  controller = live;
  const sources = openSources({
    rosterFiles: input.rosterFiles,
    wishFiles: [paths.pauses, paths.resets, ...paths.stops],
    uid: context.user.uid,
    runtimeDirectory: `/run/user/${context.user.uid}`,
    onRoster: live.rosterChanged,
    onKey: live.mark,
    isWaitedFor: (agent) => isWaitedFor(live.state(), agent),
    onState: (state) => {
      parts.sources.set(state.source, state);
      say('source', `${state.source}: ${state.live ? 'events come' : `polled, ${state.detail ?? 'no events'}`}`);
    },
  });
  const served = await serve(input.metrics, telemetry.metrics);
  if (!served.ok) {
    sources.close();
    return reportFailure(context, served.error);
  }
  context.finishBeforeInterrupt('done');
  asked.interrupted().addEventListener('abort', () => context.log.info({ pass: 0 }, FINISHING), { once: true });
  context.onHangup(() => {
    void notifier.reloading();
    live.rosterChanged();
    live.mark(EVERYTHING);
  });
  say(
    'started',
    `fleet ${VERSION} keeps ${first.roster.fleet} on ${here.host}/${here.tenant} as ${first.roster.path} says`,
  );
  if (feed.inForce()?.refused != null) sayRefused(feed, say);
  // At once: what is under way may take its time.
  alone.lost.addEventListener('abort', () => say('trouble', lossOf(alone, paths, context).message));
  await live.run();
  // Lost while it ended, as it was asked to, makes no difference.
  const lost = alone.lost.aborted && !asked.interrupted().aborted;
  if (!lost) say('stopped', 'asked to end');
  sources.close();
  status.flush();
  await Promise.all([notifier.stopping('ended'), served.value?.close()]);
  return lost ? reportFailure(context, lossOf(alone, paths, context)) : EXIT.done;
}

/** Without its counters the controller would restart what has crashed in a loop, and fight who put a field back. */
function unusable({ summary, detail, remedy }: Cause): Failure {
  return { code: EXIT.error, message: `the controller is not started: ${summary}: ${detail}`, remedy };
}

function assemble(
  input: RunInput,
  paths: StatePaths,
  context: Context,
  alone: Lease,
  state: () => ControlState | null,
): Parts {
  const { feed, here } = input;
  const sources = new Map<string, SourceState>();
  const startedAt = new Date(context.now()).toISOString();
  // Without the values of secrets, as everything that fleet says.
  const render = (data: object): string => JSON.stringify(context.masking.data(data));
  const scope = scopeHere(here, context);
  const textOf = statusText({ render, secretsKnown: context.masking.known });
  let last: StatusDocument | null = null;
  const document = (): StatusDocument | null => {
    const [now, inForce] = [state(), feed.inForce()];
    const told = { here, startedAt, before: last?.agents };
    last = now === null || inForce === null ? null : statusOf(now, inForce, scope, told, context);
    return last;
  };
  const telemetry = openTelemetry({
    file: openEvents(paths.events, render),
    log: context.log,
    stdout: input.json ? (line) => context.stdout.write(line) : null,
    now: context.now,
    status: document,
    sources: () => sources.values(),
    lastBeat: () => status.lastBeat(),
    version: VERSION,
    held: () => [...(state()?.held.values() ?? [])].map((held) => held.why),
    core: () =>
      new Set(
        feed
          .inForce()
          ?.roster.agents.filter((a) => a.lifecycle === 'core')
          .map((a) => a.name),
      ),
  });
  const say: Parts['say'] = (what, message) =>
    telemetry.tell([plainEvent({ at: new Date(context.now()).toISOString(), pass: 0 }, what, message)]);
  const status = statusWriter(
    () => {
      const not = alone.mayAct();
      if (not !== null) return alone.lost.aborted ? ok(null) : err(not);
      const now = document();
      return now === null ? ok(null) : writeStatus(paths.status, textOf(now));
    },
    (failed) => world.trouble('status', failed === null ? null : `${failed.summary}: ${failed.detail}`),
  );
  const { planPolicy } = input;
  const world = openWorld({
    context,
    here,
    paths,
    planPolicy,
    inForce: feed.inForce,
    scope,
    alone,
    telemetry,
    onStatus: status.touch,
  });
  const { env, run, now, machine } = context;
  const onFailure = (detail: string): void => world.trouble('notify', detail);
  const notifier = serviceNotifier({ run, env, pid: machine.pid, now, onFailure });
  return { telemetry, say, status, world, notifier, sources };
}

function loopPorts(
  { telemetry, say, status, world, notifier }: Parts,
  { feed, followsBranch }: RunInput,
  context: Context,
  live: () => readonly [Controller, Sources],
): ControllerPorts {
  const again = (): void => {
    setTimeout(() => live()[0].rosterChanged(), UNSETTLED_MS);
  };
  return {
    policy: CONTROL_POLICY,
    random: Math.random,
    moment: () => moment(context.now),
    tickMs: notifier.watchdogMs === null ? TICK_MS : Math.min(TICK_MS, notifier.watchdogMs / 4),
    signal: context.interrupted(),
    look: async (agents) => {
      if (agents === null && followsBranch) live()[0].rosterChanged();
      const looked = await world.look(agents);
      if (looked === null) return null;
      live()[1].follow(looked.input.roster, looked.observed, agents === null ? null : new Set(agents));
      telemetry.looked(findingsOf(looked.observed));
      return looked;
    },
    apply: world.apply,
    write: async (effect, state) => {
      if (effect.effect === 'write-status') live()[1].attend(anyoneWaits(state));
      return world.write(effect, state);
    },
    passEnded: telemetry.passEnded,
    refreshRoster: () => refreshRoster(feed, say, again, world.trouble),
    alive: (state) => {
      status.beat(context.now());
      void notifier.alive(statusLine(state));
    },
    ready: async (state) => {
      status.flush();
      await notifier.ready(statusLine(state));
    },
  };
}

function statusOf(
  state: ControlState,
  inForce: RosterInForce,
  scopeOf: ScopeHere,
  { here, startedAt, before }: { here: Place; startedAt: string; before: StatusDocument['agents'] | undefined },
  context: Context,
): StatusDocument {
  const scope = scopeOf(inForce.roster);
  return buildStatus(state, {
    fleet: inForce.roster.fleet,
    ...here,
    controller: {
      pid: context.machine.pid,
      tool_version: VERSION,
      started_at: startedAt,
      beat_within: BEAT_WITHIN_MS,
    },
    inForce,
    roster: scope.ok ? scope.value.local : { ...inForce.roster, agents: [] },
    now: moment(context.now),
    before,
  });
}

/** Loaded only where metrics are asked for: the web server is not small. */
async function serve(address: MetricsAddress | null, metrics: () => string) {
  if (address === null) return ok(null);
  const { serveMetrics } = await import('../../reconcile/metrics/server.ts');
  const served = await serveMetrics(address, metrics);
  if (served.ok) return served;
  const { summary, detail, remedy } = served.error;
  return err({ code: EXIT.error, message: `${summary}: ${detail}`, remedy });
}
