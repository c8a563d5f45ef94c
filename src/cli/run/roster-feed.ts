/** Which roster is in force, followed from its file or branch, with the last good one kept on disk. */

import {
  type RosterInForce,
  type RosterRead,
  type RosterStep,
  stepRoster,
} from '../../reconcile/control/roster-in-force.ts';
import type { Failure } from '../../reconcile/outcome.ts';
import type { FileWriter } from '../../reconcile/ports.ts';
import type { RosterRead as Found, ReadRoster, RosterVersion } from '../../reconcile/roster/candidate.ts';
import { readLastGood, writeLastGood } from '../../reconcile/roster/last-good.ts';

export interface RosterFeed {
  readonly inForce: () => RosterInForce | null;
  /** Reads again. `again`: it is just being written, so read once more in a moment. */
  readonly refresh: () => Promise<{
    readonly step: RosterStep;
    readonly again: boolean;
    readonly trouble: Failure | null;
  }>;
}

export interface FeedPorts {
  readonly read: ReadRoster;
  readonly files: FileWriter;
  /** Absolute: of the roster, and of its last good copy. */
  readonly path: string;
  readonly copy: string;
  /** RFC 3339. */
  readonly now: () => string;
  /** Null where a roster may come into force; else why this controller cannot take it. */
  readonly refuses: (version: RosterVersion) => string | null;
}

export function followRoster(ports: FeedPorts): RosterFeed {
  const kept = readLastGood(ports.files, ports.copy);
  let lost = kept.ok ? null : kept.error;
  let version: RosterVersion | null = kept.ok ? (kept.value?.version ?? null) : null;
  let inForce: RosterInForce | null =
    kept.ok && kept.value !== null ? inForceOf(kept.value.version, kept.value.read) : null;
  return {
    inForce: () => inForce,
    refresh: async () => {
      const found = await ports.read(version);
      const at = ports.now();
      const step = stepRoster(inForce, judged(found, inForce, version, ports), at);
      inForce = step.inForce;
      const trouble = lost;
      lost = null;
      const unkept = keep(found, step, version, at, ports);
      if (found.state === 'read' && step.inForce?.refused === null) version = found.version;
      return { step, again: found.state === 'unsettled', trouble: trouble ?? unkept };
    },
  };
}

function inForceOf({ roster, commit }: RosterVersion, since: string): RosterInForce {
  return { roster, commit, since, refused: null };
}

function judged(
  found: Found,
  inForce: RosterInForce | null,
  version: RosterVersion | null,
  ports: FeedPorts,
): RosterRead {
  switch (found.state) {
    case 'read': {
      const refused = ports.refuses(found.version);
      if (refused !== null) return { read: 'refused', code: 'invalid', message: refused };
      return { read: 'good', roster: found.version.roster, commit: found.version.commit };
    }
    case 'same':
      if (version === null) return { read: 'refused', code: 'unreadable', message: 'nothing was read yet' };
      return { read: 'good', roster: version.roster, commit: version.commit };
    case 'unsettled': {
      // As it was: nothing new is known before it has come to rest.
      if (inForce === null) return { read: 'refused', code: 'unreadable', message: `${ports.path} is being written` };
      if (inForce.refused === null) return { read: 'good', roster: inForce.roster, commit: inForce.commit };
      return { read: 'refused', code: inForce.refused.code, message: inForce.refused.message };
    }
    case 'refused': {
      const remedy = found.remedy === null ? '' : `\n  ${found.remedy}`;
      return { read: 'refused', code: found.code, message: `${found.message}${remedy}` };
    }
  }
}

/** Another version that came into force, or another commit of the same. A copy that cannot be kept is only said. */
function keep(
  found: Found,
  step: RosterStep,
  before: RosterVersion | null,
  at: string,
  { files, copy, path }: FeedPorts,
): Failure | null {
  if (found.state !== 'read' || step.inForce === null || step.inForce.refused !== null) return null;
  const { roster, commit } = found.version;
  if (before !== null && before.roster.sha256 === roster.sha256 && before.commit === commit) return null;
  const written = writeLastGood(files, copy, found.version, { path, read: at });
  return written.ok ? null : written.error;
}
