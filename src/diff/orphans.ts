/**
 * What is there of agents that are no longer on the roster of this host: listed, and removed with `--prune` where mark,
 * inventory and observation agree that it is ours.
 */
import { fleetCommand } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { type Compare, type Finding, unmanaged } from './finding.ts';
import { findOrphans, type Orphan } from './orphan.ts';
import { isLetGo, keptBecause } from './orphan-guards.ts';
import { removalOf } from './orphan-removal.ts';
import { recordsOf } from './owned.ts';
import { compareStrangers } from './strangers.ts';

export const compareOrphans: Compare = (ctx) => [
  ...compareStrangers(ctx),
  ...findOrphans(ctx).flatMap((orphan) => compareOrphan(ctx, orphan)),
];

function compareOrphan(ctx: PlanContext, orphan: Orphan): readonly Finding[] {
  if (!orphan.ours) return list(ctx, orphan, 'not on the roster, and not made by this fleet');
  if (isLetGo(ctx, orphan)) {
    const adopt = fleetCommand(ctx.roster, 'adopt', orphan.agent);
    return list(ctx, orphan, `let go of, by fleet forget (${adopt} takes it back)`);
  }
  if (!ctx.policy.prune) return list(ctx, orphan, listedBecause(ctx, orphan));
  const kept = keptBecause(ctx, orphan);
  if (kept !== null) return kept;
  const removal = removalOf(ctx, orphan);
  // It goes whole or not at all: with its session left alone by a rule, stopping its unit would end that.
  return removal.filter((f) => isIgnored(ctx, f)).length > 0 ? [] : removal;
}

function isIgnored(ctx: PlanContext, f: Finding): boolean {
  if (f.bucket !== 'change' && f.bucket !== 'deferred') return false;
  return ctx.ignore.covers(f.change.address, f.change.agent, '', f.change.reason);
}

function listedBecause(ctx: PlanContext, { agent }: Orphan): string {
  const ours = 'ours, no longer on the roster';
  if (recordsOf(ctx.memory, agent).some((r) => r.protect)) {
    return `${ours}, protected when it was (${fleetCommand(ctx.roster, 'forget', agent)} lets go of it)`;
  }
  // An empty roster removes nothing unless that is said to be meant.
  return ctx.agents.length === 0 ? `${ours} (--prune --allow-empty removes it)` : `${ours} (--prune removes it)`;
}

/** Its sessions each, and the unit; files only where there is nothing else to name it by. */
function list(ctx: PlanContext, { agent, sessions, unit, env, argv, ours }: Orphan, why: string): readonly Finding[] {
  const found = sessions.map(({ session }) => unmanaged(ctx, 'session', session.name, `orphan-session: ${why}`));
  if (unit !== null) return [...found, unmanaged(ctx, 'unit', unit.name, ours ? `orphan-unit: ${why}` : why)];
  const files = ours && (env !== null || argv !== null) && sessions.length === 0;
  return files ? [...found, unmanaged(ctx, 'env-file', agent, `orphan-unit: ${why}`)] : found;
}
