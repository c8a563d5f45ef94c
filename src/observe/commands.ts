/** Whether the launcher will find what it is to start. */
import { socketArgument } from '../spec/argv-file.ts';
import { expandHome } from '../spec/home.ts';
import type { AgentSpec } from '../spec/model.ts';
import { findProgram, splitPath } from './find-program.ts';
import type { PathObserved } from './state.ts';

export interface CommandsRequest {
  readonly agents: readonly AgentSpec[];
  readonly home: string;
  /** All values of each readable env file. */
  readonly envValues: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** PATH with which the launcher is started for sessions on this socket (`default`: the default server). */
  readonly pathOn: (socket: string) => string | undefined;
}

const USUAL = ['/usr/local/bin', '/usr/bin', '/bin'];

/** First words of commands, by agent; an agent whose command the launcher decides (layout mosaic) has none. */
export function findCommands(request: CommandsRequest): Readonly<Record<string, PathObserved>> {
  const known = new Map<string, PathObserved>();
  const found: [string, PathObserved][] = [];
  for (const agent of request.agents) {
    const word = agent.argv?.[0];
    if (word === undefined) continue;
    const path = launcherPath(agent, request);
    const program = asPath(word, agent, request.home);
    const key = `${program}\0${path.join(':')}`;
    const observed = known.get(key) ?? findProgram(program, path);
    known.set(key, observed);
    found.push([agent.name, observed]);
  }
  return Object.fromEntries(found);
}

/**
 * What the launchers of both layouts put before PATH; the roster's own PATH for the agent replaces it all. A variable of
 * the env file counts as if it had been set when the launcher starts.
 */
function launcherPath(agent: AgentSpec, request: CommandsRequest): readonly string[] {
  const set = agent.env['PATH'];
  if (set?.kind === 'plain') return splitPath(set.value);
  const env = request.envValues.get(agent.name) ?? {};
  const prefix = env['NPM_CONFIG_PREFIX'] || env['npm_config_prefix'];
  const rest = splitPath(env['PATH'] || request.pathOn(socketArgument(agent.socket)));
  return [
    ...(env['MOSAIC_RUNTIME_BIN'] ? [env['MOSAIC_RUNTIME_BIN']] : []),
    `${request.home}/.npm-global/bin`,
    ...(prefix ? [`${prefix}/bin`] : []),
    `${request.home}/.local/bin`,
    ...(rest.length > 0 ? rest : USUAL),
  ];
}

/** A word with a slash is a path, from the working directory where it is relative. */
function asPath(word: string, agent: AgentSpec, home: string): string {
  const program = expandHome(word, home);
  if (program.startsWith('/') || !program.includes('/')) return program;
  return `${expandHome(agent.workingDirectory, home)}/${program}`;
}
