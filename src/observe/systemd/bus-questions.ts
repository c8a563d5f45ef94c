/**
 * The questions that fleet asks systemd's user manager over D-Bus, each with the shape of its answer.
 * Source: org.freedesktop.systemd1(5).
 */
import type { Question } from './bus.ts';
import type { WireReader } from './marshal.ts';

const SYSTEMD = 'org.freedesktop.systemd1';
const MANAGER_PATH = '/org/freedesktop/systemd1';

export type UnitInterface = 'Unit' | 'Service';

/** One row of ListUnits…: `name` is the unit's own id, which differs from the name asked for where that is an alias. */
export interface ListedUnit {
  readonly name: string;
  readonly load_state: string;
  readonly active_state: string;
  readonly sub_state: string;
  /** Type of the queued job, null where none. */
  readonly job: string | null;
}

/** Loaded or not: systemd loads what is asked for. Names that it does not accept are left out of the answer. */
export function listUnitsByNames(names: readonly string[]): Question<readonly ListedUnit[]> {
  return listing('ListUnitsByNames', 'as', (w) => w.strings(names));
}

/** Loaded units whose name fits one of the glob patterns. */
export function listUnitsByPatterns(patterns: readonly string[]): Question<readonly ListedUnit[]> {
  return listing('ListUnitsByPatterns', 'asas', (w) => {
    w.strings([]);
    w.strings(patterns);
  });
}

function listing(member: string, signature: string, body: Question<unknown>['call']['body']) {
  return {
    call: { destination: SYSTEMD, path: MANAGER_PATH, interface: `${SYSTEMD}.Manager`, member, signature, body },
    signature: 'a(ssssssouso)',
    read: (reader: WireReader) => reader.array(8, (element) => element.struct(readListedUnit)),
  };
}

function readListedUnit(reader: WireReader): ListedUnit {
  const name = reader.string();
  reader.string(); // description
  const load_state = reader.string();
  const active_state = reader.string();
  const sub_state = reader.string();
  reader.string(); // the unit that it follows
  reader.string(); // object path
  const jobId = reader.uint32();
  const jobType = reader.string();
  reader.string(); // object path of the job
  return { name, load_state, active_state, sub_state, job: jobId === 0 ? null : jobType };
}

/** Read from the disk each time, unlike the property UnitFileState, which is kept until daemon-reload. */
export function getUnitFileState(unit: string): Question<string> {
  return {
    call: {
      destination: SYSTEMD,
      path: MANAGER_PATH,
      interface: `${SYSTEMD}.Manager`,
      member: 'GetUnitFileState',
      signature: 's',
      body: (w) => w.string(unit),
    },
    signature: 's',
    read: (reader) => reader.string(),
  };
}

/** How a property's value is read out of its variant: D-Bus type and reader. */
export interface PropertyType<T> {
  readonly signature: string;
  readonly read: (reader: WireReader) => T;
}

export const TEXT: PropertyType<string> = { signature: 's', read: (reader) => reader.string() };
export const TEXTS: PropertyType<readonly string[]> = { signature: 'as', read: (reader) => reader.strings() };
export const FLAG: PropertyType<boolean> = { signature: 'b', read: (reader) => reader.boolean() };
export const MICROSECONDS: PropertyType<number> = { signature: 't', read: (reader) => reader.uint64() };

export function managerProperty<T>(name: string, type: PropertyType<T>): Question<T> {
  return property(MANAGER_PATH, 'Manager', name, type);
}

export function unitProperty<T>(unit: string, of: UnitInterface, name: string, type: PropertyType<T>): Question<T> {
  return property(unitObjectPath(unit), of, name, type);
}

function property<T>(path: string, of: string, name: string, type: PropertyType<T>): Question<T> {
  return {
    call: {
      destination: SYSTEMD,
      path,
      interface: 'org.freedesktop.DBus.Properties',
      member: 'Get',
      signature: 'ss',
      body: (w) => {
        w.string(`${SYSTEMD}.${of}`);
        w.string(name);
      },
    },
    signature: 'v',
    read: (reader) => reader.variant(type.signature, type.read),
  };
}

function escapeBytes(text: string): string {
  return Buffer.from(text).toString('hex').replace(/../g, '_$&');
}

/** systemd's escaping of names in object paths: every byte but letters, and digits after the first, as `_xx`. */
export function unitObjectPath(unit: string): string {
  const escaped = unit.replace(/^[0-9]|[^A-Za-z0-9]+/g, escapeBytes);
  return `${MANAGER_PATH}/unit/${escaped === '' ? '_' : escaped}`;
}
