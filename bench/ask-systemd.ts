/** Ways of asking systemd about many units, each timed in a process of its own, as `fleet plan` is one. */
import { execFileSync } from 'node:child_process';
import { runProgram } from '../src/observe/run.ts';
import { type Bus, openBus, type Question } from '../src/observe/systemd/bus.ts';
import {
  FLAG,
  getUnitFileState,
  listUnitsByPatterns,
  MICROSECONDS,
  managerProperty,
  TEXT,
  unitObjectPath,
  unitProperty,
} from '../src/observe/systemd/bus-questions.ts';
import { busManager } from '../src/observe/systemd/over-bus.ts';
import { systemctlManager } from '../src/observe/systemd/over-systemctl.ts';
import { askManager } from '../src/observe/systemd/units.ts';
import { layoutOf } from '../src/spec/layout.ts';

const LAYOUT = layoutOf('fleet');
const DEADLINE_MS = 60_000;

/** Milliseconds. */
export async function askSystemd(what: string, count: number): Promise<number> {
  const uid = process.getuid?.() ?? -1;
  const runtimeDirectory = `/run/user/${uid}`;
  const agents = Array.from({ length: count }, (_, index) => `agent-${String(index + 1).padStart(4, '0')}`);
  const units = agents.map((agent) => LAYOUT.agentUnit(agent));
  const request = { layout: LAYOUT, agents, uid, runtimeDirectory, deadlineMs: DEADLINE_MS };
  const started = performance.now();
  if (what === 'observe') {
    must(await askManager(request, busManager(`${runtimeDirectory}/bus`, uid, DEADLINE_MS)));
  } else if (what === 'observe-by-systemctl') {
    must(await askManager(request, systemctlManager(runProgram, runtimeDirectory, DEADLINE_MS)));
  } else if (what === 'systemctl-show') {
    execFileSync('systemctl', ['--user', 'show', '-p', 'ActiveState,SubState,UnitFileState', ...units], {
      stdio: 'pipe',
    });
  } else {
    const bus = openBus(`${runtimeDirectory}/bus`, uid, DEADLINE_MS);
    await askAll(bus, questionsOf(what, units));
    bus.close();
  }
  return performance.now() - started;
}

function must(source: { readonly status: string }): void {
  if (source.status !== 'known') throw new Error(`bench: ${JSON.stringify(source)}`);
}

/** What an answer says does not matter here, only that it came. */
async function askAll(bus: Bus, questions: readonly Question<unknown>[]): Promise<void> {
  await Promise.all(questions.map((question) => bus.ask(question)));
}

function questionsOf(what: string, units: readonly string[]): readonly Question<unknown>[] {
  switch (what) {
    case 'connect':
      return [managerProperty('Version', TEXT)];
    case 'list':
      return [listUnitsByPatterns([LAYOUT.agentTemplate.replace('@', '@*')])];
    case 'get-active-since':
      return units.map((unit) => unitProperty(unit, 'Unit', 'ActiveEnterTimestamp', MICROSECONDS));
    case 'get-need-reload':
      return units.map((unit) => unitProperty(unit, 'Unit', 'NeedDaemonReload', FLAG));
    case 'get-unit-file-state-property':
      return units.map((unit) => unitProperty(unit, 'Unit', 'UnitFileState', TEXT));
    case 'get-all':
      return units.map(getAll);
    case 'GetUnitFileState':
      return units.map((unit) => getUnitFileState(unit));
    default:
      throw new Error(`bench: unknown question ${what}`);
  }
}

function getAll(unit: string): Question<unknown> {
  const { call } = unitProperty(unit, 'Unit', '', TEXT);
  const path = unitObjectPath(unit);
  const body: Question<unknown>['call']['body'] = (writer) => writer.string('org.freedesktop.systemd1.Unit');
  return { call: { ...call, path, member: 'GetAll', signature: 's', body }, signature: 'not read', read: () => null };
}
