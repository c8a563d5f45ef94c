/** The user manager asked over D-Bus: no child process, and everything that does not wait for an answer pipelined. */
import { err, ok, type Result } from '../../spec/result.ts';
import { type Bus, type BusFailure, type CallRefused, openBus, type Question } from './bus.ts';
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
} from './bus-questions.ts';
import { type Kinds, type KnownUnits, knownUnits, type SharedDetails } from './known-units.ts';
import {
  type Asked,
  type DetailHints,
  type LoadedTargets,
  type ManagerOverview,
  statedDependencies,
  type UnitDetails,
  type UnitListing,
  type UserManager,
} from './user-instance.ts';

/** `known`: of one that asks again and again, what the last answers were and what was made of them. */
export function busManager(
  socketPath: string,
  uid: number,
  deadlineMs: number,
  known: KnownUnits = knownUnits(),
): UserManager {
  const bus = openBus(socketPath, uid, deadlineMs);
  return {
    overview: () => readOverview(bus),
    loaded: async (pattern) => {
      const listed = await mustAsk(bus, known.sameBytes(listUnitsByPatterns([pattern])));
      return listed.ok ? ok(known.listings.of('loaded', [listed.value], () => byName(listed.value))) : listed;
    },
    list: (names) => readListings(bus, names),
    details: (units, hints) => readDetails(bus, units, hints, known),
    unitFileStates: (names) => readUnitFileStates(bus, names),
    targets: () => readTargets(bus),
    close: bus.close,
  };
}

