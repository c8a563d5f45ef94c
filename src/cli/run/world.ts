/** What the controller's loop reaches of the world: looking, applying, writing down. Built once a run. */

import type { Plan } from '../../diff/plan.ts';
import type { PlanPolicy } from '../../diff/policy.ts';
import { type Quiet, quiet } from '../../diff/quiet.ts';
import { applyPlan } from '../../reconcile/apply.ts';
import { plainEvent } from '../../reconcile/control/events.ts';
import { lookedAt } from '../../reconcile/control/looked-at.ts';
import type { Effect } from '../../reconcile/control/pass.ts';
import type { RosterInForce } from '../../reconcile/control/roster-in-force.ts';
import type { ControlState } from '../../reconcile/control/state.ts';
import { inventoryPath, type KnownInventories } from '../../reconcile/inventory.ts';
import { createJournalStore, type JournalStore } from '../../reconcile/journal.ts';
import type { Lease } from '../../reconcile/lease/hold.ts';
import { leaseStatus } from '../../reconcile/lease/release.ts';
import { takeLease } from '../../reconcile/lease/wait.ts';
import { type Failure, failure, notAttempted, type Outcome } from '../../reconcile/outcome.ts';
import { writeDocument } from '../../reconcile/state/document.ts';
import type { StatePaths } from '../../reconcile/state/paths.ts';
import { stopped } from '../../reconcile/state/stop-file.ts';
import { changeWishes, readWishes, withoutResets } from '../../reconcile/state/wishes.ts';
import { camel } from '../../spec/camel.ts';
import { expandHome } from '../../spec/home.ts';
import { kept } from '../../spec/kept.ts';
import { LAUNCHER_PATH } from '../../spec/launcher.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { inTmuxDirectory } from '../apply-passes.ts';
import type { Context } from '../context.ts';
import { leaseFile } from '../lease.ts';
import { observeHere, remember } from '../look.ts';
import type { Place, ScopeHere } from '../place.ts';
import { VERSION } from '../version.ts';
import { describeHolder } from '../views/lock.ts';
import type { ApplyEffect, Looked } from './controller.ts';
import { inScopeOfItsOwn, ownCgroup } from './own-scope.ts';
import { shareLease, yielding } from './shared-lease.ts';
import type { Telemetry } from './telemetry.ts';

export interface WorldInput {
  readonly context: Context;
  readonly here: Place;
  readonly paths: StatePaths;
  readonly planPolicy: PlanPolicy;
  readonly inForce: () => RosterInForce | null;
  readonly scope: ScopeHere;
  /** The controller's own lease: without it nothing is done, and nothing that another one would keep is written. */
  readonly alone: Pick<Lease, 'mayAct' | 'lost'>;
  readonly telemetry: Telemetry;
  readonly onStatus: () => void;
}

export interface World {
  readonly look: (agents: readonly string[] | null) => Promise<Looked | null>;
  readonly apply: (effect: ApplyEffect, looked: Looked, progress: () => void) => Promise<readonly Outcome[]>;
  readonly write: (effect: Exclude<Effect, { effect: 'apply' }>, state: ControlState) => Promise<Failure | null>;
  /** Something of the controller's own went wrong; told once for the same. */
  readonly trouble: (code: string, message: string | null) => void;
}

export function openWorld(input: WorldInput): World {
  const { context, telemetry, alone } = input;
  const troubles = new Map<string, string>();
  const trouble = (code: string, message: string | null): void => {
    if (message === null) troubles.delete(code);
    if (message === null || troubles.get(code) === message) return;
    troubles.set(code, message);
    telemetry.tell([plainEvent({ at: new Date(context.now()).toISOString(), pass: 0 }, 'trouble', message)]);
  };
  const lease = shareLease(() => take(input));
  const journals = journalStores(input);
  const memory: Remembered = { quiet: quiet(), inventories: kept() };
  return {
    trouble,
    look: (agents) => look(agents, input, memory, trouble),
    apply: (effect, looked, progress) => act(effect, looked, progress, { ...input, journals }, lease.use),
    write: async (effect) => {
      const failed = await write(effect, input);
      // That it is lost is said once, by whoever ends because of it.
      if (!alone.lost.aborted) trouble(effect.effect, failed === null ? null : `${failed.summary}: ${failed.detail}`);
      return failed;
    },
  };
}

/** From look to look. */
interface Remembered {
  readonly quiet: Quiet;
  readonly inventories: KnownInventories;
}

