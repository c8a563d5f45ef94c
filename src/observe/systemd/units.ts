/**
 * User units as they are: what the manager knows of them, and what the disk says about how they come up at boot.
 * Measured on systemd 252 (docs/systemd-cost.md): everything is asked over the user's bus in two round trips; where the
 * bus is there but cannot be understood, or is not there, `systemctl --user` is asked the same.
 */

import type { Layout } from '../../spec/layout.ts';
import { ok, type Result } from '../../spec/result.ts';
import type { KnownFiles } from '../known-files.ts';
import { monotonicMs } from '../monotonic.ts';
import type { RunProgram } from '../run.ts';
import type { Source, UnitObserved, UnitsObserved, Unknown, UnknownCode } from '../state.ts';
import { isDirectory, sys } from '../system-calls.ts';
import { bootTargets } from './boot-targets.ts';
import type { BusFailure } from './bus.ts';
import { type Kinds, type KnownUnits, knownUnits } from './known-units.ts';
import { readUnitLinks, type UnitLinks } from './links.ts';
import { busManager } from './over-bus.ts';
import { systemctlManager } from './over-systemctl.ts';
import { mayNeedReload } from './reload.ts';
import type { Asked, ClockReading, UnitDetails, UnitListing, UserManager } from './user-instance.ts';

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
  /** Links that nobody has touched are not read again. */
  readonly known?: KnownFiles | undefined;
  /** What the last look was told. */
  readonly last?: KnownUnits | undefined;
}

/** What another way to the same manager may mend: its own answers do not come from the bus. */
const ASK_SYSTEMCTL: ReadonlySet<UnknownCode> = new Set(['garbage', 'protocol', 'no-bus', 'too-large']);

export async function observeUnits(request: UnitsRequest, ports: UnitsPorts): Promise<Source<UnitsObserved>> {
  const { runtimeDirectory, uid, deadlineMs } = request;
  const refused = inspectRuntimeDirectory(runtimeDirectory, uid);
  if (refused !== null) return refused;
  const started = monotonicMs();
  const { known, last } = ports;
  const overBus = await askManager(request, busManager(`${runtimeDirectory}/bus`, uid, deadlineMs, last), known, last);
  if (overBus.status === 'known' || !ASK_SYSTEMCTL.has(overBus.why)) return overBus;
  const left = deadlineMs - (monotonicMs() - started);
  const overSystemctl = await askManager(request, systemctlManager(ports.run, runtimeDirectory, left), known, last);
  if (overSystemctl.status === 'known') return overSystemctl;
  return unknown(
    overSystemctl.why === 'not-installed' ? overBus.why : overSystemctl.why,
    `${overBus.detail}; ${overSystemctl.detail}`,
  );
}

/** Exported for the tests that hold both ways against each other. */
export async function askManager(
  request: UnitsRequest,
  manager: UserManager,
  known?: KnownFiles,
  last = knownUnits(),
): Promise<Source<UnitsObserved>> {
  try {
    return await readUnits(request, manager, known, last);
  } finally {
    manager.close();
  }
}

