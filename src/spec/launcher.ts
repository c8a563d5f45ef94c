/**
 * The launcher that makes every session in layout fleet and with supervisor none (docs/contract.md, section 9): POSIX
 * shell, so that a boot needs neither Node nor the roster, and nothing breaks when fleet is upgraded or gone.
 */
import { HEAD } from './launch/head.ts';
import { MAIN } from './launch/main.ts';
import { PANE } from './launch/pane.ts';
import { SESSIONS } from './launch/sessions.ts';
import { STOP } from './launch/stop.ts';
import type { Roster } from './model.ts';

export const LAUNCHER_PATH = '~/.local/share/fleet/launch';

/** What stands before the server's PATH in a pane, in order, around the `bin` of an npm prefix set in the env file. */
export const LAUNCHER_PATH_PREFIX = { first: '~/.npm-global/bin', last: '~/.local/bin' } as const;

/** PATH where the server, or the env file, has none. */
export const LAUNCHER_DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/** Whether fleet's launcher makes the sessions; else Mosaic's does, by its units. */
export function usesLauncher(roster: Pick<Roster, 'layout' | 'supervisor'>): boolean {
  return roster.layout === 'fleet' || roster.supervisor === 'none';
}

/** Made once: what is on the disk is compared with it whenever a plan is made. */
const TEXT = [HEAD, SESSIONS, STOP, PANE, MAIN].join('');

/** The whole text of `LAUNCHER_PATH`; mode 0755 or stricter. The same for every roster. */
export function renderLauncher(): string {
  return TEXT;
}
