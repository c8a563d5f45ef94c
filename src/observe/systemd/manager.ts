/**
 * What the user manager knows, asked either over its bus or through `systemctl`: one shape for both, so that the
 * observation built from it is the same whichever way was open.
 */
import type { Result } from '../../spec/result.ts';
import type { BusFailure } from './bus.ts';

export type Asked<T> = Promise<Result<T, BusFailure>>;

export interface UserManager {
  readonly overview: () => Asked<ManagerOverview>;
  /** Loaded or not; every name is in the answer. */
  readonly units: (names: readonly string[]) => Asked<ReadonlyMap<string, ManagedUnit>>;
  /** Names of the loaded units that fit a glob pattern. */
  readonly loaded: (pattern: string) => Asked<readonly string[]>;
  /** Unit file states as the disk has them now; '' where there is no such unit file, `bad` where it cannot be read. */
  readonly unitFileStates: (names: readonly string[]) => Asked<ReadonlyMap<string, string>>;
  /** The loaded targets, and what each pulls in (Wants=, Requires=, BindsTo=) when it starts. */
  readonly targets: () => Asked<LoadedTargets>;
  /** To be called once, whatever came before. */
  readonly close: () => void;
}

export interface ManagerOverview {
  readonly version: string | null;
  /** Directories of unit files, the most important first. */
  readonly unitPath: readonly string[];
}

export interface ManagedUnit {
  readonly load_state: string;
  readonly active_state: string;
  readonly sub_state: string;
  readonly job: string | null;
  readonly need_daemon_reload: boolean;
  readonly result: string;
  readonly fragment_path: string | null;
  readonly drop_in_paths: readonly string[];
  readonly requires: readonly string[];
  readonly binds_to: readonly string[];
  readonly part_of: readonly string[];
  readonly active_since_ms: number | null;
  readonly control_group: string | null;
}

export interface LoadedTargets {
  /** Id of the unit behind `default.target`. */
  readonly start: string;
  readonly pulls: ReadonlyMap<string, readonly string[]>;
}

/** What systemd adds to every service by itself: its slice, the basic target, the mounts of its paths. */
export function statedDependencies(units: readonly string[]): readonly string[] {
  return units
    .filter((unit) => unit !== 'basic.target' && unit !== 'sysinit.target' && !/\.(slice|mount)$/.test(unit))
    .toSorted();
}
