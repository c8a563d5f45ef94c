/** `unit-file/FILE`: write it (layout fleet), take it away, or have systemd read its files again (`reload`). */
import { join } from 'node:path';
import type { Change } from '../../diff/plan.ts';
import { parseAddress } from '../../spec/address.ts';
import { renderUnitFiles } from '../../spec/unit-file.ts';
import type { EffectContext } from '../context.ts';
import { asWanted, type Effect, made, notAsWanted, refused } from '../effect.ts';
import { type Failure, failure } from '../outcome.ts';
import { type FileTarget, fileEffect } from './file.ts';
import { lookBefore } from './look.ts';
import { systemctl } from './user-systemd.ts';

const writeUnitFile = fileEffect(targetOf);

export const unitFile: Effect = (ctx, change) =>
  change.action === 'reload' ? reload(ctx, change) : writeUnitFile(ctx, change);

function targetOf(ctx: EffectContext, change: Change): FileTarget | Failure {
  const name = parseAddress(change.address)?.name ?? '';
  const path = join(ctx.user.home, '.config/systemd/user', name);
  const mode = { ifNew: 0o644 };
  if (change.action === 'destroy') return { path, mode, want: () => null };
  const content = renderUnitFiles(ctx.roster, ctx.agents, ctx.user.home)[name];
  if (content === undefined) {
    return failure('no-such-unit-file', 'Not one of the unit files that fleet writes', name, 'run fleet plan again');
  }
  return { path, mode, want: () => content };
}

/** All units at once: systemd knows no other way. */
export const reload: Effect = async (ctx, change) => {
  const before = await lookBefore(ctx, change, null);
  if (before.result !== 'go') return before.ended;
  const done = await systemctl(ctx, ['daemon-reload']);
  if (!done.ok) return refused(done.error);
  return made(async () => {
    const { units } = (await ctx.ports.observe(null)).sources;
    if (units.status === 'unknown') {
      return notAsWanted(failure('unobserved', 'Units could not be read after the reload', units.detail));
    }
    const still = Object.values(units.value.units).filter((u) => u.need_daemon_reload);
    if (still.length === 0) return asWanted('systemd has read its unit files again');
    const names = still.map((u) => u.name).join(', ');
    return notAsWanted(failure('reload-needed-still', 'systemd still wants a reload', names));
  });
};
