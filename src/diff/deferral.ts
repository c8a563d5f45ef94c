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
    const why = others ? `${live.otherPanes} other pane(s) of the session are alive` : `${live.attached} attached`;
    const first = others ? 'end what runs in the other panes' : 'detach';
    return deferred(noting(draft, why), others ? 'other-panes' : 'attached', `${first}, or: ${command}`);
  }
  if (live.busy && !may.busy) return deferred(noting(draft, live.why), 'busy', `wait until it is idle, or: ${command}`);
  return changed(draft);
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
