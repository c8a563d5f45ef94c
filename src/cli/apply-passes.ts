/**
 * Applies a plan and, where a change (linger, a server's socket) brings to light what could not be seen before it,
 * observes and plans anew and goes on, a bounded number of times.
 */
import type { Plan } from '../diff/plan.ts';
import type { PlanPolicy } from '../diff/policy.ts';
import type { RunProgram } from '../observe/run.ts';
import { applyPlan } from '../reconcile/apply.ts';
import type { BatchPolicy } from '../reconcile/batches.ts';
import type { ApplyEvent, ApplyResult, ApplySummary, Failure as Cause, SkipWhy } from '../reconcile/outcome.ts';
import { statePaths } from '../reconcile/state/paths.ts';
import { stopped } from '../reconcile/state/stop-file.ts';
import { ok, type Result } from '../spec/result.ts';
import type { Failure } from './command.ts';
import type { Context } from './context.ts';
import { type Look, observeHere, remember } from './look.ts';
import { planFor } from './planning.ts';

const MAX_PASSES = 4;

export interface ApplyTotal {
  /** Over all passes. */
  readonly summary: ApplySummary;
  /** The last one worked from: what it defers and blocks is what is left. */
  readonly plan: Plan;
  /** Of the last pass: each tries again what the one before could not. */
  readonly warnings: ApplyResult['warnings'];
  /** Why another apply would do nothing either: a PAUSED file. Null: none is there. */
  readonly brake: Cause | null;
}

export interface ApplyRun {
  readonly look: Look;
  readonly plan: Plan;
  readonly policy: PlanPolicy;
  readonly batches: BatchPolicy;
  readonly context: Context;
  /** Asked before each effect; a failure ends the apply as an interrupt does. */
  readonly mayAct: () => Cause | null;
  /** Of the lease. */
  readonly fence: number;
  /** Never a summary: there is one in all, the caller's. */
  readonly onEvent: (event: Exclude<ApplyEvent, { event: 'summary' }>) => void;
  /** Null: this plan and no more is made. */
  readonly onReplan: ((plan: Plan) => void) | null;
}

export async function applyInPasses(run: ApplyRun): Promise<Result<ApplyTotal, Failure>> {
  let { plan, look } = run;
  const failed: string[] = [];
  let { summary, warnings } = await applyOnce(run, look, plan, failed);
  const { onReplan } = run;
  for (
    let pass = 1;
    onReplan !== null && pass < MAX_PASSES && summary.replan_needed && !summary.interrupted && run.mayAct() === null;
    pass++
  ) {
    const memory = remember(look.local, look.here, run.context);
    if (!memory.ok) return memory;
    const observed = await observeHere(look.local, look.here, run.context, null);
    look = { ...look, observed, memory: memory.value };
    plan = planFor(look, run.policy);
    onReplan(plan);
    if (plan.changes.length === 0) break;
    const next = await applyOnce(run, look, plan, failed);
    summary = addUp(summary, next.summary);
    warnings = next.warnings;
  }
  return ok({ summary, plan, warnings, brake: stopped(stopsOf(look, run.context)) });
}

/** `failed` grows by the agents that failed: `--max-fail` counts over all passes. */
async function applyOnce(run: ApplyRun, look: Look, plan: Plan, failed: string[]): Promise<ApplyResult> {
  const { context } = run;
  const stops = stopsOf(look, context);
  const result = await applyPlan({
    plan,
    // A saved plan was made from another look.
    ...(run.onReplan === null ? {} : { observed: look.observed }),
    roster: look.local,
    host: look.here.host,
    tenant: look.here.tenant,
    user: context.user,
    policy: run.policy,
    ports: {
      run: inTmuxDirectory(context.run, look),
      observe: (agents, how) => observeHere(look.local, look.here, context, agents, how),
      files: context.files,
      processes: context.processes,
      now: context.now,
      delay: context.delay,
    },
    signal: context.interrupted(),
    batches: { ...run.batches, failedBefore: failed },
    mayAct: () => run.mayAct() ?? stopped(stops),
    fence: run.fence,
    onEvent: (event) => {
      if (event.event !== 'summary') run.onEvent(event);
    },
  });
  failed.push(...result.outcomes.flatMap((o) => (o.outcome === 'failed' && o.agent !== null ? [o.agent] : [])));
  return result;
}

/** Where a PAUSED file would stop it. */
export function stopsOf(look: Pick<Look, 'here' | 'local'>, { user }: Pick<Context, 'user'>): readonly string[] {
  return statePaths(user.home, look.here.host, look.local.fleet).stops;
}

/** Effects talk to the sockets that were observed: with systemd the manager's, whatever the caller's TMUX_TMPDIR says. */
export function inTmuxDirectory(
  program: RunProgram,
  { local, observed }: Pick<Look, 'local' | 'observed'>,
): RunProgram {
  if (local.supervisor === 'none') return program;
  const { units } = observed.sources;
  const directory = (units.status === 'known' ? units.value.tmux_tmpdir : null) ?? '';
  return (name, args, options) => program(name, args, { ...options, env: { TMUX_TMPDIR: directory, ...options.env } });
}

function addUp(a: ApplySummary, b: ApplySummary): ApplySummary {
  const skipped = (why: SkipWhy) => a.skipped[why] + b.skipped[why];
  return {
    applied: a.applied + b.applied,
    failed: a.failed + b.failed,
    failed_begun: a.failed_begun + b.failed_begun,
    skipped: {
      'already-satisfied': skipped('already-satisfied'),
      stale: skipped('stale'),
      'dependency-failed': skipped('dependency-failed'),
      'deferred-busy': skipped('deferred-busy'),
      'deferred-attached': skipped('deferred-attached'),
      'not-attempted': skipped('not-attempted'),
    },
    replan_needed: b.replan_needed,
    interrupted: a.interrupted || b.interrupted,
  };
}
