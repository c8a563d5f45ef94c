/** The row on units that fleet kept before the roster said `supervisor: none`: nobody looks at them any more, and they stay enabled. */
import { fleetCommand, shellPath } from './command-line.ts';
import { type Compare, warning } from './finding.ts';

export const compareLeftUnits: Compare = (ctx) => {
  if (ctx.systemd) return [];
  const left = Object.values(ctx.memory.owned).filter(({ kind, how }) => kind === 'unit' && how !== 'forgotten');
  return left.map(({ name, agent, since }) => {
    const evidence = [
      `the roster says \`supervisor: none\`; fleet has kept this unit since ${since}, and where it is enabled it starts at each boot`,
      `systemctl --user disable ${shellPath(name)} && ${fleetCommand(ctx.roster, 'forget', `unit/${name}`)}`,
    ];
    return warning(ctx, 'unit', name, ctx.agentNamed(agent ?? '') ?? null, 'unit-left', evidence);
  });
};
