/**
 * The row on units that are enabled once this plan has written their file. Where that writing is held back (ignored, paused,
 * contested), `enable` would exit 0 and do nothing, or fail.
 */

import type { UnitObserved } from '../observe/state.ts';
import { nameInAddress } from '../spec/address.ts';
import { fleetCommand } from './command-line.ts';
import { type PlanContext, unitOf } from './context.ts';
import { blocked, type Finding } from './finding.ts';
import type { Change } from './plan.ts';
import { isMissing } from './unit-gate.ts';

export function afterItsFile(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  const written = new Set<string>();
  for (const f of findings)
    if (f.bucket === 'change' && f.change.kind === 'unit-file') written.add(nameInAddress(f.change.address));
  return findings.map((f) => {
    if (f.bucket !== 'change' || f.change.kind !== 'unit' || f.change.action !== 'enable') return f;
    const unit = unitOf(ctx, nameInAddress(f.change.address));
    if (unit === undefined || !waitsForItsFile(ctx, unit)) return f;
    return filesOf(ctx, unit).some((file) => written.has(file)) ? f : withoutIt(ctx, unit, f.change);
  });
}

/** Nothing can be enabled of it as it is now. */
function waitsForItsFile(ctx: PlanContext, unit: UnitObserved): boolean {
  if (unit.unit_file_state === 'static') return true;
  return isMissing(unit) && filesOf(ctx, unit).every((file) => ctx.files?.unit_files[file]?.state !== 'present');
}

/** Its own, and the template's. */
function filesOf({ layout }: PlanContext, { name }: UnitObserved): readonly string[] {
  return layout.agentOfUnit(name) === null ? [name] : [name, layout.agentTemplate];
}

function withoutIt(ctx: PlanContext, unit: UnitObserved, { agent, reason }: Change): Finding {
  const file = filesOf(ctx, unit).at(-1) ?? unit.name;
  const state = unit.unit_file_state || unit.load_state;
  return blocked(ctx, 'unit', unit.name, ctx.agentNamed(agent ?? '') ?? null, {
    reason,
    guard: 'cannot-enable',
    evidence: [`${unit.name} is ${state}, and ${file} is left as it is: there is nothing to enable`],
    remedy: `see to unit-file/${file} first: ${fleetCommand(ctx.roster, 'explain', `unit-file/${file}`)}`,
  });
}
