/** Whether a unit comes up at boot, and what is to be done about it. The word and the links both count. */

import type { UnitObserved } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import { shellPath } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { blocked, change, changed, type Finding } from './finding.ts';
import type { Reason } from './reasons.ts';
import { isMissing, writesUnit } from './unit-gate.ts';
import { isWrittenAgain } from './whose-files.ts';

/** Null where it is as wanted. */
export function bootFinding(
  ctx: PlanContext,
  agent: AgentSpec | null,
  unit: UnitObserved,
  wanted: boolean,
): Finding | null {
  const state = unit.unit_file_state;
  if (!wanted) return isEnabled(state) ? setBoot(ctx, agent, unit, 'disable', 'boot-enabled', [`is ${state}`]) : null;
  switch (state) {
    case 'enabled':
      return wrongTarget(ctx, agent, unit);
    case 'enabled-runtime':
      return setBoot(ctx, agent, unit, 'enable', 'boot-runtime-only', ['is enabled until the next reboot only']);
    case 'linked':
    case 'linked-runtime':
      return setBoot(ctx, agent, unit, 'enable', 'unit-linked', [`is ${state}: known, not enabled`]);
    case 'disabled':
      return setBoot(ctx, agent, unit, 'enable', 'boot-disabled', ['is disabled: a reboot loses it']);
    default:
      // An instance of a template that is yet to be written.
      if (isMissing(unit) && writesUnit(ctx, unit.name)) {
        return setBoot(ctx, agent, unit, 'enable', 'boot-disabled', ['is not there yet, and so not enabled']);
      }
      if (state === 'static' && isWrittenAgain(ctx, unit)) {
        const lacks = 'is static: its file, which is written again, has no [Install] section now';
        return setBoot(ctx, agent, unit, 'enable', 'boot-disabled', [lacks]);
      }
      return cannotEnable(ctx, agent, unit);
  }
}

function isEnabled(state: string): boolean {
  return state === 'enabled' || state === 'enabled-runtime';
}

function wrongTarget(ctx: PlanContext, agent: AgentSpec | null, unit: UnitObserved): Finding | null {
  const boots = ctx.units?.boot_targets ?? [];
  if (unit.wanted_by.some((target) => boots.includes(target))) return null;
  const where = unit.wanted_by.length === 0 ? 'no target' : unit.wanted_by.join(', ');
  const evidence = [`is enabled, but wanted by ${where}, which does not start at boot`];
  const [dropIn] = unit.drop_in_paths;
  if (ctx.layout.ownsUnitFiles && dropIn === undefined) {
    return setBoot(ctx, agent, unit, 'enable', 'boot-wrong-target', evidence);
  }
  const file = dropIn === undefined ? 'its [Install] section' : `its [Install] section (drop-in ${dropIn})`;
  return blocked(ctx, 'unit', unit.name, agent, {
    reason: 'boot-wrong-target',
    guard: 'cannot-enable',
    evidence: [`${unit.name} ${evidence[0]}`],
    remedy: `put WantedBy=default.target into ${file}, then: systemctl --user reenable ${unit.name}`,
  });
}

function setBoot(
  ctx: PlanContext,
  agent: AgentSpec | null,
  unit: UnitObserved,
  action: 'enable' | 'disable',
  reason: Reason,
  evidence: readonly string[],
): Finding {
  const state = unit.unit_file_state;
  const targets = reason === 'boot-wrong-target';
  return changed(
    change(ctx, 'unit', unit.name, agent, {
      action,
      reason,
      stage: 3,
      before: { unit_file_state: state, ...(targets ? { wanted_by: [...unit.wanted_by] } : {}) },
      after: {
        unit_file_state: action === 'enable' ? 'enabled' : 'disabled',
        ...(targets ? { wanted_by: ['default.target'] } : {}),
      },
      evidence: evidence.map((e) => `${unit.name} ${e}`),
      // What this plan writes first has another state then.
      precondition: isMissing(unit) || state === 'static' ? {} : { unit_file_state: state },
    }),
  );
}

/** `enable` would exit 0 and do nothing. Measured on systemd 252. */
function cannotEnable(ctx: PlanContext, agent: AgentSpec | null, unit: UnitObserved): Finding {
  const state = unit.unit_file_state;
  const why: Record<string, string> = {
    static: 'it has no [Install] section',
    indirect: 'its [Install] section only names others (Also=)',
    generated: 'a generator made it',
    transient: 'it exists only until it ends',
    alias: 'it is another unit by a second name',
  };
  const reason = why[state] ?? `systemd calls it ${state === '' ? `"${unit.load_state}"` : state}`;
  return blocked(ctx, 'unit', unit.name, agent, {
    reason: 'unit-cannot-enable',
    guard: 'cannot-enable',
    evidence: [`${unit.name} is ${state === '' ? unit.load_state : state}: ${reason}`],
    remedy: `${installable(ctx, unit)}, then: systemctl --user daemon-reload`,
  });
}

/** A link to a file of another name is an alias to systemd, whatever that file says. */
function installable(ctx: PlanContext, unit: UnitObserved): string {
  const file = ctx.files?.unit_files[unit.name];
  if (unit.unit_file_state === 'alias' && file?.state === 'present' && file.link_target !== null) {
    const path = shellPath(`~/.config/systemd/user/${unit.name}`);
    return `put a file of its own in place of the link (cp --remove-destination "$(readlink -f ${path})" ${path})`;
  }
  return 'give its unit file an [Install] section with WantedBy=default.target';
}
