/** `env-file/NAME` (env file), `env-file/NAME.argv` (argv file) and `env-file/fleet.launch` (the launcher). */

import { fleetCommand } from '../../diff/command-line.ts';
import type { Change } from '../../diff/plan.ts';
import { parseAddress } from '../../spec/address.ts';
import { renderArgvFile } from '../../spec/argv-file.ts';
import { mergeEnvFile, wantedEnv } from '../../spec/env-file.ts';
import { expandHome } from '../../spec/home.ts';
import { renderLauncher } from '../../spec/launcher.ts';
import { layoutOf } from '../../spec/layout.ts';
import { agentNamed, type EffectContext } from '../context.ts';
import { type Failure, failure } from '../outcome.ts';
import { type FileTarget, fileEffect } from './file.ts';

const LAUNCHER_NAME = 'fleet.launch';
const ARGV_SUFFIX = '.argv';

export const agentFile = fileEffect(targetOf);

function targetOf(ctx: EffectContext, change: Change): FileTarget | Failure {
  const name = parseAddress(change.address)?.name ?? '';
  if (name === LAUNCHER_NAME) return launcher(ctx);
  // An agent's name holds no dot, so the suffix is unambiguous.
  if (name.endsWith(ARGV_SUFFIX)) return argvFile(ctx, change, name.slice(0, -ARGV_SUFFIX.length));
  return change.action === 'destroy' ? withoutOwnKeys(ctx, name) : envFile(ctx, name);
}

function launcher(ctx: EffectContext): FileTarget {
  return { path: ctx.launcherPath, mode: { always: 0o700 }, want: () => renderLauncher() };
}

function argvFile(ctx: EffectContext, change: Change, name: string): FileTarget | Failure {
  // The launcher is fleet's own and reads its files in one place, whatever the layout (supervisor none).
  const file = layoutOf('fleet').argvFile(name) ?? '';
  const path = expandHome(file, ctx.user.home);
  if (change.action === 'destroy') return { path, mode: { ifNew: 0o600 }, want: () => null };
  const agent = agentNamed(ctx, name);
  if (agent === null) return notOnRoster(ctx, name);
  return { path, mode: { ifNew: 0o600 }, want: () => renderArgvFile(ctx.roster, agent, ctx.user.home) };
}

function envFile(ctx: EffectContext, name: string): FileTarget | Failure {
  const agent = agentNamed(ctx, name);
  if (agent === null) return notOnRoster(ctx, name);
  const wanted = wantedEnv(ctx.roster, agent, ctx.user.home);
  return { path: envPath(ctx, name), mode: { ifNew: 0o600 }, want: (current) => mergeEnvFile(current, wanted) };
}

/** Our keys go; the operator's lines stay; a file with nothing left in it goes too. */
function withoutOwnKeys(ctx: EffectContext, name: string): FileTarget {
  const none = Object.fromEntries(ctx.layout.keyOrder.map((key) => [key, null]));
  return {
    path: envPath(ctx, name),
    mode: { ifNew: 0o600 },
    want: (current) => {
      const left = current === null ? '' : mergeEnvFile(current, none);
      return left.trim() === '' ? null : left;
    },
  };
}

function envPath(ctx: EffectContext, name: string): string {
  return expandHome(ctx.layout.envFile(name), ctx.user.home);
}

function notOnRoster(ctx: EffectContext, name: string): Failure {
  const detail = `${name} is not on the roster that is being applied`;
  return failure('not-on-roster', 'Agent not on the roster', detail, `look again: ${fleetCommand(ctx.roster, 'plan')}`);
}
