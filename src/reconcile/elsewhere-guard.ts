/**
 * The last look before an agent is brought up: it may have come up in another place since the plan was made, or where it
 * could not be seen. The plan asks the same (src/diff/elsewhere.ts); between the two lie seconds, or a day. Pure.
 */
import { describeCopies, elsewhere } from '../diff/elsewhere.ts';
import type { Change } from '../diff/plan.ts';
import type { PlanMemory } from '../diff/policy.ts';
import { mayBringUp } from '../diff/repetition.ts';
import type { Observed } from '../observe/state.ts';
import type { EffectContext } from './context.ts';
import type { Check, CheckContext } from './precondition.ts';
import { sessionSeen, socketLabel } from './seen.ts';

export type ElsewhereCheckContext = CheckContext & Pick<EffectContext, 'launcher'>;

export function evaluateElsewhere(
  ctx: ElsewhereCheckContext,
  change: Change,
  observed: Observed,
  memory: PlanMemory,
): Check {
  const agent = mayBringUp(change) ? ctx.agents.find((a) => a.name === change.agent) : undefined;
  if (agent === undefined) return { check: 'holds' };
  const there = sessionSeen(observed, socketLabel(agent.socket), agent.name).state === 'present';
  // A unit that is started beside its session takes that one over, and makes none.
  if (there && change.kind === 'unit') return { check: 'holds' };
  const { roster, layout, launcher } = ctx;
  const away = elsewhere({ roster, layout, launcher, observed, memory }, agent);
  switch (away.kind) {
    case 'nowhere':
      return { check: 'holds' };
    case 'found': {
      const places = describeCopies(agent, { kind: 'absent' }, away.copies).join('; ');
      return { check: 'stale', detail: `${agent.name} lives in another place by now: ${places}` };
    }
    case 'other-directory':
      return { check: 'stale', detail: `${agent.name} lives on the tmux server ${away.pid} at ${away.path}` };
    case 'unknown':
      // Where its own session is there, and known to be in need of it, what cannot be seen elsewhere says nothing more.
      return there ? { check: 'holds' } : { check: 'unknown', detail: away.detail };
  }
}
