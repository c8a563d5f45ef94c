/** One change from its turn to its outcome: allowed, written down, made, written down, verified. */
import type { Change } from '../diff/plan.ts';
import type { FailureLimit } from './batches.ts';
import { intendedBy, madeBy } from './claims.ts';
import { type ApplyContext, type EffectContext, sameHost } from './context.ts';
import type { EffectResult, Verdict } from './effect.ts';
import { EFFECTS } from './effects/effect-of.ts';
import { createGate } from './gate.ts';
import type { ChangeLog } from './journal.ts';
import { about, type Failure, type Outcome } from './outcome.ts';
import type { Slots } from './slots.ts';

export interface Turn {
  readonly slots: Slots;
  readonly limit: FailureLimit;
  /** No later change of the plan is about the same address. */
  readonly last: boolean;
  readonly started: (change: Change) => void;
}

/** What went wrong with the journal beside the change itself goes to `unwritten`. */
export async function applyChange(
  ctx: ApplyContext,
  change: Change,
  turn: Turn,
  unwritten: (why: Failure) => void,
): Promise<Outcome> {
  const log = ctx.journal.of(change);
  const outcome = await attempt(ctx, change, turn, log);
  const lost = ctx.mayAct()?.code === 'lease-lost' ? null : log.end(outcome.outcome);
  if (lost !== null) unwritten(lost);
  return outcome;
}

/** The slot is held while the effect is made, not while its result is waited for: agents settle side by side. */
async function attempt(ctx: ApplyContext, change: Change, turn: Turn, log: ChangeLog): Promise<Outcome> {
  const release = await turn.slots.take();
  let made: Made;
  try {
    const forbidden = whyNot(ctx, change, turn.limit);
    if (forbidden !== null) return notAttempted(change, forbidden);
    turn.started(change);
    made = await makeEffect(ctx, change, log);
    if ('outcome' in made) return made;
    if (!settles(change)) {
      const lost = log.made(recordsOf(ctx, change, turn));
      if (lost !== null) return failed(change, lost, made.begun);
    }
  } finally {
    release();
  }
  const verdict = await made.verify();
  if (verdict.verdict === 'failed') return failed(change, verdict.failure, made.begun);
  const lost = settles(change) ? log.made(recordsOf(ctx, change, turn)) : null;
  if (lost !== null) return failed(change, lost, made.begun);
  return { outcome: 'applied', ...about(change), evidence: verdict.evidence };
}

type Made = Outcome | { readonly verify: () => Promise<Verdict>; readonly begun: boolean };

async function makeEffect(ctx: ApplyContext, change: Change, log: ChangeLog): Promise<Made> {
  let forbidden: Failure | null = null;
  const gate = createGate(ctx.ports, () => {
    forbidden = ctx.mayAct();
    return forbidden ?? log.begin(intendedBy(ctx, change, ctx.journal.memory(), now(ctx)));
  });
  const effectContext: EffectContext = { ...ctx, ports: gate.ports, log };
  const result: EffectResult = await EFFECTS[change.kind](effectContext, change);
  const closed = gate.closed();
  if (closed !== null) return forbidden === null ? failed(change, closed, false) : notAttempted(change, said(closed));
  const begun = gate.opened();
  switch (result.result) {
    case 'failed':
      return failed(change, result.failure, begun && !result.untouched);
    case 'skipped':
      return { outcome: 'skipped', ...about(change), why: result.why, detail: result.detail };
    case 'made':
      return { verify: result.verify, begun };
  }
}

/** Why it is not to begin; null where it may. */
function whyNot(ctx: ApplyContext, change: Change, limit: FailureLimit): string | null {
  const here = sameHost(change.host, ctx.host) && change.tenant === ctx.tenant;
  if (!here) return `it is about ${change.host}/${change.tenant}, this is ${ctx.host}/${ctx.tenant}`;
  if (ctx.signal.aborted) return 'interrupted before its turn';
  const enough = limit.reached();
  if (enough !== null) return enough;
  const forbidden = ctx.mayAct();
  return forbidden === null ? null : said(forbidden);
}

/** It brings a session up, which is written down by the look that first sees it. */
function settles({ kind, action, agent }: Change): boolean {
  const starts = action === 'start' || action === 'restart';
  return starts && agent !== null && (kind === 'session' || kind === 'unit');
}

function recordsOf(ctx: ApplyContext, change: Change, { last }: Turn) {
  return madeBy(ctx, change, ctx.journal.memory(), { since: now(ctx), last });
}

const now = (ctx: ApplyContext): string => new Date(ctx.ports.now()).toISOString();
const said = (why: Failure): string => `${why.summary}: ${why.detail}`;

function failed(change: Change, why: Failure, begun: boolean): Outcome {
  return { outcome: 'failed', ...about(change), failure: why, begun };
}

export function notAttempted(change: Change, detail: string): Outcome {
  return { outcome: 'skipped', ...about(change), why: 'not-attempted', detail };
}
