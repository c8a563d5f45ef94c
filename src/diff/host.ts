/** What concerns the host as a whole: units to be loaded anew, and lingering. */

import type { UnitObserved } from '../observe/state.ts';
import { unitNameOf } from '../spec/layout.ts';
import { isManaged, type PlanContext, unitOf } from './context.ts';
import { type Compare, change, changed, type Finding, unobserved } from './finding.ts';
import { whoseUnit } from './whose-files.ts';

/** One reload serves every unit whose file was changed since it was loaded. */
export const compareReload: Compare = (ctx) => {
  if (!ctx.systemd || ctx.units === null) return [];
  const stale: UnitObserved[] = [];
  for (const name of unitsInUse(ctx)) {
    const unit = unitOf(ctx, name);
    // What somebody else's files say now is theirs to load.
    if (unit?.need_daemon_reload === true && whoseUnit(ctx, name).state !== 'foreign') stale.push(unit);
  }
  const [first] = stale;
  if (first === undefined) return [];
  return [
    reload(
      ctx,
      fileOf(ctx, first.name, first.fragment_path),
      stale.map((u) => `${u.name}: changed since it was loaded`),
    ),
  ];
};

function unitsInUse({ agents, layout }: PlanContext): readonly string[] {
  const names = [layout.holderUnit];
  for (const agent of agents) if (isManaged(agent)) names.push(unitNameOf(layout, agent));
  return names;
}

/** Written files are loaded in the same apply; added by build-plan where a unit file is among the changes. */
export function reload(ctx: PlanContext, file: string, evidence: readonly string[]): Finding {
  return changed(
    change(ctx, 'unit-file', file, null, {
      action: 'reload',
      reason: 'daemon-reload-needed',
      stage: 2,
      before: { need_daemon_reload: true },
      after: { need_daemon_reload: false },
      evidence: evidence.length > 5 ? [...evidence.slice(0, 4), `and ${evidence.length - 4} more`] : evidence,
    }),
  );
}

function fileOf(ctx: PlanContext, unit: string, fragment: string | null): string {
  if (fragment !== null) return fragment.slice(fragment.lastIndexOf('/') + 1);
  return unit === ctx.layout.holderUnit ? unit : ctx.layout.agentTemplate;
}

export const compareLinger: Compare = (ctx) => {
  if (!ctx.systemd) return [];
  const boots = ctx.agents.some((a) => a.boot && a.state === 'running' && a.manage === 'enforce');
  if (!boots) return [];
  const { linger, units } = ctx.observed.sources;
  const user = linger.status === 'known' ? linger.value.user : ctx.tenant;
  if (linger.status === 'unknown') return [unobserved(ctx, 'linger', user, null, linger.why, linger.detail)];
  if (linger.value.enabled) return [];
  const down = units.status === 'unknown' && (units.why === 'no-runtime-directory' || units.why === 'no-bus');
  const evidence = [
    `${user} does not linger: her user manager and every agent end with her last logout and stay away at boot`,
    ...(down ? [`her user manager is not there (${units.detail}): the rest is planned when it is`] : []),
  ];
  const enable = change(ctx, 'linger', user, null, {
    action: 'enable',
    reason: 'linger-disabled',
    stage: 3,
    before: { linger: false },
    after: { linger: true },
    evidence,
    precondition: { linger: false },
    replan: down,
  });
  return [changed(enable)];
};