async function look(
  agents: readonly string[] | null,
  { context, here, paths, planPolicy, inForce, scope: scopeHere }: WorldInput,
  { quiet, inventories }: Remembered,
  trouble: World['trouble'],
): Promise<Looked | null> {
  const began = context.machine.uptime();
  const roster = inForce();
  if (roster === null) return null;
  const scope = scopeHere(roster.roster);
  trouble('scope', scope.ok ? null : scope.error.message);
  if (!scope.ok) return null;
  const memory = remember(roster.roster, here, context, inventories);
  trouble('inventory', memory.ok ? null : memory.error.message);
  if (!memory.ok) return null;
  const { local } = scope.value;
  const observed = await observeHere(local, here, context, agents === null ? null : lookedAt(agents, local));
  const wishes = readWishes(paths, (path) => context.files.read(path));
  const brake = stopped(paths.stops) ?? (wishes.ok ? null : wishes.error);
  const { refused } = roster;
  return {
    observed,
    began,
    input: {
      roster: local,
      memory: memory.value,
      pauses: wishes.ok ? wishes.value.pauses.pauses : [],
      resets: wishes.ok ? wishes.value.resets.resets : [],
      stopped: brake === null ? null : `${brake.summary}: ${brake.detail}`,
      trouble: refused === null ? null : { reason: `Roster${camel(refused.code)}`, message: refused.message },
      home: context.user.home,
      toolVersion: VERSION,
      planPolicy,
      quiet,
    },
  };
}

async function take({ context, here }: WorldInput): Promise<Result<Lease, Failure>> {
  const { run, machine, now, delay, user } = context;
  const request = { path: leaseFile(context), who: user.name, what: 'run', host: here.host, timeoutMs: 0 };
  const taken = await takeLease(request, { run, machine, now, delay });
  if (taken.ok) return ok(taken.value.lease);
  if (taken.error.why === 'failed') return err(taken.error.failure);
  return err(failure('lease-held', 'The lease is held', `${describeHolder(taken.error.by)} is at work`));
}

interface Acting extends WorldInput {
  readonly journals: (fleet: string) => JournalStore;
}

/** Passes that act at the same time write one journal: by fleet, which a new roster may rename. */
function journalStores({ context, here }: WorldInput): Acting['journals'] {
  const { files, now, user } = context;
  const stores = new Map<string, JournalStore>();
  return (fleet) => {
    const path = inventoryPath(user.home, here.host, fleet);
    const store = stores.get(path) ?? createJournalStore({ files, path, now });
    stores.set(path, store);
    return store;
  };
}

async function act(
  { plan }: ApplyEffect,
  looked: Looked,
  progress: () => void,
  input: Acting,
  use: ReturnType<typeof shareLease>['use'],
): Promise<readonly Outcome[]> {
  const not = input.alone.mayAct() ?? othersActed(looked, input);
  if (not !== null) return notAttempted(plan, not);
  const made = await use((lease) => make(plan, looked, lease, progress, input));
  return made.ok ? made.value : notAttempted(plan, made.error);
}

/** Whoever had the lease after this look began has changed what it saw, and what is remembered. */
function othersActed({ began }: Looked, { context }: WorldInput): Failure | null {
  const status = leaseStatus(leaseFile(context), context.machine);
  if (!status.ok) return status.error;
  if (status.value.state !== 'free' && status.value.state !== 'dead') return null;
  const { last } = status.value;
  if (last === null || last.pid === context.machine.pid || (last.released_uptime ?? 0) < began) return null;
  return failure('overtaken', 'Another command acted meanwhile', `${describeHolder(last)} did`);
}

async function make(
  plan: Plan,
  looked: Looked,
  lease: Lease,
  progress: () => void,
  { context, here, paths, planPolicy, alone, journals }: Acting,
): Promise<readonly Outcome[]> {
  const { user, files, processes, now, delay } = context;
  const { roster } = looked.input;
  // What decides whether an effect may still be made is read, not remembered.
  const anew = { ...context, known: undefined, knownFiles: undefined, lastLook: undefined };
  const own = inScopeOfItsOwn(context.run, expandHome(LAUNCHER_PATH, user.home), ownCgroup());
  const result = await applyPlan({
    plan,
    roster,
    host: here.host,
    tenant: here.tenant,
    user,
    policy: planPolicy,
    ports: {
      run: inTmuxDirectory(own, { local: roster, observed: looked.observed }),
      observe: (agents, how) => observeHere(roster, here, anew, agents, how),
      files,
      processes,
      now,
      delay,
    },
    signal: context.interrupted(),
    fence: lease.fence,
    journals: journals(roster.fleet),
    mayAct: () => alone.mayAct() ?? lease.mayAct() ?? stopped(paths.stops) ?? (lease.wanted() ? yielding() : null),
    onEvent: progress,
  });
  return result.outcomes;
}

async function write(
  effect: Exclude<Effect, { effect: 'apply' }>,
  { context, here, paths, alone, telemetry, onStatus }: WorldInput,
): Promise<Failure | null> {
  switch (effect.effect) {
    case 'write-counters': {
      const not = alone.mayAct();
      if (not !== null) return not;
      const written = writeDocument(context.files, paths.counters, effect.counters);
      return written.ok ? null : written.error;
    }
    case 'forget-resets': {
      const not = alone.mayAct();
      if (not !== null) return not;
      const { run, machine, now, delay, files, user } = context;
      const ports = { run, machine, now, delay, files };
      const who = { who: user.name, host: here.host };
      const changed = await changeWishes(paths, who, ports, (wishes) => withoutResets(wishes, effect.ids));
      return changed.ok ? null : changed.error;
    }
    case 'tell':
      telemetry.tell(effect.events);
      return null;
    case 'write-status':
      onStatus();
      return null;
  }
}
