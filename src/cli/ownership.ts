/** What `adopt` and `forget` share: the decision's context, the journal that they write, and what came of it as an exit code. */
import type { Refusal } from '../diff/adoption.ts';
import { createContext, type PlanContext } from '../diff/context.ts';
import { createIgnoreLedger } from '../diff/ignore.ts';
import type { PlanPolicy } from '../diff/policy.ts';
import type { Adopted, AdoptInput } from '../reconcile/adopt.ts';
import { inventoryPath } from '../reconcile/inventory.ts';
import { createJournalStore } from '../reconcile/journal.ts';
import type { Lease } from '../reconcile/lease/hold.ts';
import { nearest } from '../spec/suggest.ts';
import { inTmuxDirectory } from './apply-passes.ts';
import type { Failure } from './command.ts';
import type { Context } from './context.ts';
import { EXIT, type ExitCode, worst } from './exit-codes.ts';
import { type Look, observeHere } from './look.ts';
import { planFor } from './planning.ts';
import { explainable } from './views/explain-records.ts';

const POLICY: PlanPolicy = {
  evenIfAttached: false,
  evenIfBusy: false,
  prune: false,
  allowEmpty: false,
  hosts: [],
  tenants: [],
  targets: [],
  excludes: [],
  maxDestroy: null,
  maxDisrupt: null,
};

export function decisionContext({ local, observed, memory }: Look): PlanContext {
  const ignore = createIgnoreLedger([], Date.parse(observed.observed_at));
  return createContext({ roster: local, observed, memory, agents: local.agents, ignore, policy: POLICY });
}

export function nothingCalled(target: string, seen: Look): Failure {
  const near = nearest(target, explainable(seen.local, seen.observed, planFor(seen, POLICY)));
  const remedy =
    near === null ? 'an agent, session/NAME, unit/UNIT, unit-file/FILE or env-file/NAME' : `did you mean ${near}?`;
  return { code: EXIT.usage, message: `nothing here is called '${target}'`, remedy };
}

export function adoptInput(seen: Look, lease: Lease, context: Context): AdoptInput {
  const { local, here } = seen;
  const path = inventoryPath(context.user.home, here.host, local.fleet);
  return {
    fleet: local.fleet,
    ports: {
      run: inTmuxDirectory(context.run, seen),
      observe: (agents, how) => observeHere(local, here, context, agents, how),
      now: context.now,
    },
    open: () => createJournalStore({ files: context.files, path, now: context.now }).open(null, lease.fence),
    mayAct: lease.mayAct,
  };
}

/** A guard refused: 4, or 3 where it only could not see. That there is no such thing is an error. */
export function refusedCode(refused: readonly Refusal[]): ExitCode {
  return worst(
    refused.map(({ guard }) =>
      guard === 'unobserved' ? EXIT.incomplete : guard === 'absent' ? EXIT.error : EXIT.blocked,
    ),
  );
}

/** tmux's own guard refusing is a world that moved: 5. */
export function adoptedCode(adopted: readonly Adopted[]): ExitCode {
  const done = adopted.filter((a) => a.outcome === 'done').length;
  if (done === adopted.length) return EXIT.done;
  if (done > 0) return EXIT.partial;
  return adopted.some((a) => a.outcome === 'failed') ? EXIT.error : EXIT.stale;
}
