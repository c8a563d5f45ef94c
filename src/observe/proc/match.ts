/**
 * How well one process fits one runtime, and by what. The order of proof: where the executable or the script that an
 * interpreter runs really lies, then the package around it; a title the program gave itself only with something beside
 * it; a bare name last. What a program shows (comm, `pane_current_command`, a terminal title) proves nothing alone.
 */
import { expandHome } from '../../spec/home.ts';
import type { RuntimeSpec } from '../../spec/model.ts';
import type { Identity } from './identity.ts';
import { baseName } from './interpreters.ts';
import type { PathLookup } from './paths.ts';

export type Strength = 'strong' | 'medium' | 'weak';

export interface Match {
  readonly runtime: RuntimeSpec;
  readonly pid: number;
  readonly strength: Strength;
  /** Only a bare name spoke for it: good enough when nothing else speaks, never enough to contradict another. */
  readonly byName: boolean;
  readonly evidence: string;
}

export interface MatchContext {
  readonly paths: PathLookup;
  /** Home of the user whose processes these are, for `~/` in the roster's paths. */
  readonly home: string;
}

type Runtimes = Readonly<Record<string, RuntimeSpec>>;

/** Every runtime that the process fits. What a thousand agents of one program fit is found out once. */
export function matchRuntimes(identity: Identity, runtimes: Runtimes, context: MatchContext): readonly Match[] {
  if (identity.title !== null) return matchEach(identity, runtimes, context);
  const found = remembered(runtimes, context);
  const { exe, interpreter, script, module } = identity;
  const plain = interpreter === null && script === null && module === null && exe !== null;
  const key = plain ? exe : [exe, interpreter?.shell, script?.written, script?.real, module].join('\0');
  const known = found.get(key) ?? matchEach(identity, runtimes, context);
  found.set(key, known);
  return known.map((match) => ({ ...match, pid: identity.pid }));
}

function matchEach(identity: Identity, runtimes: Runtimes, context: MatchContext): readonly Match[] {
  return Object.values(runtimes).flatMap((runtime) => matchRuntime(identity, runtime, context) ?? []);
}

interface Remembered {
  readonly home: string;
  readonly found: Map<string, readonly Match[]>;
}

const memory = new WeakMap<PathLookup, WeakMap<Runtimes, Remembered>>();

/** As long as paths are remembered, so is what follows from them. */
function remembered(runtimes: Runtimes, { paths, home }: MatchContext): Map<string, readonly Match[]> {
  const byRuntimes = memory.get(paths) ?? new WeakMap<Runtimes, Remembered>();
  memory.set(paths, byRuntimes);
  const known = byRuntimes.get(runtimes);
  if (known?.home === home) return known.found;
  const found = new Map<string, readonly Match[]>();
  byRuntimes.set(runtimes, { home, found });
  return found;
}

function matchRuntime(identity: Identity, runtime: RuntimeSpec, context: MatchContext): Match | null {
  const found =
    matchPackage(identity, runtime, context) ??
    matchScript(identity, runtime, context) ??
    matchExecutablePath(identity, runtime, context) ??
    matchTitle(identity, runtime, context) ??
    matchBareName(identity, runtime, context);
  return found === null ? null : { runtime, pid: identity.pid, byName: false, ...found };
}

type Found = Pick<Match, 'strength' | 'evidence'> & Partial<Pick<Match, 'byName'>>;

function matchPackage(identity: Identity, runtime: RuntimeSpec, { paths }: MatchContext): Found | null {
  const files = [identity.interpreter?.shell === true ? null : identity.exe, identity.script?.real ?? null];
  for (const file of files) {
    const name = file === null ? null : paths.package(file);
    if (name !== null && isOneOf(name, runtime.match.packages)) {
      return { strength: 'strong', evidence: `${file} is part of package ${name}` };
    }
  }
  return null;
}

/** Also a package for one platform, as npm splits them: `@openai/codex-linux-x64` is `@openai/codex`. */
function isOneOf(name: string, packages: readonly string[]): boolean {
  if (packages.includes(name)) return true;
  const common = name.replace(/-(linux|darwin|win32|windows|android|freebsd)-[a-z0-9]+(-(musl|gnu|baseline))*$/, '');
  return common !== name && packages.includes(common);
}

function matchScript(identity: Identity, runtime: RuntimeSpec, context: MatchContext): Found | null {
  if (identity.module !== null) {
    const spellings = moduleSpellings(identity.module);
    const entry = runtime.match.script.find((script) => spellings.includes(script));
    return entry === undefined ? null : { strength: 'strong', evidence: `runs module ${identity.module}` };
  }
  const script = identity.script;
  if (script === null) return null;
  const entry = runtime.match.script.find((wanted) => isThisFile(wanted, script.written, script.real, context));
  return entry === undefined ? null : { strength: 'strong', evidence: `runs script ${script.real ?? script.written}` };
}

