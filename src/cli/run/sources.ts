/** The sources of events of one roster, and which key each trigger is about. */
import { isAbsolute } from 'node:path';
import type { HeartbeatsObserved, Observed, TmuxSession } from '../../observe/state.ts';
import { type Clock, realClock } from '../../observe/watch/clock.ts';
import { watchFiles } from '../../observe/watch/files.ts';
import { watchHeartbeats } from '../../observe/watch/heartbeats.ts';
import { watchProcesses } from '../../observe/watch/processes.ts';
import { watchTerminals } from '../../observe/watch/terminals.ts';
import type { SourceState, Trigger, Watch } from '../../observe/watch/trigger.ts';
import { watchUnits } from '../../observe/watch/units.ts';
import { EVERYTHING } from '../../reconcile/control/queue.ts';
import { areSame, type Kept, kept, onceOf } from '../../spec/kept.ts';
import { layoutOf } from '../../spec/layout.ts';
import type { Roster } from '../../spec/model.ts';

export interface Sources {
  /** What to watch from now on, as a look found it; `scope` null: it was about everything. */
  readonly follow: (roster: Roster, observed: Observed, scope: ReadonlySet<string> | null) => void;
  /**
   * Whether any agent waits for a heartbeat. Where none does heartbeats are not even watched: a hundred agents that beat
   * once a second are three hundred events a second, and every one of them would say that all is well.
   */
  readonly attend: (waiting: boolean) => void;
  readonly close: () => void;
}

export interface SourcesInput {
  /** Absolute: files that tell of another roster. */
  readonly rosterFiles: readonly string[];
  /** Absolute: files by which people stop and steer it. */
  readonly wishFiles: readonly string[];
  readonly uid: number;
  /** Absolute, of that user: `/run/user/UID`. */
  readonly runtimeDirectory: string;
  readonly onRoster: () => void;
  /** An agent's name, or EVERYTHING. */
  readonly onKey: (key: string) => void;
  /** Asked before a heartbeat makes a look: most say only that all is well. */
  readonly isWaitedFor: (agent: string) => boolean;
  readonly onState: (state: SourceState) => void;
}

const NONE: ReadonlySet<string> = new Set();

/** Terminals and processes of one agent. */
interface Traces {
  readonly terminals: readonly string[];
  readonly pids: readonly number[];
}

export function openSources(input: SourcesInput, clock: Clock = realClock): Sources {
  const traces = new Map<string, Traces>();
  const known: Kept<TmuxSession, Traces> = kept();
  const terminals = new Map<string, string>();
  const processes = new Map<number, string>();
  let roster: Roster | null = null;
  let directories: ReadonlySet<string> = NONE;
  let units: (Watch & { readonly set: (names: Iterable<string>) => void }) | null = null;
  const keyOf = (trigger: Exclude<Trigger, { on: 'roster' }>): string | undefined => {
    switch (trigger.on) {
      case 'wish':
        return EVERYTHING;
      case 'unit':
        return keyOfUnit(roster, trigger.unit);
      case 'terminal':
        return terminals.get(trigger.path);
      case 'process':
        return processes.get(trigger.pid);
      case 'heartbeat': {
        const agent = trigger.agent ?? EVERYTHING;
        return agent === EVERYTHING || input.isWaitedFor(agent) ? agent : undefined;
      }
    }
  };
  const onTrigger = (trigger: Trigger): void => {
    if (trigger.on === 'roster') {
      input.onRoster();
      return;
    }
    const key = keyOf(trigger);
    if (key !== undefined) input.onKey(key);
  };
  const listener = { onTrigger, onState: input.onState };
  const watched = [
    watchFiles({ source: 'roster', paths: input.rosterFiles, trigger: { on: 'roster' } }, listener, clock),
    watchFiles({ source: 'wishes', paths: input.wishFiles, trigger: { on: 'wish' } }, listener, clock),
    watchTerminals(listener),
  ];
  const pids = watchProcesses(listener, clock);
  const beats = watchHeartbeats(listener, clock);
  return {
    follow: (now, observed, scope) => {
      const isAnother = roster !== now;
      roster = now;
      if (isAnother && now.supervisor === 'systemd') {
        units ??= watchUnits(`${input.runtimeDirectory}/bus`, input.uid, listener, clock);
        units.set(unitsOf(now));
      }
      directories = beatDirectories(observed);
      if (note(traces, now, observed, scope, known)) {
        terminals.clear();
        processes.clear();
        for (const [key, trace] of traces) {
          for (const path of trace.terminals) terminals.set(path, key);
          for (const pid of trace.pids) processes.set(pid, key);
        }
      }
      pids.set(processes.keys());
    },
    attend: (waiting) => beats.set(waiting ? directories : NONE),
    close: () => {
      for (const watch of [...watched, pids, beats, ...(units === null ? [] : [units])]) watch.close();
    },
  };
}

