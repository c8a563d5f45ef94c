/** Whether an agent's unit lets its session be started or restarted now. What is wrong with it is told by units.ts. */

import type { UnitObserved } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { type PlanContext, serverOf, unitOf } from './context.ts';
import { adoptedUnitFile } from './owned.ts';
import { type Foreign, whoseArgvFile, whoseUnit } from './whose-files.ts';

export type UnitGate =
  /** `active`: the unit is active (exited), so a start means a restart of it. */
  | { readonly state: 'open'; readonly active: boolean }
  | { readonly state: 'unknown'; readonly why: string; readonly detail: string }
  /** It runs by files that are not this fleet's. */
  | Foreign
  | { readonly state: 'masked' | 'missing' | 'transition' | 'server-inside' | 'failed'; readonly detail: string };

export function unitGate(ctx: PlanContext, agent: AgentSpec): UnitGate {
  if (!ctx.systemd) {
    const argv = whoseArgvFile(ctx, agent.name);
    return argv.state === 'ours' ? { state: 'open', active: false } : argv;
  }
  const name = ctx.layout.agentUnit(agent.name);
  const { units } = ctx.observed.sources;
  if (units.status === 'unknown') return { state: 'unknown', why: units.why, detail: `units: ${units.detail}` };
  const unit = unitOf(ctx, name);
  if (unit === undefined) {
    return { state: 'unknown', why: 'not-observed', detail: `this observation did not look at ${name}` };
  }
  if (isMasked(unit)) return { state: 'masked', detail: `${name} is ${unit.unit_file_state || unit.load_state}` };
  const whose = whoseUnit(ctx, name);
  if (whose.state !== 'ours') return whose;
  if (isMissing(unit) && !writesUnit(ctx, name)) return { state: 'missing', detail: `${name}: ${unit.load_state}` };
  if (inTransition(unit)) return { state: 'transition', detail: transitionOf(unit) };
  if (unitHoldsServer(ctx, agent)) return { state: 'server-inside', detail: `the tmux server lives in ${name}` };
  if (unit.active_state === 'failed') return { state: 'failed', detail: `${name} failed: ${unit.result}` };
  return { state: 'open', active: unit.active_state === 'active' };
}

/** A missing unit comes to be by this plan's own writing: fleet's own unit files, and those that were adopted. */
export function writesUnit(ctx: PlanContext, unit: string): boolean {
  if (ctx.layout.ownsUnitFiles) return whoseUnit(ctx, unit).state === 'ours';
  return putsBack(ctx, unit) || (ctx.layout.agentOfUnit(unit) !== null && putsBack(ctx, ctx.layout.agentTemplate));
}

/** An adopted file, unless a link stands in its place. */
function putsBack(ctx: PlanContext, file: string): boolean {
  const seen = ctx.files?.unit_files[file];
  const linked = seen?.state === 'present' && seen.link_target !== null;
  return adoptedUnitFile(ctx.memory, file) !== null && !linked;
}

export function isMasked(unit: UnitObserved): boolean {
  return unit.load_state === 'masked' || unit.unit_file_state.startsWith('masked');
}

export function isMissing(unit: UnitObserved): boolean {
  // Loaded from a file that was deleted since: systemd keeps it until it reloads, and has no word for it.
  const deleted = unit.unit_file_state === '' && unit.need_daemon_reload;
  return unit.load_state === 'not-found' || unit.unit_file_state === 'bad' || deleted;
}

export function inTransition(unit: UnitObserved): boolean {
  return unit.job !== null || unit.active_state === 'activating' || unit.active_state === 'deactivating';
}

export function transitionOf(unit: UnitObserved): string {
  return `${unit.name} is ${unit.active_state} (${unit.sub_state})${unit.job === null ? '' : `, job ${unit.job} queued`}`;
}

/** Stopping that unit would end every session of the server in it. */
export function unitHoldsServer(ctx: PlanContext, agent: AgentSpec): boolean {
  const listening = serverOf(ctx, agent.socket)?.listening ?? [];
  const tail = `/${ctx.layout.agentUnit(agent.name)}`;
  return listening.some((s) => s.cgroup !== null && `${s.cgroup}/`.replaceAll('\\x2d', '-').includes(`${tail}/`));
}
