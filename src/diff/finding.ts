/** What a comparison says about one resource; the plan is made of these. */
import type { Kind } from '../spec/address.ts';
import type { AgentSpec } from '../spec/model.ts';
import { addressOf, type PlanContext } from './context.ts';
import type { Blocked, Change, DeferredChange, DeferWhy, Unmanaged, Unobserved, Warning } from './plan.ts';

export type Finding =
  | { readonly bucket: 'change'; readonly change: Change }
  | { readonly bucket: 'deferred'; readonly change: DeferredChange }
  | { readonly bucket: 'blocked'; readonly blocked: Blocked }
  | { readonly bucket: 'unknown'; readonly unknown: Unobserved }
  | { readonly bucket: 'warning'; readonly warning: Warning }
  | { readonly bucket: 'unmanaged'; readonly unmanaged: Unmanaged };

/** One kind of drift: a pure function of the context. A new kind is a new one of these in build-plan's table. */
export type Compare = (ctx: PlanContext) => readonly Finding[];

export type Draft = Pick<Change, 'action' | 'reason' | 'before' | 'after' | 'evidence' | 'stage'> &
  Partial<Pick<Change, 'cause' | 'disruption' | 'live' | 'precondition' | 'replan' | 'wave'>>;

/** Fills in what most changes share. `patch` and `depends_on` are added when the plan is put together. */
export function change(ctx: PlanContext, kind: Kind, name: string, agent: AgentSpec | null, draft: Draft): Change {
  return {
    address: addressOf(ctx, kind, name),
    host: ctx.host,
    tenant: ctx.tenant,
    agent: agent?.name ?? null,
    kind,
    cause: 'corrective',
    disruption: 'none',
    live: { attached: 0, busy: false },
    precondition: {},
    replan: false,
    wave: agent?.wave ?? 0,
    ...draft,
    patch: [],
    depends_on: [],
    source: agent?.source ?? null,
  };
}

export const changed = (c: Change): Finding => ({ bucket: 'change', change: c });

export function deferred(c: Change, why: DeferWhy, remedy: string | null): Finding {
  return { bucket: 'deferred', change: { ...c, why, remedy } };
}

export function blocked(
  ctx: PlanContext,
  kind: Kind,
  name: string,
  agent: AgentSpec | null,
  what: Pick<Blocked, 'reason' | 'guard' | 'evidence' | 'remedy'>,
): Finding {
  return {
    bucket: 'blocked',
    blocked: {
      address: addressOf(ctx, kind, name),
      agent: agent?.name ?? null,
      ...what,
      source: agent?.source ?? null,
    },
  };
}

export function unobserved(
  ctx: PlanContext,
  kind: Kind,
  name: string,
  agent: AgentSpec | null,
  why: string,
  detail: string,
): Finding {
  return {
    bucket: 'unknown',
    unknown: { address: addressOf(ctx, kind, name), agent: agent?.name ?? null, why, detail },
  };
}

export function warning(
  ctx: PlanContext,
  kind: Kind,
  name: string,
  agent: AgentSpec | null,
  reason: Warning['reason'],
  evidence: readonly string[],
): Finding {
  return {
    bucket: 'warning',
    warning: { address: addressOf(ctx, kind, name), agent: agent?.name ?? null, reason, evidence },
  };
}

export function unmanaged(ctx: PlanContext, kind: Kind, name: string, why: string): Finding {
  return { bucket: 'unmanaged', unmanaged: { address: addressOf(ctx, kind, name), why } };
}
