/** The roster's runtimes: built-in ones, those it changes, and its own; and how one is recognised where it does not say. */
import type { LayoutName, RuntimeMatch, RuntimeSpec, Supervisor } from './model.ts';
import { BUILT_IN_RUNTIMES } from './runtimes.ts';
import type { RosterFile, RuntimeFile } from './schema.ts';

/**
 * By name, without a prototype. A built-in one whose entry gives only a command stays that program: not `own`, with its
 * own match and `beats`; with a `match` it is another program of that name, and own.
 */
export function normalizeRuntimes(
  written: RosterFile['runtimes'],
  layout: LayoutName,
  supervisor: Supervisor,
): Readonly<Record<string, RuntimeSpec>> {
  const runtimes: Record<string, RuntimeSpec> = Object.create(null);
  // Mosaic's own launcher starts a built-in runtime by its own default.
  const launcherDecides = layout === 'mosaic' && supervisor === 'systemd';
  for (const [name, builtIn] of Object.entries(BUILT_IN_RUNTIMES)) {
    runtimes[name] = launcherDecides ? { ...builtIn, command: null } : builtIn;
  }
  for (const [name, entry] of Object.entries(written ?? {})) {
    const builtIn = runtimes[name];
    if (builtIn === undefined && !isOwnRuntime(entry)) continue;
    const own = builtIn === undefined || entry.match !== undefined;
    const command = entry.command ?? builtIn?.command ?? null;
    runtimes[name] = {
      name,
      own,
      command,
      match:
        entry.match !== undefined ? writtenMatch(entry.match) : (builtIn?.match ?? deriveMatch(command) ?? NOTHING),
      beats: entry.beats ?? own,
    };
  }
  return runtimes;
}

/** An entry with only a `reset_command` (or only `beats`) does not say what to run or what to look for. */
export const isOwnRuntime = (entry: RuntimeFile): boolean => entry.command !== undefined || entry.match !== undefined;

const NOTHING: RuntimeMatch = { exe: [], script: [], packages: [] };

const asList = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

const writtenMatch = (match: NonNullable<RuntimeFile['match']>): RuntimeMatch => ({
  exe: asList(match.exe),
  script: asList(match.script),
  packages: asList(match.package),
});

/** Run a script that is their first argument. Versions may follow: python3.11. */
const INTERPRETER = /^(?:python|pypy|node|nodejs|bun|deno|ruby|perl|php|lua|tclsh|bash|sh|dash|zsh|ksh|fish)[0-9.]*$/;
/** Start another program and are not seen, or seen in its stead; what they start is not derived. */
const LAUNCHER =
  /^(?:env|npx|npm|pnpm|pnpx|yarn|bunx|uv|uvx|pipx|poetry|sudo|doas|nice|ionice|nohup|setsid|timeout|stdbuf|script|ssh|docker|podman)$/;

/** How the process of `command` is recognised, or null where the command alone cannot tell (a `bash -c`, an `npx`). */
export function deriveMatch(command: readonly string[] | null): RuntimeMatch | null {
  const [program, ...args] = command ?? [];
  if (program === undefined) return null;
  const name = baseName(program);
  if (LAUNCHER.test(name)) return null;
  if (!INTERPRETER.test(name)) return { ...NOTHING, exe: [program] };
  const [script] = args;
  // After an option the next word may be its value (`python3 -m x`, `node -r x y`), so only a script right there counts.
  if (script === undefined || script.startsWith('-')) return null;
  return { ...NOTHING, script: [/^~?\//.test(script) ? script : baseName(script)] };
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
