/**
 * What a command may use of the world: built once, in main.ts, and passed down. Tests build their own. Nothing below
 * src/cli/main.ts reads `process` or writes to a stream by itself.
 */

import type { KnownFiles } from '../observe/known-files.ts';
import type { LastLook } from '../observe/last-look.ts';
import type { Masking } from '../observe/masking.ts';
import type { KnownProcesses } from '../observe/proc/known.ts';
import type { RunProgram } from '../observe/run.ts';
import type { Machine } from '../reconcile/lease/machine.ts';
import type { FileWriter, ProcessControl } from '../reconcile/ports.ts';
import type { Log } from './log.ts';

/**
 * A text stream. `columns` is null where it is not a terminal. Properties are looked up when asked for: Node makes its
 * streams then, which a command that waits for tmux can do meanwhile.
 */
export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  readonly columns: number | null;
}

export interface User {
  readonly name: string;
  readonly uid: number;
  /** From the user database, not from variables. */
  readonly home: string;
}

export interface Context {
  readonly stdout: Output;
  readonly stderr: Output;
  /** The environment of the caller; commands read only what docs name (FLEET_FILE, NO_COLOR, TMUX_TMPDIR). */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly user: User;
  /** Whether stdout may carry colours: a terminal, and NO_COLOR is not set. */
  readonly color: () => boolean;
  /** Kernel's host name, as `uname -n` prints it. */
  readonly hostname: string;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly delay: (ms: number) => Promise<void>;
  readonly run: RunProgram;
  readonly files: FileWriter;
  readonly processes: ProcessControl;
  /** Whose process is whose, for the lease. */
  readonly machine: Machine;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP: the current effect ends, nothing new begins. */
  readonly interrupted: () => AbortSignal;
  /**
   * From now on the first interrupt only aborts `interrupted`; without this call it ends the command at once. `done`: to
   * be interrupted is how the command ends well, so its own exit code counts.
   */
  readonly finishBeforeInterrupt: (ends?: 'interrupted' | 'done') => void;
  /** Runs `release` when the process ends by whatever way that can still run code; synchronous. Returns how to undo it. */
  readonly onExit: (release: (exitCode: number) => void) => () => void;
  /** How this very command is run, for units that shall run it again. Absolute. */
  readonly self: { readonly node: string; readonly script: string };
  /** From now on SIGHUP calls this; without it, it interrupts like SIGTERM. */
  readonly onHangup: (reload: () => void) => void;
  /** Told once the command is loaded, where it ends by itself: what pays only in the long run is left out. */
  readonly endsSoon: (agents: number | null) => void;
  readonly stdin: {
    readonly isTerminal: boolean;
    /** One line typed at the terminal; null where its input ended. */
    readonly ask: (question: string) => Promise<string | null>;
  };
  readonly log: Log;
  /** What is known to be secret by now; both streams pass through it. */
  readonly masking: Masking;
  /** Of a command that looks again and again: what processes told before. */
  readonly known?: KnownProcesses | undefined;
  /** Likewise, what files held; never just before an effect. */
  readonly knownFiles?: KnownFiles | undefined;
  /** Likewise, what the last look was told. */
  readonly lastLook?: LastLook | undefined;
}
