/** The user manager asked over D-Bus: no child process, and everything that does not wait for an answer pipelined. */
import { err, ok, type Result } from '../../spec/result.ts';
import { type Bus, type BusFailure, type CallRefused, openBus, type Question } from './bus.ts';
import type { Asked, LoadedTargets, ManagedUnit, ManagerOverview, UserManager } from './manager.ts';
import { statedDependencies } from './manager.ts';
import {
  FLAG,
  getUnitFileState,
  type ListedUnit,
  listUnitsByNames,
  listUnitsByPatterns,
  MICROSECONDS,
  managerProperty,
  TEXT,
  TEXTS,
  unitProperty,
} from './manager-calls.ts';

export function busManager(socketPath: string, uid: number, deadlineMs: number): UserManager {
  const bus = openBus(socketPath, uid, deadlineMs);
  return {
    overview: () => readOverview(bus),
    units: (names) => readUnits(bus, names),
    loaded: async (pattern) => {
      const listed = await mustAsk(bus, listUnitsByPatterns([pattern]));
      return listed.ok ? ok(listed.value.map((unit) => unit.name)) : listed;
    },
    unitFileStates: (names) => readUnitFileStates(bus, names),
    targets: () => readTargets(bus),
    close: bus.close,
  };
}

/** A refusal of what every systemd knows is a protocol that is not ours: systemctl can still be asked. */
async function mustAsk<T>(bus: Bus, question: Question<T>): Asked<T> {
  const answer = await bus.ask(question);
  return answer.ok ? answer : err(asFailure(answer.error, question.call.member));
}

function asFailure(error: BusFailure | CallRefused, member: string): BusFailure {
  if (error.kind === 'connection') return error;
  const detail = `systemd refused ${member}: ${error.name}: ${error.message}`;
  if (error.name === 'org.freedesktop.DBus.Error.AccessDenied') return { kind: 'connection', why: 'denied', detail };
  return { kind: 'connection', why: 'protocol', detail };
}

async function askAll<T>(bus: Bus, questions: readonly Question<T>[]): Asked<readonly T[]> {
  const answers = await Promise.all(questions.map((question) => mustAsk(bus, question)));
  const values: T[] = [];
  for (const answer of answers) {
    if (!answer.ok) return answer;
    values.push(answer.value);
  }
  return ok(values);
}

async function readOverview(bus: Bus): Asked<ManagerOverview> {
  const [version, unitPath] = await Promise.all([
    mustAsk(bus, managerProperty('Version', TEXT)),
    mustAsk(bus, managerProperty('UnitPath', TEXTS)),
  ]);
  if (!version.ok) return version;
  if (!unitPath.ok) return unitPath;
  return ok({ version: version.value === '' ? null : version.value, unitPath: unitPath.value });
}

type Listing = Omit<ListedUnit, 'name'>;
type Details = Omit<ManagedUnit, keyof Listing>;

async function readUnits(bus: Bus, names: readonly string[]): Asked<ReadonlyMap<string, ManagedUnit>> {
  const [listed, details] = await Promise.all([
    readListings(bus, names),
    Promise.all(names.map((name) => readDetails(bus, name))),
  ]);
  if (!listed.ok) return listed;
  const units = new Map<string, ManagedUnit>();
  for (const [index, name] of names.entries()) {
    const detail = details[index];
    const listing = listed.value.get(name);
    if (detail === undefined || listing === undefined) continue;
    if (!detail.ok) return detail;
    units.set(name, { ...listing, ...detail.value });
  }
  return ok(units);
}

/** By the names asked for. Those that the listing gives under another name, or not at all, are asked one by one. */
async function readListings(bus: Bus, names: readonly string[]): Asked<ReadonlyMap<string, Listing>> {
  const listed = await mustAsk(bus, listUnitsByNames(names));
  if (!listed.ok) return listed;
  const listings = new Map<string, Listing>(listed.value.map(({ name, ...listing }) => [name, listing]));
  const others = names.filter((name) => !listings.has(name));
  const aliased = await Promise.all(others.map((name) => readListing(bus, name)));
  for (const [index, name] of others.entries()) {
    const listing = aliased[index];
    if (listing === undefined) continue;
    if (!listing.ok) return listing;
    listings.set(name, listing.value);
  }
  return ok(listings);
}

