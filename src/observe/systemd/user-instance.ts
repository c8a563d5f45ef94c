/**
 * What the user manager knows, asked either over its bus or through `systemctl`: one shape for both, so that the
 * observation built from it is the same whichever way was open.
 */
import type { Result } from '../../spec/result.ts';
import type { UnitObserved } from '../state.ts';
import type { BusFailure } from './bus.ts';

export type Asked<T> = Promise<Result<T, BusFailure>>;

export interface UserManager {
  readonly overview: () => Asked<ManagerOverview>;
  /** The loaded units that fit a glob pattern. */
  readonly loaded: (pattern: string) => Asked<ReadonlyMap<string, UnitListing>>;
  /** Loaded or not; every name is in the answer. */
  readonly list: (names: readonly string[]) => Asked<ReadonlyMap<string, UnitListing>>;
  /** Every name is in the answer. */
  readonly details: (
    units: ReadonlyMap<string, UnitListing>,
    hints: DetailHints,
  ) => Asked<ReadonlyMap<string, UnitDetails>>;
  /** Unit file states as the disk has them now; '' where there is no such unit file, `bad` where it cannot be read. */
  readonly unitFileStates: (names: readonly string[]) => Asked<ReadonlyMap<string, string>>;
  /** Targets, and what each pulls in (Wants=, Requires=, BindsTo=) when it starts: at least those that default.target reaches. */
  readonly targets: () => Asked<LoadedTargets>;
  /** To be called once, whatever came before. */
  readonly close: () => void;
}

export interface ManagerOverview {
  readonly version: string | null;
  /** `NAME=value` of what its units are started with. */
  readonly environment: readonly string[];
  /** Directories of unit files, the most important first. */
  readonly unitPath: readonly string[];
  /** When the manager last began to load all its unit files; null where it does not tell (before systemd 250). */
  readonly loadedAt: ClockReading | null;
}

/** One instant on two clocks, in milliseconds: Unix time, and CLOCK_MONOTONIC. */
export interface ClockReading {
  readonly real_ms: number;
  readonly monotonic_ms: number;
}

export type UnitListing = Pick<UnitObserved, 'load_state' | 'active_state' | 'sub_state' | 'job'>;

export type UnitDetails = Pick<
  UnitObserved,
  'need_daemon_reload' | 'result' | 'fragment_path' | 'drop_in_paths' | 'requires' | 'binds_to' | 'part_of'
>;

/** What the disk tells about which questions have an answer that is known already. */
export interface DetailHints {
  /** As `UnitLinks.likeness`. */
  readonly likeness: (unit: string) => string;
  /** False where no file of any of these units was touched since the manager loaded them. */
  readonly mayNeedReload: boolean;
}

export interface LoadedTargets {
  /** Id of the unit behind `default.target`. */
  readonly start: string;
  readonly pulls: ReadonlyMap<string, readonly string[]>;
}

/** Without what systemd adds to every service by itself: its slice, the basic target, the mounts of its paths. */
export function statedDependencies(units: readonly string[]): readonly string[] {
  return units
    .filter((unit) => unit !== 'basic.target' && unit !== 'sysinit.target' && !/\.(slice|mount)$/.test(unit))
    .toSorted();
}
