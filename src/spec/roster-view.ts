/** What cross-checks and normalisation work on: the roster as written, and each agent with the defaults under it. */
import { type MergedAgent, mergeAgent, respell } from './merge.ts';
import type { LayoutName, RuntimeSpec, Supervisor } from './model.ts';
import type { DataPath, Report } from './problems.ts';
import { normalizeRuntimes } from './runtime-spec.ts';
import type { AgentFields, AgentFile, RosterFile } from './schema.ts';
import { layoutOfFile } from './written.ts';

export interface RosterView {
  readonly file: RosterFile;
  readonly layout: LayoutName;
  readonly supervisor: Supervisor;
  readonly runtimes: Readonly<Record<string, RuntimeSpec>>;
  readonly agents: readonly CheckedAgent[];
  /** Where fields of agents are written: the defaults, then each agent. */
  readonly places: readonly { readonly path: DataPath; readonly written: AgentFields }[];
}

/** A view and where to tell what is wrong with it. */
export interface CheckContext extends RosterView {
  readonly report: Report;
}

export interface CheckedAgent {
  readonly path: DataPath;
  readonly written: AgentFile;
  readonly merged: MergedAgent;
}

export function viewRoster(file: RosterFile): RosterView {
  const layout = layoutOfFile(file);
  const supervisor = file.supervisor ?? 'systemd';
  const defaults = respell(file.defaults ?? {});
  const agents = file.agents.map((written, i) => ({
    path: ['agents', i],
    written,
    merged: mergeAgent(defaults, written),
  }));
  const below = file.defaults === undefined ? [] : [{ path: ['defaults'], written: file.defaults }];
  const runtimes = normalizeRuntimes(file.runtimes, layout, supervisor);
  return { file, layout, supervisor, runtimes, agents, places: [...below, ...agents] };
}

/** False where an agent's name is not known for a fault of its own: a name not found may be that one's. */
export const knowsAllNames = ({ agents }: RosterView): boolean => agents.every(({ written }) => written.name !== '');

/** Where a merged field comes from. */
export function originOf(agent: CheckedAgent, ...keys: readonly (keyof AgentFields)[]): DataPath {
  const key = keys.find((k) => agent.written[k] !== undefined);
  return key === undefined ? ['defaults', keys[0] ?? ''] : [...agent.path, key];
}
