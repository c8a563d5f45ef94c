/** The few ways in which the executor reaches the world. Built once by the command line; tests give an in-memory world. */
import type { HowToLook } from '../observe/observe.ts';
import type { RunProgram } from '../observe/run.ts';
import type { Observed } from '../observe/state.ts';
import type { Result } from '../spec/result.ts';
import type { Failure } from './outcome.ts';

export type { HowToLook } from '../observe/observe.ts';

/** A fresh look; null: at everything. Default: `twice`. */
export type Observe = (agents: readonly string[] | null, how?: HowToLook) => Promise<Observed>;

export interface ApplyPorts {
  readonly run: RunProgram;
  /** A fresh look; `agents` narrows it to those names (what is not looked at is unknown), null looks at everything. */
  readonly observe: Observe;
  readonly files: FileWriter;
  readonly processes: ProcessControl;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly delay: (ms: number) => Promise<void>;
}

export type FileRead =
  | { readonly state: 'absent' }
  | {
      readonly state: 'present';
      /** UTF-8 text. A file that is none is a failure: fleet would not give its bytes back unchanged. */
      readonly content: string;
      /** Hex SHA-256 of the bytes. */
      readonly sha256: string;
      readonly mode: number;
    }
  | { readonly state: 'failed'; readonly failure: Failure };

/** Absolute paths. No call follows a symbolic link at the path itself, and none leaves a half-written file. */
export interface FileWriter {
  read(path: string): FileRead;
  /** Replaces the file in one step. An existing file keeps its mode unless `mode` is forced; missing directories are made 0700. */
  write(path: string, content: string, mode: WriteMode): Result<null, Failure>;
  /**
   * Appends whole lines in one write, to the disk itself where `sync`. A new file has mode 0600, missing directories are
   * made 0700. What an append that was cut off left behind the last line end is cut away; one that fails leaves nothing.
   */
  append(path: string, lines: string, sync: boolean): Result<null, Failure>;
  /** Absent already is no failure. */
  remove(path: string): Result<null, Failure>;
  /** Makes the directory with this mode where it is not there. */
  makeDirectory(path: string, mode: number): Result<null, Failure>;
}

export type WriteMode = { readonly ifNew: number } | { readonly always: number };

/** Processes are told by pid and start time together: a pid alone may have been given to another by now. */
export interface ProcessControl {
  /** Clock ticks since boot (field 22 of /proc/PID/stat), null where there is no such process or it is a zombie. */
  startTime(pid: number): number | null;
  /** False where it was gone or refused. `group` signals the whole process group whose id is `pid`. */
  signal(pid: number, name: 'SIGUSR1' | 'SIGTERM' | 'SIGKILL', options: { readonly group: boolean }): boolean;
}
