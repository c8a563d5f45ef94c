/** Names of units, env files and heartbeat files: a table and nothing more. Source: docs/contract.md, section 6. */
import type { AgentSpec, LayoutName } from './model.ts';

/** Names of the env file's own variables. */
export interface EnvKeys {
  readonly name: string;
  readonly class: string;
  readonly runtime: string;
  readonly model: string;
  readonly workdir: string;
  readonly command: string;
  readonly socket: string;
}

export interface Layout {
  readonly name: LayoutName;
  readonly holderUnit: string;
  /** The template's own name, `…@.service`. */
  readonly agentTemplate: string;
  agentUnit(agent: string): string;
  /** The instance's name, or null where the unit is not an instance of the template. Never unescaped: `%i`, not `%I`. */
  agentOfUnit(unit: string): string | null;
  /** With a leading `~/`, as are all paths here. */
  readonly envDirectory: string;
  envFile(agent: string): string;
  /** Read by fleet's own launcher, whatever the layout; only there where that launcher starts the agents. */
  argvFile(agent: string): string;
  /** The default; layout mosaic lets `MOSAIC_HEARTBEAT_RUN_DIR` and `MOSAIC_HOME` move it. */
  readonly heartbeatDirectory: string;
  readonly keys: EnvKeys;
  /** The own variables, in the order in which a new env file holds them. */
  readonly keyOrder: readonly string[];
  /** Unit files are written and kept by fleet. */
  readonly ownsUnitFiles: boolean;
  /**
   * What the launcher takes where a variable is missing, by variable name; `~` stands for the home directory. Layout
   * fleet's launcher is fleet's own and is always given everything.
   */
  readonly launcherDefaults: Readonly<Record<string, string>>;
}

/** `agentUnit` of an agent that is asked for again and again, put together once. */
export function unitNameOf(layout: Layout, agent: AgentSpec): string {
  const known = unitNames.get(agent);
  if (known?.layout === layout) return known.name;
  const name = layout.agentUnit(agent.name);
  unitNames.set(agent, { layout, name });
  return name;
}

const unitNames = new WeakMap<AgentSpec, { readonly layout: Layout; readonly name: string }>();

interface Names {
  readonly name: LayoutName;
  readonly holderUnit: string;
  readonly template: string;
  readonly envDirectory: string;
  readonly heartbeatDirectory: string;
  readonly variables: string;
  readonly ownsUnitFiles: boolean;
}

function makeLayout(names: Names): Layout {
  const { envDirectory, template } = names;
  const keys = ownKeys(names.variables);
  return {
    name: names.name,
    holderUnit: names.holderUnit,
    agentTemplate: `${template}@.service`,
    agentUnit: (agent) => `${template}@${agent}.service`,
    agentOfUnit: (unit) => instanceOf(unit, template),
    envDirectory,
    envFile: (agent) => `${envDirectory}/${agent}.env`,
    argvFile: (agent) => `~/.config/fleet/agents/${agent}.argv`,
    heartbeatDirectory: names.heartbeatDirectory,
    keys,
    keyOrder: [keys.name, keys.class, keys.runtime, keys.model, keys.workdir, keys.command, keys.socket],
    ownsUnitFiles: names.ownsUnitFiles,
    launcherDefaults: names.ownsUnitFiles
      ? {}
      : { [keys.class]: '', [keys.runtime]: 'pi', [keys.model]: '', [keys.workdir]: '~', [keys.socket]: '' },
  };
}

function ownKeys(prefix: string): EnvKeys {
  return {
    name: `${prefix}_AGENT_NAME`,
    class: `${prefix}_AGENT_CLASS`,
    runtime: `${prefix}_AGENT_RUNTIME`,
    model: `${prefix}_AGENT_MODEL`,
    workdir: `${prefix}_AGENT_WORKDIR`,
    command: `${prefix}_AGENT_COMMAND`,
    socket: `${prefix}_TMUX_SOCKET`,
  };
}

function instanceOf(unit: string, template: string): string | null {
  const start = `${template}@`;
  if (!unit.startsWith(start) || !unit.endsWith('.service')) return null;
  const instance = unit.slice(start.length, -'.service'.length);
  return instance === '' ? null : instance;
}

const LAYOUTS: Readonly<Record<LayoutName, Layout>> = {
  fleet: makeLayout({
    name: 'fleet',
    holderUnit: 'fleet-tmux.service',
    template: 'fleet-agent',
    envDirectory: '~/.config/fleet/agents',
    heartbeatDirectory: '~/.local/state/fleet/run',
    variables: 'FLEET',
    ownsUnitFiles: true,
  }),
  mosaic: makeLayout({
    name: 'mosaic',
    holderUnit: 'mosaic-tmux-holder.service',
    template: 'mosaic-agent',
    envDirectory: '~/.config/mosaic/fleet/agents',
    heartbeatDirectory: '~/.config/mosaic/fleet/run',
    variables: 'MOSAIC',
    ownsUnitFiles: false,
  }),
};

export function layoutOf(name: LayoutName): Layout {
  return LAYOUTS[name];
}
