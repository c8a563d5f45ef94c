/** The row on ignore rules whose `until` is past: they cover nothing any more, which is said rather than left to be found. */
import { nameInAddress } from '../spec/address.ts';
import type { IgnoreRule } from '../spec/model.ts';
import { type PlanContext, placeOfTarget } from './context.ts';
import type { Finding } from './finding.ts';

export function expiredRules(ctx: PlanContext): readonly Finding[] {
  return ctx.ignore.expired.flatMap((rule) => (isHere(ctx, rule) ? [expired(ctx, rule)] : []));
}

/** What is on another host is told there; of an agent elsewhere only its bare name may be on the roster. */
function isHere(ctx: PlanContext, { target }: IgnoreRule): boolean {
  const parts = target.split('/');
  if (parts.length === 1) return ctx.agentNamed(target) !== undefined;
  return parts.length === 2 || target.startsWith(`${ctx.host}/${ctx.tenant}/`);
}

function expired(ctx: PlanContext, { target, path, until, reason, source }: IgnoreRule): Finding {
  const evidence = [
    `the rule of line ${source.line} (${target}${path ?? ''}: ${reason}) held until ${until ?? ''}, and covers nothing any more`,
    'take it out, or give it a later date',
  ];
  const agent = ctx.agentNamed(nameInAddress(target))?.name ?? null;
  return {
    bucket: 'warning',
    warning: { address: placeOfTarget(ctx, target), agent, reason: 'ignore-expired', evidence },
  };
}
