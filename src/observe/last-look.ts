/**
 * What the last look of this very process was told, for what looks at a thousand agents each minute: where the next one is
 * told the very same, what was made of it is taken from there, and is the same object. Nothing here stands for a look:
 * everything is asked and read again each time, and only what it is made into is not made twice.
 */
import { type Kept, kept } from '../spec/kept.ts';
import { recordOf } from '../spec/record.ts';
import type { Search } from './commands.ts';
import { type KeptStats, keptStats } from './proc/kept-stats.ts';
import type { WantedEnv } from './processes.ts';
import type { AgentHeartbeats, PathObserved, ProcessObserved, TmuxPane, TmuxSession } from './state.ts';
import { type KnownUnits, knownUnits } from './systemd/known-units.ts';
import { type KnownRows, knownRows } from './tmux/listing.ts';

export interface LastLook {
  readonly stats: KeptStats;
  /** Unix milliseconds, or null: when the kernel began, as it was told last. */
  bootedAtMs: number | null;
  /** Of the tmux server on this path. */
  readonly server: (path: string) => KnownServer;
  /** By pid. */
  readonly processes: Kept<number, ProcessObserved>;
  /** By agent; null: nobody's. */
  readonly wantedEnvs: Kept<string | null, WantedEnv>;
  readonly units: KnownUnits;
  /** Of what is asked for, and of what is listed, by what they are. */
  readonly names: Kept<string, readonly string[]>;
  /** The last record under this key, where its names and values are the very same. */
  readonly record: <T>(key: string, entries: ReadonlyMap<string, T>) => Readonly<Record<string, T>>;
  /** The last one under this key, where it tells the same. */
  readonly path: (key: string, seen: PathObserved) => PathObserved;
  readonly beats: Kept<string, AgentHeartbeats>;
  /** By agent: what its command is looked up by. */
  readonly searches: Kept<string, Search>;
  /** To be called when everything has been looked at: what is no more is let go. */
  readonly sweep: () => void;
  readonly close: () => void;
}

export interface KnownServer {
  readonly rows: KnownRows;
  /** By id. */
  readonly panes: Kept<string, TmuxPane>;
  readonly sessions: Kept<string, TmuxSession>;
}

export function lastLook(): LastLook {
  const stats = keptStats();
  const servers = kept<string, KnownServer>();
  const processes = kept<number, ProcessObserved>();
  const wantedEnvs = kept<string | null, WantedEnv>();
  const units = knownUnits();
  const names = kept<string, readonly string[]>();
  const records = kept<string, Readonly<Record<string, unknown>>>();
  const paths = kept<string, PathObserved>();
  const beats = kept<string, AgentHeartbeats>();
  const searches = kept<string, Search>();
  const all = [servers, processes, wantedEnvs, units, names, records, paths, beats, searches];
  return {
    stats,
    bootedAtMs: null,
    server: (path) => servers.of(path, [], knownServer),
    processes,
    wantedEnvs,
    units,
    names,
    record: <T>(key: string, entries: ReadonlyMap<string, T>) => {
      const make = (): Readonly<Record<string, T>> => recordOf(entries);
      return records.of(key, [...entries.keys(), ...entries.values()], make) as Readonly<Record<string, T>>;
    },
    path: (key, seen) => paths.of(key, Object.values(seen), () => seen),
    beats,
    searches,
    sweep: () => {
      for (const part of all) part.sweep();
      for (const { panes, sessions } of servers.values()) {
        panes.sweep();
        sessions.sweep();
      }
    },
    close: stats.close,
  };
}

function knownServer(): KnownServer {
  return { rows: knownRows(), panes: kept(), sessions: kept() };
}
