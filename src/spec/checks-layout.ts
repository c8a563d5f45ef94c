/** What a layout cannot carry, and the variables that it keeps for itself. */

import { layoutOf } from './layout.ts';
import { type CheckContext, originOf } from './roster-view.ts';
import { runtimesWithCommand } from './written.ts';

export function checkLayout(context: CheckContext): void {
  if (context.layout === 'mosaic') checkMosaic(context);
  checkReservedVariables(context);
}

const REMEDIES = {
  env: 'write them into its env file by hand (fleet keeps foreign lines), or use `layout: fleet`',
  window: 'leave it out, or use `layout: fleet`',
} as const;

/** Mosaic's launcher reads its own keys of the env file and nothing else. */
function checkMosaic(context: CheckContext): void {
  const { report, file } = context;
  for (const { path, written } of context.places) {
    for (const key of ['env', 'window'] as const) {
      if (written[key] === undefined) continue;
      const detail = `\`${key}\`: its launcher cannot carry it`;
      report({ code: 'layout-cannot', path: [...path, key], at: 'key', detail, remedy: REMEDIES[key] });
    }
  }
  const withCommand = runtimesWithCommand(file);
  for (const agent of context.agents) {
    const { args, command, runtime } = agent.merged;
    if (args === undefined || args.length === 0 || command !== undefined || withCommand.has(runtime ?? '')) continue;
    const detail = '`args` without `command`: its launcher starts the runtime by a default that takes none';
    const remedy = 'write the whole `command`, or use `layout: fleet`';
    const unlessFaulty = [agent.path, ['runtimes'], ['defaults']];
    report({ code: 'layout-cannot', path: originOf(agent, 'args'), at: 'key', detail, remedy, unlessFaulty });
  }
}

function checkReservedVariables(context: CheckContext): void {
  const reserved = new Set(layoutOf(context.layout).keyOrder);
  for (const { path, written } of context.places) {
    for (const name of Object.keys(written.env ?? {})) {
      if (!reserved.has(name)) continue;
      const detail = `${name} is written from the agent's own fields`;
      report(context, [...path, 'env', name], detail);
    }
  }
}

function report(context: CheckContext, path: readonly (string | number)[], detail: string): void {
  context.report({ code: 'reserved-variable', path, at: 'key', detail, remedy: 'take it out' });
}
