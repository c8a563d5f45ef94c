/**
 * The user manager asked through `systemctl --user`, where the bus is not there or cannot be understood: it has a socket
 * of its own to the manager. A handful of children, however many units there are.
 */
import { err, ok, type Result } from '../../spec/result.ts';
import type { RunProgram } from '../run.ts';
import type { BusFailure } from './bus.ts';
import { parseShow, parseShownList, type ShownUnit } from './show-text.ts';
import { classifyFailure, type SystemctlFailure, systemctlEnvironment } from './systemctl.ts';
import {
  type Asked,
  type LoadedTargets,
  type ManagerOverview,
  statedDependencies,
  type UnitDetails,
  type UnitListing,
  type UserManager,
} from './user-instance.ts';

type Unit = UnitListing & UnitDetails;
/** Runs systemctl: standard output, whatever the exit code, where it reached the manager. */
type Run = (args: readonly string[]) => Asked<{ readonly stdout: string; readonly stderr: string }>;

const UNIT_PROPERTIES =
  'Id,Names,LoadState,ActiveState,SubState,Job,NeedDaemonReload,Result,FragmentPath,DropInPaths,Requires,BindsTo,PartOf';

export function systemctlManager(run: RunProgram, runtimeDirectory: string, deadlineMs: number): UserManager {
  const until = performance.now() + deadlineMs;
  const ask: Run = async (args) => {
    const left = Math.max(1, Math.floor(until - performance.now()));
    const options = { deadlineMs: left, env: systemctlEnvironment(runtimeDirectory) };
    const ran = await run('systemctl', ['--user', '--no-ask-password', '--no-pager', ...args], options);
    if (ran.kind === 'failed') return err({ kind: 'connection', why: ran.why, detail: ran.detail });
    if (ran.code === 0) return ok(ran);
    const failure = classifyFailure(ran.stderr.trim());
    return reachedManager(failure) ? ok(ran) : err(unreached(failure));
  };
  const shown = new Map<string, Unit>();
  const list = async (units: readonly string[]): Asked<ReadonlyMap<string, UnitListing>> => {
    const found = await showUnits(ask, units);
    if (found.ok) for (const [name, unit] of found.value) shown.set(name, unit);
    return found;
  };
  return {
    overview: () => readOverview(ask),
    loaded: (pattern) => list([pattern]),
    list: (names) => list(names),
    details: (units) => Promise.resolve(ok(new Map([...shown].filter(([name]) => units.has(name))))),
    unitFileStates: (names) => readUnitFileStates(ask, names),
    targets: () => readTargets(ask),
    close: () => undefined,
  };
}

function reachedManager(failure: SystemctlFailure): boolean {
  return failure.why === 'no-such-unit' || failure.why === 'refused';
}

function unreached(failure: SystemctlFailure): BusFailure {
  const why = failure.why === 'denied' || failure.why === 'timeout' ? failure.why : 'no-bus';
  return { kind: 'connection', why, detail: `systemctl: ${failure.detail}` };
}

async function show(ask: Run, properties: string, units: readonly string[]): Asked<readonly ShownUnit[]> {
  const printed = await ask(['show', `--property=${properties}`, ...(units.length === 0 ? [] : ['--', ...units])]);
  if (!printed.ok) return printed;
  const shown = parseShow(printed.value.stdout);
  if (shown.length > 0 || printed.value.stderr === '') return ok(shown);
  return err({ kind: 'connection', why: 'garbage', detail: `systemctl show: ${printed.value.stderr.trim()}` });
}

async function readOverview(ask: Run): Asked<ManagerOverview> {
  const shown = await show(ask, 'Version,UnitPath,Environment', []);
  if (!shown.ok) return shown;
  const unitPath = parseShownList(shown.value[0]?.get('UnitPath') ?? '');
  if (unitPath.length === 0) {
    return err({ kind: 'connection', why: 'garbage', detail: 'systemctl show tells no UnitPath' });
  }
  const environment = parseShownList(shown.value[0]?.get('Environment') ?? '');
  return ok({ version: shown.value[0]?.get('Version') ?? null, environment, unitPath, loadedAt: null });
}

async function showUnits(ask: Run, units: readonly string[]): Asked<ReadonlyMap<string, Unit>> {
  const shown = await show(ask, UNIT_PROPERTIES, units);
  if (!shown.ok) return shown;
  const queued = shown.value.some((unit) => (unit.get('Job') ?? '0') !== '0');
  const jobs = queued ? await readJobs(ask) : ok(new Map<string, string>());
  if (!jobs.ok) return jobs;
  const asked = new Set(units);
  const found = new Map<string, Unit>();
  for (const unit of shown.value) {
    const id = unit.get('Id') ?? '';
    const read = readUnit(unit, jobs.value.get(id) ?? null);
    const names = [id, ...parseShownList(unit.get('Names') ?? '')];
    const wanted = names.filter((name) => asked.has(name));
    for (const name of wanted.length > 0 ? wanted : [id]) found.set(name, read);
  }
  return ok(found);
}

function readUnit(unit: ShownUnit, job: string | null): Unit {
  const text = (name: string) => unit.get(name) ?? '';
  const list = (name: string) => parseShownList(text(name));
  return {
    load_state: text('LoadState'),
    active_state: text('ActiveState'),
    sub_state: text('SubState'),
    job,
    need_daemon_reload: text('NeedDaemonReload') === 'yes',
    result: text('Result'),
    fragment_path: text('FragmentPath') === '' ? null : text('FragmentPath'),
    drop_in_paths: list('DropInPaths'),
    requires: statedDependencies(list('Requires')),
    binds_to: statedDependencies(list('BindsTo')),
    part_of: statedDependencies(list('PartOf')),
  };
}

/** Types of the queued jobs by unit: `show` tells their numbers only. */
async function readJobs(ask: Run): Asked<ReadonlyMap<string, string>> {
  const printed = await ask(['list-jobs', '--no-legend', '--plain']);
  if (!printed.ok) return printed;
  const rows = printed.value.stdout.split('\n').map((line) => line.trim().split(/\s+/));
  return ok(new Map(rows.flatMap(([, unit, type]) => (unit && type ? [[unit, type] as const] : []))));
}

/** `is-enabled` gives up at the first name that it does not know, so each is asked by itself; they are few. */
async function readUnitFileStates(ask: Run, names: readonly string[]): Asked<ReadonlyMap<string, string>> {
  const states = new Map<string, string>();
  for (const name of names) {
    const printed = await ask(['is-enabled', '--', name]);
    if (!printed.ok) return printed;
    states.set(name, unitFileState(printed.value.stdout.trim(), printed.value.stderr));
  }
  return ok(states);
}

/** Newer ones print `not-found`, 252 only complains. */
function unitFileState(word: string, complaint: string): string {
  if (word === 'not-found') return '';
  if (word !== '') return word;
  return /No such file or directory/.test(complaint) ? '' : 'bad';
}

async function readTargets(ask: Run): Asked<LoadedTargets> {
  const shown: Result<readonly ShownUnit[], BusFailure> = await show(ask, 'Id,Names,Wants,Requires,BindsTo', [
    'default.target',
    '*.target',
  ]);
  if (!shown.ok) return shown;
  const pulls = new Map<string, readonly string[]>();
  let start = 'default.target';
  for (const target of shown.value) {
    const id = target.get('Id') ?? '';
    if (parseShownList(target.get('Names') ?? '').includes('default.target')) start = id;
    const pulled = ['Wants', 'Requires', 'BindsTo'].flatMap((name) => parseShownList(target.get(name) ?? ''));
    pulls.set(id, pulled);
  }
  return ok({ start, pulls });
}
