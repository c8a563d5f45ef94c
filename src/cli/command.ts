/** The shape of a command: data for its help and its arguments, and a function loaded only when it is called. */
import type { Context } from './context.ts';
import type { ExitCode } from './exit-codes.ts';
import type { FlagName } from './flags.ts';
import type { HolderView } from './views/lock.ts';

/** What is said at the first interrupt of a command that ends after its effect. */
export const FINISHING = 'finishing what is under way; interrupt again to stop now';

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Positional arguments, for the usage line: `[FILE]`. */
  readonly operands: readonly Operand[];
  readonly flags: readonly FlagName[];
  /** Paragraphs below the flags in `--help`. */
  readonly notes: readonly string[];
  readonly load: () => Promise<RunCommand>;
  /** It runs until it is stopped. */
  readonly lasts?: true;
}

export interface Operand {
  readonly name: string;
  readonly required: boolean;
}

export type RunCommand = (args: Arguments, context: Context) => Promise<ExitCode>;

/** Parsed arguments. A flag that was not given is absent. */
export interface Arguments {
  readonly operands: readonly string[];
  readonly flags: ReadonlySet<FlagName>;
  readonly values: Readonly<Partial<Record<FlagName, readonly string[]>>>;
}

export const has = (args: Arguments, flag: FlagName): boolean => args.flags.has(flag);
export const values = (args: Arguments, flag: FlagName): readonly string[] => args.values[flag] ?? [];
/** The last one given. */
export const value = (args: Arguments, flag: FlagName): string | null => values(args, flag).at(-1) ?? null;

/** What a command reports instead of a result; main prints it to stderr and exits with `code`. */
export interface Failure {
  readonly code: ExitCode;
  /** What went wrong and where, without a full stop. Several lines where there are several problems. */
  readonly message: string;
  readonly remedy: string | null;
  /** Who holds the lease, where that is why (exit 6); null: somebody unnamed. */
  readonly holder?: HolderView | null;
}
