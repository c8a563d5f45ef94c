/**
 * What presupposes something that this plan would do, and that is held back. Units are enabled and started once this plan has
 * written their file. Where that writing is held back (ignored, paused, contested), `enable` would exit 0 and do nothing, or fail,
 * and so would each start. Agents are started once their server is.
 */
import type { UnitObserved } from '../observe/state.ts';
import { nameInAddress } from '../spec/address.ts';
import { fleetCommand } from './command-line.ts';
import { holderCovers, type PlanContext, serverOf, socketLabel, unitOf } from './context.ts';
import { blocked, type Finding } from './finding.ts';
import type { Change } from './plan.ts';
import { isBringUp } from './repetition.ts';
import { withoutServer } from './session-missing.ts';
import { isMissing } from './unit-gate.ts';

export function afterItsFile(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  return withAServer(ctx, ctx.systemd ? withItsFile(ctx, findings) : findings);
}

/** No agent is started where no server is, nor is started by this plan: it would bring one of its own, or fail. */
function withAServer(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  const started = new Set<string>();
  for (const f of findings) {
    if (f.bucket === 'change' && f.change.kind === 'tmux-server') started.add(nameInAddress(f.change.address));
  }
  return findings.map((f) => {
    const agent = f.bucket === 'change' ? ctx.agentNamed(f.change.agent ?? '') : undefined;
    if (f.bucket !== 'change' || agent === undefined || !isBringUp(f.change)) return f;
    const isAbsent = serverOf(ctx, agent.socket)?.server.state === 'absent';
    if (!isAbsent || !holderCovers(ctx, agent.socket) || started.has(socketLabel(agent.socket))) return f;
    return withoutServer(ctx, agent, f.change);
  });
}

function withItsFile(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  const written = new Set<string>();
  for (const f of findings) {
    if (f.bucket === 'change' && f.change.kind === 'unit-file') written.add(nameInAddress(f.change.address));
  }
  return findings.map((f) => {
    const name = f.bucket === 'change' ? unitNeeded(ctx, f.change) : null;
    const unit = name === null ? undefined : unitOf(ctx, name);
    if (f.bucket !== 'change' || unit === undefined || !waitsForItsFile(ctx, unit, f.change)) return f;
    return filesOf(ctx, unit).some((file) => written.has(file)) ? f : withoutIt(ctx, unit, f.change);
  });
}

/** What systemd is asked to enable or to start; null: nothing. */
function unitNeeded({ layout }: PlanContext, { kind, action, agent, address }: Change): string | null {
  const starts = action === 'start' || action === 'restart';
  if (kind === 'unit') return action === 'enable' || starts ? nameInAddress(address) : null;
  if (kind === 'session') return starts && agent !== null ? layout.agentUnit(agent) : null;
  return kind === 'tmux-server' && starts ? layout.holderUnit : null;
}

/** Nothing of it can be enabled as it is now, or not even started. */
function waitsForItsFile(ctx: PlanContext, unit: UnitObserved, { action }: Change): boolean {
  if (action === 'enable' && unit.unit_file_state === 'static') return true;
  // One that is loaded still starts, whatever became of its file.
  const isGone = action === 'enable' ? isMissing(unit) : unit.load_state === 'not-found';
  return isGone && filesOf(ctx, unit).every((file) => ctx.files?.unit_files[file]?.state === 'absent');
}

/** Its own, where it may have one, and the template's. */
function filesOf({ layout, files }: PlanContext, { name }: UnitObserved): readonly string[] {
  if (layout.agentOfUnit(name) === null) return [name];
  return files?.unit_files[name] === undefined ? [layout.agentTemplate] : [name, layout.agentTemplate];
}

function withoutIt(ctx: PlanContext, unit: UnitObserved, change: Change): Finding {
  const file = filesOf(ctx, unit).at(-1) ?? unit.name;
  const isEnabling = change.action === 'enable';
  const state = isMissing(unit) ? 'not there' : unit.unit_file_state;
  const evidence = `${unit.name} is ${state}, and ${file} is left as it is: there is nothing to ${isEnabling ? 'enable' : 'start'}`;
  const agent = ctx.agentNamed(change.agent ?? '') ?? null;
  return blocked(ctx, change.kind, nameInAddress(change.address), agent, {
    reason: change.reason,
    guard: isEnabling ? 'cannot-enable' : 'missing',
    evidence: isEnabling ? [evidence] : [...change.evidence, evidence],
    remedy: `see to unit-file/${file} first: ${fleetCommand(ctx.roster, 'explain', `unit-file/${file}`)}`,
  });
}