async function readListing(bus: Bus, name: string): Asked<Listing> {
  const [texts, job] = await Promise.all([
    askAll(
      bus,
      ['LoadState', 'ActiveState', 'SubState'].map((property) => unitProperty(name, 'Unit', property, TEXT)),
    ),
    mustAsk(bus, unitProperty(name, 'Unit', 'Job', { signature: '(uo)', read: (r) => r.struct((s) => s.uint32()) })),
  ]);
  if (!texts.ok) return texts;
  if (!job.ok) return job;
  const [load_state = '', active_state = '', sub_state = ''] = texts.value;
  return ok({ load_state, active_state, sub_state, job: job.value === 0 ? null : 'queued' });
}

async function readDetails(bus: Bus, name: string): Asked<Details> {
  const [texts, lists, reload, since] = await Promise.all([
    askAll(bus, [
      unitProperty(name, 'Unit', 'FragmentPath', TEXT),
      unitProperty(name, 'Service', 'Result', TEXT),
      unitProperty(name, 'Service', 'ControlGroup', TEXT),
    ]),
    askAll(
      bus,
      ['DropInPaths', 'Requires', 'BindsTo', 'PartOf'].map((property) => unitProperty(name, 'Unit', property, TEXTS)),
    ),
    mustAsk(bus, unitProperty(name, 'Unit', 'NeedDaemonReload', FLAG)),
    mustAsk(bus, unitProperty(name, 'Unit', 'ActiveEnterTimestamp', MICROSECONDS)),
  ]);
  if (!texts.ok) return texts;
  if (!lists.ok) return lists;
  if (!reload.ok) return reload;
  if (!since.ok) return since;
  const [fragment = '', result = '', group = ''] = texts.value;
  const [dropIns = [], requires = [], bindsTo = [], partOf = []] = lists.value;
  return ok({
    need_daemon_reload: reload.value,
    result,
    fragment_path: fragment === '' ? null : fragment,
    drop_in_paths: dropIns,
    requires: statedDependencies(requires),
    binds_to: statedDependencies(bindsTo),
    part_of: statedDependencies(partOf),
    active_since_ms: since.value === 0 ? null : Math.floor(since.value / 1000),
    control_group: group === '' ? null : group,
  });
}

const NO_UNIT_FILE = new Set([
  'org.freedesktop.DBus.Error.FileNotFound',
  'org.freedesktop.systemd1.NoSuchUnit',
  'System.Error.ENOENT',
]);

async function readUnitFileStates(bus: Bus, names: readonly string[]): Asked<ReadonlyMap<string, string>> {
  const answers = await Promise.all(names.map((name) => bus.ask(getUnitFileState(name))));
  const states = new Map<string, string>();
  for (const [index, name] of names.entries()) {
    const answer = answers[index];
    if (answer === undefined) continue;
    const state = unitFileState(answer);
    if (!state.ok) return state;
    states.set(name, state.value);
  }
  return ok(states);
}

function unitFileState(answer: Result<string, BusFailure | CallRefused>): Result<string, BusFailure> {
  if (answer.ok) return answer;
  if (answer.error.kind === 'connection') return err(answer.error);
  if (NO_UNIT_FILE.has(answer.error.name)) return ok('');
  const failure = asFailure(answer.error, 'GetUnitFileState');
  return failure.why === 'denied' ? err(failure) : ok('bad');
}

async function readTargets(bus: Bus): Asked<LoadedTargets> {
  const [start, listed] = await Promise.all([
    mustAsk(bus, unitProperty('default.target', 'Unit', 'Id', TEXT)),
    mustAsk(bus, listUnitsByPatterns(['*.target'])),
  ]);
  if (!start.ok) return start;
  if (!listed.ok) return listed;
  const names = [...new Set([start.value, ...listed.value.map((unit) => unit.name)])];
  const pulls = await Promise.all(names.map((name) => readPulls(bus, name)));
  const byName = new Map<string, readonly string[]>();
  for (const [index, name] of names.entries()) {
    const pulled = pulls[index];
    if (pulled === undefined) continue;
    if (!pulled.ok) return pulled;
    byName.set(name, pulled.value);
  }
  return ok({ start: start.value, pulls: byName });
}

async function readPulls(bus: Bus, target: string): Asked<readonly string[]> {
  const lists = await askAll(
    bus,
    ['Wants', 'Requires', 'BindsTo'].map((property) => unitProperty(target, 'Unit', property, TEXTS)),
  );
  return lists.ok ? ok(lists.value.flat()) : lists;
}