function byName(listed: readonly ListedUnit[]): ReadonlyMap<string, UnitListing> {
  return new Map(listed.map(({ name, ...listing }) => [name, listing]));
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

/** One answer for each name; the first failure is the failure of all. */
async function readEach<T>(names: readonly string[], read: (name: string) => Asked<T>): Asked<ReadonlyMap<string, T>> {
  const answers = await Promise.all(names.map(async (name) => [name, await read(name)] as const));
  const values = new Map<string, T>();
  for (const [name, answer] of answers) {
    if (!answer.ok) return answer;
    values.set(name, answer.value);
  }
  return ok(values);
}

async function readOverview(bus: Bus): Asked<ManagerOverview> {
  const [version, environment, unitPath, real, monotonic] = await Promise.all([
    mustAsk(bus, managerProperty('Version', TEXT)),
    mustAsk(bus, managerProperty('Environment', TEXTS)),
    mustAsk(bus, managerProperty('UnitPath', TEXTS)),
    bus.ask(managerProperty('UnitsLoadTimestamp', MICROSECONDS)),
    bus.ask(managerProperty('UnitsLoadTimestampMonotonic', MICROSECONDS)),
  ]);
  if (!version.ok) return version;
  if (!environment.ok) return environment;
  if (!unitPath.ok) return unitPath;
  const loadedAt =
    real.ok && monotonic.ok && real.value > 0
      ? { real_ms: real.value / 1000, monotonic_ms: monotonic.value / 1000 }
      : null;
  return ok({
    version: version.value === '' ? null : version.value,
    environment: environment.value,
    unitPath: unitPath.value,
    loadedAt,
  });
}

/** By the names asked for: an alias stands in the listing under the unit's own id. */
async function readListings(bus: Bus, names: readonly string[]): Asked<ReadonlyMap<string, UnitListing>> {
  const listed = await mustAsk(bus, listUnitsByNames(names));
  if (!listed.ok) return listed;
  const all = byName(listed.value);
  const ids = await readEach(names, (name) =>
    all.has(name) ? Promise.resolve(ok(name)) : mustAsk(bus, unitProperty(name, 'Unit', 'Id', TEXT)),
  );
  if (!ids.ok) return ids;
  const listings = [...ids.value].map(([name, id]) => [name, all.get(id)] as const);
  const unlisted = listings.find(([, listing]) => listing === undefined);
  if (unlisted !== undefined) {
    return err({ kind: 'connection', why: 'garbage', detail: `systemd lists nothing for ${unlisted[0]}` });
  }
  return ok(new Map(listings.flatMap(([name, listing]) => (listing === undefined ? [] : [[name, listing] as const]))));
}

async function readDetails(
  bus: Bus,
  units: ReadonlyMap<string, UnitListing>,
  hints: DetailHints,
  known: KnownUnits,
): Asked<ReadonlyMap<string, UnitDetails>> {
  const names = known.names.of('listed', [units], () => [...units.keys()]);
  // A service enters `active` with Result=success and leaves it when that changes, so that active ones are not asked.
  const inactive = known.names.of('inactive', [units], () =>
    names.filter((name) => units.get(name)?.active_state !== 'active'),
  );
  const [results, reloads, files] = await Promise.all([
    readEach(inactive, (name) => mustAsk(bus, unitProperty(name, 'Service', 'Result', TEXT))),
    // 0.1 ms a unit in the manager, which looks through all of its directories for drop-ins: not asked without a cause.
    readEach(hints.mayNeedReload ? names : [], (name) =>
      mustAsk(bus, unitProperty(name, 'Unit', 'NeedDaemonReload', FLAG)),
    ),
    readShared(bus, units, hints, known),
  ]);
  if (!results.ok) return results;
  if (!reloads.ok) return reloads;
  if (!files.ok) return files;
  const table = (): ReadonlyMap<string, UnitDetails> => {
    const details = new Map<string, UnitDetails>();
    for (const [name, shared] of files.value) {
      const result = results.value.get(name) ?? (units.get(name)?.active_state === 'active' ? 'success' : '');
      const need_daemon_reload = reloads.value.get(name) ?? hints.mayNeedReload;
      const make = (): UnitDetails => ({ ...shared, result, need_daemon_reload });
      details.set(name, known.details.of(name, [shared, result, need_daemon_reload], make));
    }
    return details;
  };
  const answers = [...results.value.values(), ...reloads.value.values()];
  return ok(known.table('details', [units, files.value, hints.mayNeedReload, ...answers], table));
}

/**
 * Instances that differ by their names alone on the disk have the same files and dependencies, so one of them is asked
 * for all; not so where a file was touched since (they may have been loaded from different versions of it), nor where
 * a dependency holds the name of the instance (`%i`).
 */
async function readShared(
  bus: Bus,
  units: ReadonlyMap<string, UnitListing>,
  hints: DetailHints,
  known: KnownUnits,
): Asked<ReadonlyMap<string, SharedDetails>> {
  const { kinds, representatives } = known.kinds.of('shared', [units, hints.likeness, hints.mayNeedReload], () =>
    kindsOf(units, hints),
  );
  const read = async (name: string): Asked<SharedDetails> => {
    const files = await readFiles(bus, name);
    return files.ok ? ok(known.shared.of(name, wordsOf(files.value), () => files.value)) : files;
  };
  const asked = await readEach([...representatives.values()], read);
  if (!asked.ok) return asked;
  const share = () => {
    const shared = new Map<string, SharedDetails>();
    const alone: string[] = [];
    for (const [name, kind] of kinds) {
      const representative = representatives.get(kind) ?? name;
      const details = asked.value.get(representative);
      const isAlone = details === undefined || (name !== representative && namesInstance(details, representative));
      if (isAlone) alone.push(name);
      else shared.set(name, details);
    }
    return { shared, alone };
  };
  const { shared, alone } = known.table('shared', [kinds, representatives, ...asked.value.values()], share);
  if (alone.length === 0) return ok(shared);
  const rest = await readEach(alone, read);
  return rest.ok ? ok(new Map([...shared, ...rest.value])) : rest;
}

function kindsOf(units: ReadonlyMap<string, UnitListing>, hints: DetailHints): Kinds {
  const kinds = new Map<string, string>();
  const representatives = new Map<string, string>();
  for (const [name, { load_state }] of units) {
    const kind = hints.mayNeedReload ? name : `${load_state} ${hints.likeness(name)}`;
    kinds.set(name, kind);
    const before = representatives.get(kind);
    // The longest name is the least likely to be found in a dependency by chance.
    if (before === undefined || name.length > before.length) representatives.set(kind, name);
  }
  return { kinds, representatives };
}

/** All that they tell. */
function wordsOf({ fragment_path, drop_in_paths, requires, binds_to, part_of }: SharedDetails): readonly unknown[] {
  return [fragment_path, ...[drop_in_paths, requires, binds_to, part_of].flatMap((list) => [list.length, ...list])];
}

function namesInstance(details: SharedDetails, unit: string): boolean {
  const instance = unit.slice(unit.indexOf('@') + 1, unit.lastIndexOf('.'));
  return [...details.requires, ...details.binds_to, ...details.part_of].some((name) => name.includes(instance));
}

async function readFiles(bus: Bus, name: string): Asked<SharedDetails> {
  const [fragment, lists] = await Promise.all([
    mustAsk(bus, unitProperty(name, 'Unit', 'FragmentPath', TEXT)),
    askAll(
      bus,
      ['DropInPaths', 'Requires', 'BindsTo', 'PartOf'].map((property) => unitProperty(name, 'Unit', property, TEXTS)),
    ),
  ]);
  if (!fragment.ok) return fragment;
  if (!lists.ok) return lists;
  const [dropIns = [], requires = [], bindsTo = [], partOf = []] = lists.value;
  return ok({
    fragment_path: fragment.value === '' ? null : fragment.value,
    drop_in_paths: dropIns,
    requires: statedDependencies(requires),
    binds_to: statedDependencies(bindsTo),
    part_of: statedDependencies(partOf),
  });
}

const NO_UNIT_FILE = new Set([
  'org.freedesktop.DBus.Error.FileNotFound',
  'org.freedesktop.systemd1.NoSuchUnit',
  'System.Error.ENOENT',
]);

function readUnitFileStates(bus: Bus, names: readonly string[]): Asked<ReadonlyMap<string, string>> {
  return readEach(names, async (name) => unitFileState(await bus.ask(getUnitFileState(name))));
}

function unitFileState(answer: Result<string, BusFailure | CallRefused>): Result<string, BusFailure> {
  if (answer.ok) return answer;
  if (answer.error.kind === 'connection') return err(answer.error);
  if (NO_UNIT_FILE.has(answer.error.name)) return ok('');
  const failure = asFailure(answer.error, 'GetUnitFileState');
  return failure.why === 'denied' ? err(failure) : ok('bad');
}

/** Level by level from the first: a user manager has a dozen targets loaded, of which half are not reached. */
/** What a user's default.target pulls in as systemd ships it: asked at once, where each level would take a round trip. */
const USUAL_TARGETS = ['default.target', 'basic.target', 'paths.target', 'sockets.target', 'timers.target'];

async function readTargets(bus: Bus): Asked<LoadedTargets> {
  const [start, usual] = await Promise.all([
    mustAsk(bus, unitProperty('default.target', 'Unit', 'Id', TEXT)),
    readEach(USUAL_TARGETS, (name) => readPulls(bus, name)),
  ]);
  if (!start.ok) return start;
  if (!usual.ok) return usual;
  const pulls = new Map(usual.value);
  const missing = (names: readonly string[]) => [...new Set(names)].filter((name) => !pulls.has(name));
  for (let level = missing([start.value, ...[...usual.value.values()].flat()]); level.length > 0; ) {
    const pulled = await readEach(level, (name) => readPulls(bus, name));
    if (!pulled.ok) return pulled;
    for (const [name, others] of pulled.value) pulls.set(name, others);
    level = missing([...pulled.value.values()].flat());
  }
  return ok({ start: start.value, pulls });
}

function isTarget(unit: string): boolean {
  return unit.endsWith('.target');
}

async function readPulls(bus: Bus, target: string): Asked<readonly string[]> {
  const lists = await askAll(
    bus,
    ['Wants', 'Requires', 'BindsTo'].map((property) => unitProperty(target, 'Unit', property, TEXTS)),
  );
  return lists.ok ? ok(lists.value.flat().filter(isTarget)) : lists;
}
