/** An agent's fields with the roster's defaults under them, in the documented spelling. Nothing else is filled in. */
import type { AgentFields, AgentFile } from './schema.ts';

export interface MergedAgent extends AgentFields {
  readonly name: string;
}

/**
 * `below`: the defaults, respelt. `ssh` is not to be read here: it belongs to the `host` that it is written beside.
 * Mappings (`env`, `heartbeat`, `restart`) are merged key by key; everything else is the agent's or the default.
 */
export function mergeAgent(below: AgentFields, agent: AgentFile): MergedAgent {
  const above = respell(agent);
  const merged = { ...below, ...above, name: agent.name };
  if (below.env !== undefined && above.env !== undefined) merged.env = { ...below.env, ...above.env };
  if (below.heartbeat !== undefined) merged.heartbeat = { ...below.heartbeat, ...above.heartbeat };
  if (below.restart !== undefined) merged.restart = { ...below.restart, ...above.restart };
  return merged;
}

/** Mosaic's camelCase keys in snake case. Where both are written the check on spelling has complained. */
export function respell(fields: AgentFields): AgentFields {
  const { modelHint, workingDirectory, persistentPersona, resetBetweenTasks } = fields;
  const given = modelHint ?? workingDirectory ?? persistentPersona ?? resetBetweenTasks;
  if (given === undefined) return fields;
  const { modelHint: _m, workingDirectory: _w, persistentPersona: _p, resetBetweenTasks: _r, ...rest } = fields;
  if (modelHint !== undefined) rest.model_hint ??= modelHint;
  if (workingDirectory !== undefined) rest.working_directory ??= workingDirectory;
  if (persistentPersona !== undefined) rest.persistent_persona ??= persistentPersona;
  if (resetBetweenTasks !== undefined) rest.reset_between_tasks ??= resetBetweenTasks;
  return rest;
}
