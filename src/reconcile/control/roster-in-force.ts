/** Which roster is in force: the last good one, whatever becomes of the file. */
import type { Roster } from '../../spec/model.ts';

export interface RosterInForce {
  readonly roster: Roster;
  readonly commit: string | null;
  /** RFC 3339. */
  readonly since: string;
  readonly refused: Refused | null;
}

export interface Refused {
  /** `invalid`: problems by line; `missing`; `unreadable`; `not-descendant`: a commit that the one in force does not lead to. */
  readonly code: 'invalid' | 'missing' | 'unreadable' | 'not-descendant';
  readonly message: string;
  readonly since: string;
}

/** What was found when the file was read. */
export type RosterRead =
  | { readonly read: 'good'; readonly roster: Roster; readonly commit: string | null }
  | { readonly read: 'refused'; readonly code: Refused['code']; readonly message: string };

export interface RosterStep {
  readonly inForce: RosterInForce | null;
  /** `accepted`: another roster than before. `refused`: told once for each new trouble. */
  readonly news: 'accepted' | 'refused' | 'mended' | null;
}

/** Null in force: there has been no good roster yet, and nothing may be done. */
export function stepRoster(before: RosterInForce | null, found: RosterRead, at: string): RosterStep {
  if (found.read === 'good') {
    const { roster, commit } = found;
    if (before !== null && before.roster.sha256 === roster.sha256) {
      const news = before.refused === null ? null : 'mended';
      return { inForce: { ...before, commit, refused: null }, news };
    }
    return { inForce: { roster, commit, since: at, refused: null }, news: 'accepted' };
  }
  if (before === null) return { inForce: null, news: 'refused' };
  const known = before.refused;
  if (known !== null && known.code === found.code && known.message === found.message)
    return { inForce: before, news: null };
  const refused = { code: found.code, message: found.message, since: known?.since ?? at };
  return { inForce: { ...before, refused }, news: 'refused' };
}