/** The user that the directory belongs to is the user whose manager would answer. */
export function inspectRuntimeDirectory(path: string, uid: number): Unknown | null {
  try {
    const stat = sys.lstat(path);
    if (stat === null) return unknown('no-runtime-directory', `${path} does not exist: no user manager runs`);
    if (!isDirectory(stat)) return unknown('no-runtime-directory', `${path} is no directory`);
    if (stat.uid === uid) return null;
    return unknown('foreign-runtime-directory', `${path} belongs to uid ${stat.uid}, not to uid ${uid}`);
  } catch (error) {
    return unknown('denied', `${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readUnits(
  request: UnitsRequest,
  manager: UserManager,
  memory: KnownFiles | undefined,
  last: KnownUnits,
): Promise<Source<UnitsObserved>> {
  const { layout } = request;
  const asked = last.names.of('asked', [layout, request.agents], () => [
    ...new Set([layout.holderUnit, ...request.agents.map((agent) => layout.agentUnit(agent))]),
  ]);
  const [overview, loaded, targets] = [
    manager.overview(),
    manager.loaded(layout.agentTemplate.replace('@', '@*')),
    manager.targets(),
  ];
  const known = await overview;
  if (!known.ok) return failed(known.error);
  const { unitPath, loadedAt } = known.value;
  const isInstance = (unit: string) => layout.agentOfUnit(unit) !== null;
  const { agentTemplate: template } = layout;
  const readLinks = (): Source<UnitLinks> => readUnitLinks(unitPath, template, isInstance);
  const key = `links of ${template} in ${unitPath.join(':')}`;
  const units = await readSteadily(() => memory?.untouched(key, readLinks) ?? readLinks(), {
    manager,
    loadedAt,
    list: async (found) => listAll(manager, await loaded, asked, found, last),
    last,
  });
  const pulled = await targets;
  if (units.status === 'unknown') return units;
  if (!pulled.ok) return failed(pulled.error);
  return {
    status: 'known',
    value: {
      systemd_version: known.value.version,
      tmux_tmpdir: tmuxTmpdir(known.value.environment),
      units: units.value,
      boot_targets: bootTargets(pulled.value),
    },
  };
}

type Units = UnitsObserved['units'];

interface Questions {
  readonly manager: UserManager;
  readonly loadedAt: ClockReading | null;
  /** Every unit to be told of, those `found` on the disk among them. */
  readonly list: (found: readonly string[]) => Asked<ReadonlyMap<string, UnitListing>>;
  readonly last: KnownUnits;
}

/** How often what was read is thrown away because a link changed meanwhile. */
const TORN_LOOKS = 3;

/**
 * One unit is asked for all that the links show to be like it. Links that somebody changed before systemd had answered
 * would give units the state of another, so they are read again afterwards, and where they differ all is asked anew;
 * on a disk that does not come to rest each unit is asked by itself.
 */
async function readSteadily(readLinks: () => Source<UnitLinks>, questions: Questions): Promise<Source<Units>> {
  // Read while the manager works on what it was asked before.
  let links = readLinks();
  for (let torn = 0; ; torn += 1) {
    if (links.status === 'unknown') return links;
    const each = torn === TORN_LOOKS;
    const units = await askFor(
      each ? asIfUnlike(links.value) : links.value,
      each ? null : questions.loadedAt,
      questions,
    );
    if (units.status === 'unknown' || each) return units;
    const touched = links.value.touched();
    if (touched === 'no') return units;
    const again = readLinks();
    const same = again.status === 'known' && again.value.fingerprint() === links.value.fingerprint();
    if (touched === 'perhaps' && same) return units;
    links = again;
  }
}

function asIfUnlike(links: UnitLinks): UnitLinks {
  return { ...links, likeness: (unit) => unit };
}

async function askFor(
  links: UnitLinks,
  loadedAt: ClockReading | null,
  { manager, list, last }: Questions,
): Promise<Source<Units>> {
  const listed = await list(links.found);
  if (!listed.ok) return failed(listed.error);
  const hints = { likeness: links.likeness, mayNeedReload: mayNeedReload(loadedAt, links.files) };
  const [details, states] = await Promise.all([
    manager.details(listed.value, hints),
    readStates(manager, links, listed.value, last),
  ]);
  if (!details.ok) return failed(details.error);
  if (!states.ok) return failed(states.error);
  const told = { listed: listed.value, details: details.value, states: states.value, links };
  return last.table('units', Object.values(told), () => tellEach(told, last));
}

interface Told {
  readonly listed: ReadonlyMap<string, UnitListing>;
  readonly details: ReadonlyMap<string, UnitDetails>;
  readonly states: ReadonlyMap<string, string>;
  readonly links: UnitLinks;
}

function tellEach({ listed, details, states, links }: Told, last: KnownUnits): Source<Units> {
  const units: Record<string, UnitObserved> = {};
  for (const name of [...listed.keys()].toSorted()) {
    const [listing, detail] = [listed.get(name), details.get(name)];
    if (listing === undefined || detail === undefined) return unknown('garbage', `systemd said nothing about ${name}`);
    const unit_file_state = states.get(name) ?? '';
    const wanted_by = links.wantedBy(name);
    const { load_state, active_state, sub_state, job } = listing;
    const inputs = [load_state, active_state, sub_state, job, detail, unit_file_state, ...wanted_by];
    units[name] = last.units.of(name, inputs, () => ({ name, ...listing, ...detail, unit_file_state, wanted_by }));
  }
  return { status: 'known', value: units };
}

function tmuxTmpdir(environment: readonly string[]): string | null {
  const name = 'TMUX_TMPDIR=';
  const value = environment.find((variable) => variable.startsWith(name))?.slice(name.length) ?? '';
  return value === '' ? null : value;
}

/** The loaded instances, and besides them those asked for or found on the disk that are not loaded. */
async function listAll(
  manager: UserManager,
  loaded: Result<ReadonlyMap<string, UnitListing>, BusFailure>,
  asked: readonly string[],
  found: readonly string[],
  last: KnownUnits,
): Asked<ReadonlyMap<string, UnitListing>> {
  if (!loaded.ok) return loaded;
  const others = last.names.of('others', [loaded.value, asked, found], () =>
    [...new Set([...asked, ...found])].filter((name) => !loaded.value.has(name)),
  );
  if (others.length === 0) return loaded;
  const listed = await manager.list(others);
  if (!listed.ok) return listed;
  const words = [...listed.value].flatMap(([name, { load_state, active_state, sub_state, job }]) => [
    name,
    load_state,
    active_state,
    sub_state,
    job,
  ]);
  return ok(last.listings.of('all', [loaded.value, ...words], () => new Map([...loaded.value, ...listed.value])));
}

/** One unit of each likeness is asked, for all of them: each question makes systemd read every link directory anew. */
async function readStates(
  manager: UserManager,
  links: UnitLinks,
  listed: ReadonlyMap<string, UnitListing>,
  last: KnownUnits,
): Asked<ReadonlyMap<string, string>> {
  const { kinds, representatives } = last.kinds.of('states', [listed, links.likeness], () => likenesses(links, listed));
  const states = await manager.unitFileStates([...representatives.values()]);
  if (!states.ok) return states;
  const told = new Map([...representatives].map(([kind, name]) => [kind, states.value.get(name) ?? '']));
  const tell = (): ReadonlyMap<string, string> => {
    const each = new Map<string, string>();
    for (const [name, kind] of kinds) each.set(name, told.get(kind) ?? '');
    return each;
  };
  return ok(last.table('states', [kinds, representatives, ...told.values()], tell));
}

function likenesses(links: UnitLinks, listed: ReadonlyMap<string, UnitListing>): Kinds {
  const kinds = new Map<string, string>();
  const representatives = new Map<string, string>();
  for (const name of listed.keys()) {
    const likeness = links.likeness(name);
    kinds.set(name, likeness);
    if (!representatives.has(likeness)) representatives.set(likeness, name);
  }
  return { kinds, representatives };
}

function failed(failure: BusFailure): Unknown {
  return unknown(failure.why, failure.detail);
}

function unknown(why: UnknownCode, detail: string): Unknown {
  return { status: 'unknown', why, detail };
}
