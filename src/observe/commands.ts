/** Whether the launcher will find what it is to start. */
import { socketArgument } from '../spec/argv-file.ts';
import { expandHome } from '../spec/home.ts';
import type { AgentSpec } from '../spec/model.ts';
import { recordOf } from '../spec/record.ts';
import { findProgram, splitPath } from './find-program.ts';
import type { LastLook } from './last-look.ts';
import type { FilesObserved, PathObserved } from './state.ts';

export interface CommandsRequest {
  readonly agents: readonly AgentSpec[];
  readonly home: string;
  /** All values of each readable env file. */
  readonly envValues: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** PATH with which the launcher is started for sessions on this socket (`default`: the default server). */
  readonly pathOn: (socket: string) => string | undefined;
  readonly last?: LastLook | undefined;
}

/** What is looked for, and where. */
export interface Search {
  readonly program: string;
  /** Directories, in their order; made when it is looked for. */
  readonly path: () => readonly string[];
  /** Searches of one key find the same. */
  readonly key: string;
}

const USUAL = ['/usr/local/bin', '/usr/bin', '/bin'];

/** First words of commands, by agent; an agent whose command the launcher decides (layout mosaic) has none. */
export function findCommands(request: CommandsRequest): FilesObserved['commands'] {
  const { home, last, envValues } = request;
  const known = new Map<string, PathObserved>();
  const found = new Map<string, PathObserved>();
  for (const agent of request.agents) {
    if (agent.argv?.[0] === undefined) continue;
    const inherited = request.pathOn(socketArgument(agent.socket));
    const make = (): Search => searchFor(agent, inherited, request);
    const search = last?.searches.of(agent.name, [agent, envValues.get(agent.name), inherited, home], make) ?? make();
    let observed = known.get(search.key);
    if (observed === undefined) {
      const seen = findProgram(search.program, search.path());
      observed = last?.path(`command ${search.key}`, seen) ?? seen;
      known.set(search.key, observed);
    }
    found.set(agent.name, observed);
  }
  return last?.record('commands', found) ?? recordOf(found);
}

/**
 * What the launchers of both layouts put before PATH; the roster's own PATH for the agent replaces it all. A variable of
 * the env file counts as if it had been set when the launcher starts.
 */
function searchFor(agent: AgentSpec, inherited: string | undefined, { home, envValues }: CommandsRequest): Search {
  const program = asPath(agent.argv?.[0] ?? '', agent, home);
  const set = agent.env['PATH'];
  if (set?.kind === 'plain') return { program, path: () => splitPath(set.value), key: `${program}\0${set.value}` };
  const env = envValues.get(agent.name) ?? {};
  const prefix = env['NPM_CONFIG_PREFIX'] || env['npm_config_prefix'] || '';
  const runtimeBin = env['MOSAIC_RUNTIME_BIN'] || '';
  const inEnv = env['PATH'] || inherited || '';
  const path = (): readonly string[] => {
    const rest = splitPath(inEnv);
    return [
      ...(runtimeBin === '' ? [] : [runtimeBin]),
      `${home}/.npm-global/bin`,
      ...(prefix === '' ? [] : [`${prefix}/bin`]),
      `${home}/.local/bin`,
      ...(rest.length > 0 ? rest : USUAL),
    ];
  };
  return { program, path, key: `${program}\0${runtimeBin}\0${prefix}\0${inEnv}` };
}

/** A word with a slash is a path, from the working directory where it is relative. */
function asPath(word: string, agent: AgentSpec, home: string): string {
  const program = expandHome(word, home);
  if (program.startsWith('/') || !program.includes('/')) return program;
  return `${expandHome(agent.workingDirectory, home)}/${program}`;
}
