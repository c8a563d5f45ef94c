/** `unit/UNIT.service`: enable, disable, reenable, start, stop. Each is looked at afterwards: exit 0 proves nothing. */
import type { Change } from '../../diff/plan.ts';
import type { Observed, UnitObserved } from '../../observe/state.ts';
import { parseAddress } from '../../spec/address.ts';
import { agentNamed, type EffectContext } from '../context.ts';
import {
  asWanted,
  type Effect,
  type EffectResult,
  made,
  noEffect,
  notAsWanted,
  refused,
  type Verdict,
} from '../effect.ts';
import { failure } from '../outcome.ts';
import { unitSeen } from '../seen.ts';
import { settleSession } from '../settle.ts';
import { agentsOf, lookBefore } from './look.ts';
import { unitHoldsServer } from './server-safety.ts';
import { systemctl } from './user-systemd.ts';

export const unit: Effect = async (ctx, change) => {
  const name = parseAddress(change.address)?.name ?? '';
  const before = await lookBefore(ctx, change);
  if (before.result !== 'go') return before.ended;
  switch (change.action) {
    case 'enable':
      return setEnabled(ctx, change, name);
    case 'disable':
      return setDisabled(ctx, change, name);
    case 'start':
      return startUnit(ctx, change, name, before.seen);
    case 'stop': {
      const inside = unitHoldsServer(ctx, before.seen, name);
      return inside === null ? stopUnit(ctx, change, name) : refused(inside);
    }
    case 'create':
    case 'restart':
    case 'update':
    case 'reload':
    case 'signal':
    case 'destroy':
      return noEffect(change);
  }
};

async function setEnabled(ctx: EffectContext, change: Change, name: string): Promise<EffectResult> {
  // Links in a target that is not started at boot are only moved by reenable; enable adds to what is there.
  const verb = change.reason === 'boot-wrong-target' ? 'reenable' : 'enable';
  const done = await systemctl(ctx, [verb, '--', name]);
  if (!done.ok) return refused(done.error);
  return made(() =>
    verifyUnit(ctx, change, name, (seen, bootTargets) => {
      if (seen.unit_file_state !== 'enabled') {
        return `${name} is ${seen.unit_file_state || 'without state'} after systemctl ${verb} said that it was done`;
      }
      const atBoot = seen.wanted_by.some((target) => bootTargets.includes(target));
      return atBoot ? null : `${name} is enabled, but only in ${seen.wanted_by.join(', ') || 'no target'}, not at boot`;
    }),
  );
}

async function setDisabled(ctx: EffectContext, change: Change, name: string): Promise<EffectResult> {
  // Links for good and links until the next reboot are removed by different calls; there may be both.
  for (const scope of [[], ['--runtime']]) {
    const done = await systemctl(ctx, ['disable', ...scope, '--', name]);
    if (!done.ok) return refused(done.error);
  }
  return made(() =>
    verifyUnit(ctx, change, name, (seen) =>
      seen.unit_file_state.startsWith('enabled') ? `${name} is ${seen.unit_file_state} still` : null,
    ),
  );
}

async function startUnit(ctx: EffectContext, change: Change, name: string, seen: Observed): Promise<EffectResult> {
  if (change.reason === 'unit-failed') {
    const reset = await systemctl(ctx, ['reset-failed', '--', name]);
    if (!reset.ok) return refused(reset.error);
  }
  const done = await systemctl(ctx, ['start', '--', name]);
  if (!done.ok) return refused(done.error);
  const agent = agentNamed(ctx, change.agent);
  return made(async () => {
    const up = await verifyUnit(ctx, change, name, notActive(name));
    // An agent's unit brings its session up: the unit's being active says nothing about that.
    if (up.verdict === 'failed' || agent === null || agent.state === 'stopped') return up;
    return settleSession(ctx, change, agent, seen);
  });
}

async function stopUnit(ctx: EffectContext, change: Change, name: string): Promise<EffectResult> {
  const done = await systemctl(ctx, ['stop', '--', name]);
  if (!done.ok) return refused(done.error);
  return made(() =>
    verifyUnit(ctx, change, name, (seen) =>
      seen.active_state === 'active' ? `${name} is active (${seen.sub_state}) still` : null,
    ),
  );
}

export function notActive(name: string): (seen: UnitObserved) => string | null {
  return (seen) =>
    seen.active_state === 'active'
      ? null
      : `${name} is ${seen.active_state} (${seen.sub_state}), result ${seen.result}`;
}

/**
 * All instances that are loaded or linked are seen, also those of agents that are not asked for: one that is not among
 * them any more is inactive and linked nowhere, which is what was wanted of an orphan's.
 */
function isUnloaded(ctx: EffectContext, change: Change, seen: Observed, name: string): boolean {
  const { units } = seen.sources;
  const ended = change.action === 'stop' || change.action === 'disable';
  return ended && ctx.layout.agentOfUnit(name) !== null && units.status === 'known' && !(name in units.value.units);
}

/** `wrong` says what is not as wanted, null where all is. */
export async function verifyUnit(
  ctx: EffectContext,
  change: Change,
  name: string,
  wrong: (seen: UnitObserved, bootTargets: readonly string[]) => string | null,
): Promise<Verdict> {
  const seen = await ctx.ports.observe(agentsOf(ctx, change));
  const { units } = seen.sources;
  const found = unitSeen(seen, name);
  if (isUnloaded(ctx, change, seen, name)) return asWanted(`${name} is not loaded and linked nowhere`);
  if (units.status === 'unknown' || found === undefined) {
    const detail = units.status === 'unknown' ? units.detail : `${name} was not looked at`;
    return notAsWanted(failure('unobserved', 'Made, but the unit could not be looked at afterwards', detail));
  }
  const problem = wrong(found, units.value.boot_targets);
  if (problem === null) return asWanted(`${name} is ${found.active_state}, ${found.unit_file_state}`);
  const remedy = `systemctl --user status ${name}`;
  return notAsWanted(failure('unit-not-as-wanted', 'The unit is not as wanted', problem, remedy));
}
