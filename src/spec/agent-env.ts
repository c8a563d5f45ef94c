/** What an agent's env file must say, and when what it says is the same. */
import { expandHome } from './home.ts';
import { type Layout, layoutOf } from './layout.ts';
import type { AgentSpec, Roster } from './model.ts';
import { formatShellWords } from './quoting.ts';
import { parseShellWords } from './shell-words.ts';

type WantedEnv = Readonly<Record<string, string | null>>;

/**
 * The layout's own variables in its order, `~` expanded; null = must not be there. The socket is empty for the user's
 * default server. The command is there only where the roster itself gives one: else the launcher's default runs.
 */
export function wantedEnv(roster: Pick<Roster, 'layout'>, agent: AgentSpec, home: string): WantedEnv {
  const { layout } = roster;
  const known = made.get(agent);
  if (known?.home === home && known.layout === layout) return known.env;
  const env = makeEnv(layout, agent, home);
  made.set(agent, { layout, home, env });
  return env;
}

/** One plan asks for each several times. */
const made = new WeakMap<
  AgentSpec,
  { readonly layout: Roster['layout']; readonly home: string; readonly env: WantedEnv }
>();

function makeEnv(layout: Roster['layout'], agent: AgentSpec, home: string): WantedEnv {
  const { keys } = layoutOf(layout);
  return {
    [keys.name]: agent.name,
    [keys.class]: agent.class,
    [keys.runtime]: agent.runtime,
    [keys.model]: agent.modelHint ?? '',
    [keys.workdir]: expandHome(agent.workingDirectory, home),
    [keys.command]: command(agent, home),
    [keys.socket]: agent.socket ?? '',
  };
}

function command(agent: AgentSpec, home: string): string | null {
  if (!agent.commandGiven || agent.argv === null) return null;
  return formatShellWords(agent.argv.map((word) => expandHome(word, home)));
}

/**
 * Whether the variable is as wanted. A missing one is where the launcher's default equals what is wanted; a command is
 * compared as words with `~` expanded, so that quotes and spacing are no drift.
 */
export function sameEnvValue(
  layout: Layout,
  key: string,
  seen: string | undefined,
  wanted: string | null,
  context: { readonly home: string },
): boolean {
  if (wanted === null) return seen === undefined;
  if (seen === undefined) {
    const taken = layout.launcherDefaults[key];
    return taken !== undefined && expandHome(taken, context.home) === wanted;
  }
  if (seen === wanted) return true;
  return key === layout.keys.command && sameWords(seen, wanted, context.home);
}

function sameWords(seen: string, wanted: string, home: string): boolean {
  const a = parseShellWords(seen, home);
  const b = parseShellWords(wanted, home);
  return a !== null && b !== null && a.length === b.length && a.every((word, index) => word === b[index]);
}
