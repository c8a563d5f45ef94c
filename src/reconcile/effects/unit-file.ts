/** `unit-file/FILE`: write it (layout fleet), take it away, or have systemd read its files again (`reload`). */

import { join } from 'node:path';
import { fleetCommand } from '../../diff/command-line.ts';
import { adoptedUnitFile } from '../../diff/owned.ts';
import type { Change } from '../../diff/plan.ts';
import type { Observed } from '../../observe/state.ts';
import { parseAddress } from '../../spec/address.ts';
import { sha256 } from '../../spec/sha256.ts';
import { renderUnitFiles } from '../../spec/unit-file.ts';
import type { EffectContext } from '../context.ts';
import { asWanted, type Effect, made, notAsWanted, refused, skipped } from '../effect.ts';
import { readInventory } from '../inventory.ts';
import { type Failure, failure } from '../outcome.ts';
import { type FileTarget, fileEffect } from './file.ts';
import { lookBefore } from './look.ts';
import { systemctl } from './user-systemd.ts';

const writeUnitFile = fileEffect(targetOf);

export const unitFile: Effect = async (ctx, change) => {
  if (change.action === 'reload') return reload(ctx, change);
  const result = await writeUnitFile(ctx, change);
  if (result.result === 'made') ctx.written.add(change.address);
  return result;
};

function targetOf(ctx: EffectContext, change: Change): FileTarget | Failure {
  const name = parseAddress(change.address)?.name ?? '';
  const path = join(ctx.user.home, '.config/systemd/user', name);
  const mode = { ifNew: 0o644 };
  if (change.action === 'destroy') return { path, mode, want: () => null };
  const content = renderUnitFiles(ctx.roster, ctx.agents, ctx.user.home)[name] ?? adopted(ctx, change, name);
  if (content === null) {
    return failure(
      'no-such-unit-file',
      'Not one of the unit files that fleet writes',
      name,
      `look again: ${fleetCommand(ctx.roster, 'plan')}`,
    );
  }
  return { path, mode, want: () => content };
}

/** Layout mosaic: the text that was adopted, where it is still the one that the plan would write. */
function adopted(ctx: EffectContext, { after }: Change, name: string): string | null {
  const memory = readInventory(ctx.inventoryPath, (path) => ctx.ports.files.read(path));
  const content = memory.ok ? adoptedUnitFile(memory.value, name) : null;
  return content !== null && sha256(content) === after['sha256'] ? content : null;
}

/** All units at once: systemd knows no other way. */
export const reload: Effect = async (ctx, change) => {
  const before = await lookBefore(ctx, change, null);
  if (before.result !== 'go') return before.ended;
  // A file that an earlier run of the same plan wrote was read since, unless systemd says otherwise.
  if (ctx.written.size === 0 && stillStale(before.seen)?.length === 0)
    return skipped('already-satisfied', 'systemd has read its unit files again already');
  const done = await systemctl(ctx, ['daemon-reload']);
  if (!done.ok) return refused(done.error);
  return made(async () => {
    const seen = await ctx.ports.observe(null);
    const still = stillStale(seen);
    if (still === null) {
      const { units } = seen.sources;
      const why = units.status === 'unknown' ? units.detail : '';
      return notAsWanted(failure('unobserved', 'Units could not be read after the reload', why));
    }
    if (still.length === 0) return asWanted('systemd has read its unit files again');
    return notAsWanted(failure('reload-needed-still', 'systemd still wants a reload', still.join(', ')));
  });
};

/** Names of units whose files were changed since they were loaded; null where that could not be read. */
function stillStale({ sources: { units } }: Observed): readonly string[] | null {
  if (units.status === 'unknown') return null;
  return Object.values(units.value.units).flatMap((u) => (u.need_daemon_reload ? [u.name] : []));
}
