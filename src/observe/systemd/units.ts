/**
 * User units as they are: what the manager knows of them, and what the disk says about how they come up at boot.
 * Measured on systemd 252 (docs/systemd-cost.md): everything is asked over the user's bus in two round trips; where the
 * bus is there but cannot be understood, or is not there, `systemctl --user` is asked the same.
 */
import { lstatSync } from 'node:fs';
import type { Layout } from '../../spec/layout.ts';
import { ok, type Result } from '../../spec/result.ts';
import type { RunProgram } from '../run.ts';
import type { Source, UnitObserved, UnitsObserved, Unknown, UnknownCode } from '../state.ts';
import { bootTargets } from './boot-targets.ts';
import type { BusFailure } from './bus.ts';
import { busManager } from './bus-manager.ts';
import { readUnitLinks, type UnitLinks } from './links.ts';
import type { Asked, ManagedUnit, UserManager } from './manager.ts';

export interface UnitsRequest {
  readonly layout: Layout;
  /** Agents whose units are asked for, there or not. */
  readonly agents: readonly string[];
  readonly uid: number;
  /** `/run/user/UID`, computed: `su` leaves another user's in XDG_RUNTIME_DIR. */
  readonly runtimeDirectory: string;
  readonly deadlineMs: number;
}

export interface UnitsPorts {
  readonly run: RunProgram;
}

export async function observeUnits(request: UnitsRequest, _ports: UnitsPorts): Promise<Source<UnitsObserved>> {
  const refused = inspectRuntimeDirectory(request.runtimeDirectory, request.uid);
  if (refused !== null) return refused;
  const manager = busManager(`${request.runtimeDirectory}/bus`, request.uid, request.deadlineMs);
  try {
    return await readUnits(request, manager);
  } finally {
    manager.close();
  }
}

/** The user that the directory belongs to is the user whose manager would answer. */
export function inspectRuntimeDirectory(path: string, uid: number): Unknown | null {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return unknown('no-runtime-directory', `${path} does not exist: no user manager runs`);
    if (!stat.isDirectory()) return unknown('no-runtime-directory', `${path} is no directory`);
    if (stat.uid === uid) return null;
    return unknown('foreign-runtime-directory', `${path} belongs to uid ${stat.uid}, not to uid ${uid}`);
  } catch (error) {
    return unknown('denied', `${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readUnits(request: UnitsRequest, manager: UserManager): Promise<Source<UnitsObserved>> {
  const { layout } = request;
  const prefix = layout.agentTemplate.slice(0, layout.agentTemplate.indexOf('@') + 1);
  const asked = [...new Set([layout.holderUnit, ...request.agents.map((agent) => layout.agentUnit(agent))])];
  const [overview, askedUnits, loaded, targets] = [
    manager.overview(),
    manager.units(asked),
    manager.loaded(`${prefix}*.service`),
    manager.targets(),
  ];
  const known = await overview;
  if (!known.ok) return unknown(known.error.why, known.error.detail);
  // Read while the manager works on the rest.
  const links = readUnitLinks(known.value.unitPath, layout.agentTemplate, (unit) => layout.agentOfUnit(unit) !== null);
  if (links.status === 'unknown') return links;
  const rest = await readRest(manager, links.value, asked, loaded);
  const all = { first: await askedUnits, ...rest, targets: await targets };
  if (!all.first.ok) return failed(all.first.error);
  if (!all.others.ok) return failed(all.others.error);
  if (!all.states.ok) return failed(all.states.error);
  if (!all.targets.ok) return failed(all.targets.error);
  const units = new Map([...all.first.value, ...all.others.value]);
  return {
    status: 'known',
    value: {
      systemd_version: known.value.version,
      units: observedUnits(units, all.states.value, links.value),
      boot_targets: bootTargets(all.targets.value),
    },
  };
}

interface Rest {
  readonly others: Result<ReadonlyMap<string, ManagedUnit>, BusFailure>;
  readonly states: Result<ReadonlyMap<string, string>, BusFailure>;
}

/** The instances that nobody asked for, and the unit file states of all. */
async function readRest(
  manager: UserManager,
  links: UnitLinks,
  asked: readonly string[],
  loaded: Asked<readonly string[]>,
): Promise<Rest> {
  const running = await loaded;
  if (!running.ok) return { others: running, states: running };
  const known = new Set(asked);
  const others = [...new Set([...running.value, ...links.found])].filter((name) => !known.has(name));
  const [units, states] = await Promise.all([
    others.length === 0 ? ok(new Map<string, ManagedUnit>()) : manager.units(others),
    readStates(manager, links, [...asked, ...others]),
  ]);
  return { others: units, states };
}

/** One unit of each likeness is asked, for all of them: each question makes systemd read every link directory anew. */
async function readStates(
  manager: UserManager,
  links: UnitLinks,
  names: readonly string[],
): Asked<ReadonlyMap<string, string>> {
  const representatives = new Map<string, string>();
  for (const name of names) {
    const likeness = links.likeness(name);
    if (!representatives.has(likeness)) representatives.set(likeness, name);
  }
  const states = await manager.unitFileStates([...representatives.values()]);
  if (!states.ok) return states;
  return ok(
    new Map(names.map((name) => [name, states.value.get(representatives.get(links.likeness(name)) ?? '') ?? ''])),
  );
}

function observedUnits(
  units: ReadonlyMap<string, ManagedUnit>,
  states: ReadonlyMap<string, string>,
  links: UnitLinks,
): Readonly<Record<string, UnitObserved>> {
  const observed: Record<string, UnitObserved> = {};
  for (const name of [...units.keys()].toSorted()) {
    const unit = units.get(name);
    if (unit === undefined) continue;
    observed[name] = { name, ...unit, unit_file_state: states.get(name) ?? '', wanted_by: links.wantedBy(name) };
  }
  return observed;
}

function failed(failure: BusFailure): Unknown {
  return unknown(failure.why, failure.detail);
}

function unknown(why: UnknownCode, detail: string): Unknown {
  return { status: 'unknown', why, detail };
}
