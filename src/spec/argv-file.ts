/**
 * `NAME.argv`, mode 0600: what the launcher starts, as a fragment of POSIX shell in which every value is single-quoted,
 * so that nothing is ever expanded and every byte but NUL survives. Secrets stand as paths; the launcher reads them.
 */
import { fingerprint } from './fingerprint.ts';
import { expandHome } from './home.ts';
import { layoutOf } from './layout.ts';
import type { AgentSpec, EnvValue, Roster, SocketName } from './model.ts';
import { quoteShell } from './quoting.ts';

/** The window of an agent whose roster entry states none. */
export const DEFAULT_WINDOW = { width: 200, height: 50 } as const;

const OWNER_LINE = '# fleet: owner=';

/** `tmux -L` for the roster's socket: the user's default server is the one named `default`. */
export function socketArgument(socket: SocketName): string {
  return socket ?? 'default';
}

/** What a secret's variable holds: the file's text without the line ends at its end, as the launcher reads it. */
export function secretValue(fileText: string): string {
  return fileText.replace(/\n+$/, '');
}

export function renderArgvFile(roster: Pick<Roster, 'fleet' | 'layout'>, agent: AgentSpec, home: string): string {
  const window = agent.window ?? DEFAULT_WINDOW;
  const words = (agent.argv ?? mosaicDefault(agent)).map((word) => quoteShell(expandHome(word, home)));
  const variables = Object.entries(agent.env).map(([name, value]) => renderVariable(name, value, home));
  // One text of parts that are text already: each plan renders it for each agent.
  return `${OWNER_LINE}${roster.fleet}
# Written by fleet, do not edit: it is written again. The environment of your own goes to the .env file beside it.
fleet_owner=${quoteShell(roster.fleet)}
fleet_spec=${quoteShell(fingerprint(agent, home))}
fleet_socket=${quoteShell(socketArgument(agent.socket))}
fleet_workdir=${quoteShell(expandHome(agent.workingDirectory, home))}
fleet_env_file=${quoteShell(expandHome(layoutOf(roster.layout).envFile(agent.name), home))}
fleet_width=${window.width}
fleet_height=${window.height}
[ "$fleet_part" = pane ] || return 0
${variables.join('')}set -- ${words.join(' ')}
`;
}

/**
 * What Mosaic's own launcher runs where the roster gives no command, for layout mosaic with supervisor none: there its
 * launcher is not used. Source: the public pages of Mosaic's fleet.
 */
function mosaicDefault(agent: AgentSpec): readonly string[] {
  return ['mosaic', 'yolo', agent.runtime, ...(agent.modelHint === null ? [] : ['--model', agent.modelHint])];
}

function renderVariable(name: string, value: EnvValue, home: string): string {
  if (value.kind === 'plain') return `export ${name}=${quoteShell(value.value)}\n`;
  return `fleet_secret ${name} ${quoteShell(expandHome(value.fromFile, home))}\n`;
}

/** The roster's `fleet:` that wrote the file, or null where fleet did not. */
export function argvFileOwner(content: string): string | null {
  if (!content.startsWith(OWNER_LINE)) return null;
  const end = content.indexOf('\n');
  const owner = content.slice(OWNER_LINE.length, end === -1 ? undefined : end);
  return owner === '' ? null : owner;
}
