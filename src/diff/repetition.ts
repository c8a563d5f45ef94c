/** What it means when a change is wanted again and again: an agent that keeps ending, or somebody who keeps putting back. */
import { patchBetween } from './patch.ts';
import type { Change } from './plan.ts';
import type { Reason } from './reasons.ts';

/** It makes an agent's process anew: counted as a restart. A unit that is started beside its living session does not. */
export function isBringUp(change: Change): boolean {
  return mayBringUp(change) && !isBesideSession(change);
}

/** It makes it anew where that has ended since: what is asked before that is asked before this. */
export function mayBringUp(change: Change): boolean {
  const starts = change.action === 'start' || change.action === 'restart';
  const agents = change.kind === 'session' || change.kind === 'unit';
  return change.stage === 5 && change.agent !== null && agents && starts && change.reason !== 'unit-inactive';
}

/** A unit that is started while the very session that it would bring up is there, and is as it should be. */
function isBesideSession({ kind, precondition }: Change): boolean {
  return kind === 'unit' && precondition.session !== undefined && precondition.session !== null;
}

/** Things end by themselves, and a reload follows from any edit: that takes nobody who wants it otherwise. */
const ENDS_BY_ITSELF: ReadonlySet<Reason> = new Set([
  'session-missing',
  'session-dead',
  'shell-left',
  'unit-failed',
  'server-missing',
  'holder-missing',
  'socket-deleted',
  'heartbeat-stale',
  'daemon-reload-needed',
]);

/** The fields that somebody else must have put back where this is wanted again after it was made; empty where nobody need. */
export function contestableFields(change: Change): readonly string[] {
  // A unit whose session works has nothing that could end.
  if (ENDS_BY_ITSELF.has(change.reason) && !isBesideSession(change)) return [];
  const paths = patchBetween(change.before, change.after).flatMap((o) => (o.op === 'test' ? [] : [o.path]));
  return paths.length === 0 ? [''] : [...new Set(paths)];
}

/** Nothing that lives ends by it: the agent's process is gone already, and no other pane of its session is alive. */
export function endsOnlyTheDead(change: Change): boolean {
  return change.disruption === 'none';
}