function moduleSpellings(module: string): readonly string[] {
  const last = module.slice(module.lastIndexOf('.') + 1);
  return [module, last, `${last}.py`, `${module.replaceAll('.', '/')}.py`];
}

function matchExecutablePath(identity: Identity, runtime: RuntimeSpec, context: MatchContext): Found | null {
  const exe = identity.exe;
  const entries = runtime.match.exe.filter((entry) => entry.includes('/'));
  if (exe !== null && entries.some((entry) => isThisFile(entry, exe, exe, context))) {
    const strength = identity.interpreter?.shell === true ? 'weak' : 'strong';
    return { strength, byName: strength === 'weak', evidence: `executable is ${exe}` };
  }
  const script = identity.script;
  if (!runtime.own || script === null) return null;
  // To whoever writes a roster, a script that starts with #! is an executable like any other.
  const started = entries.some((entry) => isThisFile(entry, script.written, script.real, context));
  return started ? { strength: 'strong', evidence: `runs script ${script.real ?? script.written}` } : null;
}

/** `wanted`: a base name, an absolute or `~/` path, or such a path ending in `/`: any file below that directory. */
function isThisFile(wanted: string, written: string, real: string | null, { paths, home }: MatchContext): boolean {
  if (!wanted.includes('/')) return baseName(written) === wanted || (real !== null && baseName(real) === wanted);
  const path = expandHome(wanted, home);
  if (path.endsWith('/')) return (real ?? written).startsWith(path);
  return written === path || (real !== null && paths.real(path) === real);
}

/**
 * pi and others write a title over their command line, and the script's path is gone with it. `_`, which a shell sets
 * to what it starts, may still have the path.
 */
function matchTitle(identity: Identity, runtime: RuntimeSpec, context: MatchContext): Found | null {
  const title = identity.title;
  if (title === null) return null;
  const names = titlesOf(runtime);
  if (!names.includes(title)) return null;
  const starter = identity.starter();
  const file = starter === null ? null : starter.real;
  if (file !== null) {
    const name = context.paths.package(file);
    const isPackage = name !== null && isOneOf(name, runtime.match.packages);
    const isScript = runtime.match.script.some((wanted) => isThisFile(wanted, file, file, context));
    if (isPackage || isScript) return { strength: 'strong', evidence: `calls itself ${title}, was started as ${file}` };
  }
  // The kernel keeps 15 bytes of a name.
  if (!names.some((name) => name.slice(0, 15) === identity.comm)) return null;
  const evidence = `calls itself ${title} in its command line and its name`;
  if (starter?.ownScript !== true) return { strength: 'medium', evidence };
  return { strength: 'weak', byName: true, evidence: `${evidence}, but was started as ${starter.real}` };
}

function titlesOf(runtime: RuntimeSpec): readonly string[] {
  const named = [...runtime.match.exe, ...runtime.match.script].map((entry) => baseName(entry).replace(/\.\w+$/, ''));
  return [runtime.name, ...named].filter((name) => name !== '');
}

function matchBareName(identity: Identity, runtime: RuntimeSpec, context: MatchContext): Found | null {
  const names = runtime.match.exe.filter((entry) => !entry.includes('/'));
  const exe = identity.exe;
  const shell = identity.interpreter?.shell === true;
  if (exe !== null && (runtime.own || !shell)) {
    const wanted = runtime.own ? names : [...names, runtime.name];
    const name = wanted.find((n) => isNamed(exe, n) || (runtime.own && isOnPath(exe, n, context)));
    const strength = runtime.own && !shell ? 'medium' : 'weak';
    if (name !== undefined) return { strength, byName: true, evidence: `executable is named ${name}: ${exe}` };
  }
  const script = identity.script;
  if (!runtime.own || script === null) return null;
  const name = names.find(
    (n) => isThisFile(n, script.written, script.real, context) || isOnPath(script.real ?? script.written, n, context),
  );
  return name === undefined
    ? null
    : { strength: 'medium', byName: true, evidence: `script is named ${name}: ${script.real ?? script.written}` };
}

/** `python3` is also `python3.11`, `claude` also `claude.exe`. */
function isNamed(exe: string, name: string): boolean {
  const base = baseName(exe);
  return base === name || (base.startsWith(name) && /^(\.exe|[\d.]+)$/.test(base.slice(name.length)));
}

const PATH = ['~/.npm-global/bin', '~/.local/bin', '~/bin', '/usr/local/bin', '/usr/bin', '/bin'];

/** The roster's own `exe: NAME` also means what the command of that name really is, links resolved. */
function isOnPath(file: string, name: string, { paths, home }: MatchContext): boolean {
  return PATH.some((directory) => paths.real(`${expandHome(directory, home)}/${name}`) === file);
}