function keyOfUnit(roster: Roster | null, unit: string | null): string {
  const agent = unit === null || roster === null ? null : layoutOf(roster.layout).agentOfUnit(unit);
  return agent ?? EVERYTHING;
}

function unitsOf(roster: Roster): readonly string[] {
  const layout = layoutOf(roster.layout);
  return [layout.holderUnit, ...roster.agents.map((agent) => layout.agentUnit(agent.name))];
}

function beatDirectories({ sources }: Observed): ReadonlySet<string> {
  if (sources.heartbeats.status === 'unknown') return new Set();
  return directoriesOf(sources.heartbeats.value.agents);
}

const directoriesOf = onceOf((agents: HeartbeatsObserved['agents']): ReadonlySet<string> => {
  const directories = new Set<string>();
  for (const { directory } of Object.values(agents)) if (isAbsolute(directory)) directories.add(directory);
  return directories;
});

/** What could not be seen is watched as before. Whether anything is watched now that was not, or the other way round. */
function note(
  traces: Map<string, Traces>,
  roster: Roster,
  { sources }: Observed,
  scope: ReadonlySet<string> | null,
  known: Kept<TmuxSession, Traces>,
): boolean {
  if (sources.tmux.status === 'unknown') return false;
  const names = new Set(roster.agents.map((agent) => agent.name));
  let another = false;
  for (const key of traces.keys()) {
    if (key !== EVERYTHING && !names.has(key)) another = traces.delete(key);
  }
  const found = new Map<string, Traces>();
  for (const { server } of sources.tmux.value.servers) {
    if (server.state !== 'running') continue;
    add(found, EVERYTHING, { terminals: [], pids: [server.pid] });
    for (const session of server.sessions) {
      const key = keyOfSession(session, roster, names);
      add(
        found,
        key,
        known.of(session, [], () => tracesOf(session)),
      );
    }
  }
  known.sweep();
  const everything = traces.get(EVERYTHING);
  // What is everybody's comes last: it counts where an agent's trace of before says otherwise.
  if (traces.delete(EVERYTHING) && !found.has(EVERYTHING)) another = true;
  // A process that has ended would be told of again and again, for as long as its agent is down.
  const isSeen = sources.tmux.value.servers.every(({ server }) => server.state !== 'unknown');
  for (const key of isSeen ? traces.keys() : []) {
    if (!found.has(key) && (scope === null || scope.has(key))) another = traces.delete(key);
  }
  for (const [key, trace] of found) {
    if (key !== EVERYTHING && scope !== null && !scope.has(key)) continue;
    another ||= !isSame(trace, key === EVERYTHING ? everything : traces.get(key));
    traces.set(key, trace);
  }
  return another;
}

function isSame(a: Traces, b: Traces | undefined): boolean {
  return a === b || (b !== undefined && areSame(a.terminals, b.terminals) && areSame(a.pids, b.pids));
}

function keyOfSession({ name, mark }: TmuxSession, roster: Roster, names: ReadonlySet<string>): string | null {
  const agent = mark?.owner === roster.fleet ? mark.agent : name;
  if (names.has(agent)) return agent;
  return agent === roster.tmux.holderSession ? EVERYTHING : null;
}

function tracesOf({ panes }: TmuxSession): Traces {
  const live = panes.filter((pane) => !pane.dead);
  return {
    terminals: live.flatMap((pane) => pane.tty ?? []),
    pids: live.flatMap(({ pid, runs }) => [...(pid === null ? [] : [pid]), ...('pid' in runs ? [runs.pid] : [])]),
  };
}

function add(found: Map<string, Traces>, key: string | null, more: Traces): void {
  if (key === null) return;
  const before = found.get(key);
  if (before === undefined) {
    found.set(key, more);
    return;
  }
  found.set(key, {
    terminals: [...before.terminals, ...more.terminals],
    pids: [...before.pids, ...more.pids],
  });
}
