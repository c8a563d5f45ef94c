/**
 * The last look before an agent is brought up or replaced: what it needs may have gone since the plan was made, and then it
 * would be ended and not come up again. The plan asks the same (src/diff/places.ts). Pure.
 */
import { placesOf } from '../diff/places.ts';
import type { Change } from '../diff/plan.ts';
import { isBringUp } from '../diff/repetition.ts';
import type { Observed } from '../observe/state.ts';
import type { Check, CheckContext } from './precondition.ts';

export function evaluatePlaces(ctx: CheckContext, change: Change, observed: Observed): Check {
  // A unit that is started ends nothing.
  const isIt = isBringUp(change) && change.kind === 'session';
  const agent = isIt ? ctx.agents.find((a) => a.name === change.agent) : undefined;
  if (agent === undefined) return { check: 'holds' };
  const { files } = observed.sources;
  if (files.status === 'unknown') return { check: 'unknown', detail: `files: ${files.detail} (${files.why})` };
  for (const { reason, seen, name } of placesOf(files.value, agent)) {
    if (seen === undefined || seen.state === 'found') continue;
    const detail = `${reason} by now: ${name}${seen.detail}`;
    return { check: seen.state === 'missing' ? 'stale' : 'unknown', detail };
  }
  return { check: 'holds' };
}
