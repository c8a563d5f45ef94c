/** What a roster as written says where a key may be left out, spelt in two ways, or meant by another name. */
import type { LayoutName, SocketName } from './model.ts';
import type { RosterFile } from './schema.ts';

export const DEFAULT_HOLDER = '_holder';

export const layoutOfFile = (file: RosterFile): LayoutName =>
  file.layout ?? (file.transport === undefined ? 'fleet' : 'mosaic');

export const holderOfFile = (file: RosterFile): string =>
  file.tmux?.holder_session ?? file.tmux?.holderSession ?? DEFAULT_HOLDER;

export const runtimesWithCommand = (file: RosterFile): ReadonlySet<string> =>
  new Set(Object.entries(file.runtimes ?? {}).flatMap(([name, entry]) => (entry.command === undefined ? [] : [name])));

/** `''` (Mosaic) and `default` (tmux's own name for it) are the default server. */
export const socketName = (written: string | undefined): SocketName =>
  written === undefined || written === '' || written === 'default' ? null : written;

/** Host names compare without regard to case; this is the form that is compared and stands in addresses. */
export const hostKey = (name: string): string => name.toLowerCase();
