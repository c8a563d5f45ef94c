/** A change that would end a session is put off while somebody is attached to it or it is busy. */
import { parseAddress } from '../spec/address.ts';
import type { Roster } from '../spec/model.ts';
import { fleetCommand } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { changed, deferred, type Finding } from './finding.ts';
import type { Liveness } from './liveness.ts';
import type { Change, Precondition } from './plan.ts';

type May = NonNullable<Precondition['may_interrupt']>;

/** `draft` has `may_interrupt` in its precondition: what the command line allows. */
export function unlessDisturbing(ctx: Pick<PlanContext, 'roster'>, draft: Change, live: Liveness): Finding {
  const may = draft.precondition.may_interrupt ?? { attached: false, busy: false };
  const command = forcingCommand(ctx.roster, draft, live);
  if (live.attached > 0 && !may.attached) {
    const others = live.otherPanes > 0;
    const why = others ? othersTold(live) : `${live.attached} attached`;
    const first = others ? partingFrom(live) : 'detach';
    return deferred(noting(draft, why), others ? 'other-panes' : 'attached', `${first}, or: ${command}`);
  }
  if (live.busy && !may.busy) return deferred(noting(draft, live.why), 'busy', `wait until it is idle, or: ${command}`);
  return changed(live.shared.panes > 0 ? noting(draft, othersTold(live)) : draft);
}

/** Who else shows the other panes of a session: those are not ended with it. Empty where nobody does. */
export function sharedTold({ shared }: Pick<Liveness, 'shared'>): string {
  if (shared.panes === 0) return '';
  return `; ${shared.panes} shown by ${shared.by.join(', ')} too, and only unlinked with its end`;
}

const othersTold = (live: Liveness): string =>
  `${live.otherPanes} other pane(s) of the session are alive${sharedTold(live)}`;

function partingFrom({ otherPanes, shared }: Liveness): string {
  const own = otherPanes > shared.panes ? ['end what runs in the other panes'] : [];
  const linked = shared.panes > 0 ? [`take the windows of ${shared.by.join(', ')} out of the session`] : [];
  return [...own, ...linked].join(', ');
}

/** The command that makes this change now, whoever is attached and however busy it is. */
export function forcingCommand(
  roster: Pick<Roster, 'path'>,
  change: Change,
  live: Pick<Liveness, 'attached' | 'busy'>,
): string {
  const may: May = change.precondition.may_interrupt ?? { attached: false, busy: false };
  return fleetCommand(
    roster,
    'apply',
    ...(change.stage === 6 ? ['--prune'] : []),
    '--target',
    targetOf(change),
    ...(live.attached > 0 || may.attached ? ['--even-if-attached'] : []),
    ...(live.busy || may.busy ? ['--even-if-busy'] : []),
  );
}

/** Of what is pruned, all that is left of the agent: it goes in one order. */
function targetOf(change: Change): string {
  const address = parseAddress(change.address);
  const own = address === null ? change.address : `${address.kind}/${address.name}`;
  return change.stage === 6 && change.agent !== null ? change.agent : own;
}

const noting = (draft: Change, why: string): Change => ({ ...draft, evidence: [...draft.evidence, why] });
