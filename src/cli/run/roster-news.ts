/** The roster read again, and what is said of it. */
import type { EventWhat } from '../../reconcile/control/events.ts';
import type { RosterInForce } from '../../reconcile/control/roster-in-force.ts';
import type { RosterFeed } from './roster-feed.ts';

export type Say = (what: EventWhat, message: string) => void;

export async function refreshRoster(
  feed: RosterFeed,
  say: Say,
  again: () => void,
  trouble: (code: string, message: string | null) => void,
): Promise<{ readonly changed: boolean }> {
  const found = await feed.refresh();
  if (found.again) again();
  trouble('roster-copy', found.trouble === null ? null : `${found.trouble.summary}: ${found.trouble.detail}`);
  const { inForce, news } = found.step;
  const version = (roster: RosterInForce): string =>
    `${roster.roster.sha256.slice(0, 12)}${roster.commit === null ? '' : ` of ${roster.commit.slice(0, 12)}`}`;
  if (news === 'refused') sayRefused(feed, say);
  if (inForce !== null && news === 'accepted') say('roster-accepted', version(inForce));
  if (inForce !== null && news === 'mended') say('roster-accepted', `${version(inForce)}, as it was before`);
  // Also where it is refused: the fleet's condition says so.
  return { changed: news !== null };
}

export function sayRefused(feed: RosterFeed, say: Say): void {
  const refused = feed.inForce()?.refused;
  if (refused != null) say('roster-refused', `the last good roster stays in force: ${refused.message}`);
}
