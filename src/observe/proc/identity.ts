/** What one process really is: its executable, and what that was told to run. */
import { isAbsolute, join } from 'node:path';
import type { ProcessDetails } from './details.ts';
import type { ProcessEntry } from './entry.ts';
import { baseName, type Interpreted, type Interpreter, interpretedBy, interpreterOf } from './interpreters.ts';
import type { PathLookup } from './paths.ts';
import type { ProcessTable } from './table.ts';

export interface Identity {
  readonly pid: number;
  readonly comm: string;
  /** Real path of the executable; null = not readable. */
  readonly exe: string | null;
  /** Null where the executable is no interpreter, or is not readable. */
  readonly interpreter: Interpreter | null;
  readonly interpreted: Interpreted;
  /** The script an interpreter runs. `written` is absolute where the process's directory could be read. */
  readonly script: { readonly written: string; readonly real: string | null } | null;
  readonly module: string | null;
  /** First word, without its directory, of a title that an interpreted program wrote over its whole command line. */
  readonly title: string | null;
  /** What `_` in its environment names, read only when asked for. Null: nothing, or not readable. */
  starter(): Starter | null;
}

export interface Starter {
  readonly real: string;
  /** A shell set `_` for just this process (its parent has another value), and it names a script. */
  readonly ownScript: boolean;
}

export function identify(
  entry: ProcessEntry,
  table: ProcessTable,
  details: ProcessDetails,
  paths: PathLookup,
): Identity {
  const link = details.exe(entry.pid);
  const exe = link === null ? null : (paths.real(link) ?? link);
  const argv = details.cmdline(entry.pid) ?? [];
  const interpreter = exe === null ? null : interpreterOf(exe, argv[0] ?? '');
  const title = interpreter === null ? null : titleOf(argv);
  const interpreted: Interpreted =
    interpreter === null || title !== null ? { kind: 'none' } : interpretedBy(interpreter, argv);
  return {
    pid: entry.pid,
    comm: entry.comm,
    exe,
    interpreter,
    interpreted,
    script: interpreted.kind === 'script' ? locate(interpreted.path, entry.pid, details, paths) : null,
    module: interpreted.kind === 'module' ? interpreted.name : null,
    title,
    starter: () => starterOf(entry, table, details, paths),
  };
}

/**
 * A title fills what is left of the old command line with NULs: one word, then nothing but empty strings. A command
 * line of one word alone is no title, for `exec -a pi node` has that too.
 */
function titleOf(argv: readonly string[]): string | null {
  const [first, ...rest] = argv;
  if (first === undefined || rest.length === 0 || rest.some((word) => word !== '')) return null;
  const word = first.trim().split(/[\s:]/, 1)[0] ?? '';
  return word === '' ? null : baseName(word);
}

function locate(path: string, pid: number, details: ProcessDetails, paths: PathLookup): Identity['script'] {
  if (isAbsolute(path)) return { written: path, real: paths.real(path) };
  const cwd = details.cwd(pid);
  if (cwd.status === 'unknown') return { written: path, real: null };
  const absolute = join(cwd.value, path);
  return { written: absolute, real: paths.real(absolute) };
}

function starterOf(
  entry: ProcessEntry,
  table: ProcessTable,
  details: ProcessDetails,
  paths: PathLookup,
): Starter | null {
  const path = startedAs(entry.pid, details);
  if (path === null || !isAbsolute(path)) return null;
  const real = paths.real(path);
  if (real === null) return null;
  // Every child inherits `_`; only a shell sets it anew. Without a parent to compare with it stays unproven.
  const parent = table.entries.get(entry.ppid);
  const inherited = parent === undefined || startedAs(parent.pid, details) === path;
  return { real, ownScript: !inherited && /\.([cm]?[jt]s|py|rb|pl|php)$/.test(real) };
}

function startedAs(pid: number, details: ProcessDetails): string | null {
  const environ = details.environ(pid);
  return environ.status === 'known' ? (environ.value.get('_') ?? null) : null;
}

/** `python3 agent.py`, `claude.exe`, `node` : for people. */
export function programOf(identity: Identity): string {
  const program = identity.exe === null ? identity.comm : baseName(identity.exe);
  if (identity.script !== null) return `${program} ${baseName(identity.script.written)}`;
  if (identity.module !== null) return `${program} -m ${identity.module}`;
  return identity.title === null ? program : `${program} (${identity.title})`;
}
