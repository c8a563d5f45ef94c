/**
 * Ignore rules of the roster: the same function for plan, apply and run, counted in every plan. A rule without a path
 * covers the whole resource; with one, the aspect at that pointer and below it. An expired rule covers nothing.
 */
import type { IgnoreRule } from '../spec/model.ts';
import type { Ignored } from './plan.ts';
import type { Reason } from './reasons.ts';
import { matchesTarget } from './target.ts';

export interface IgnoreLedger {
  /** True where a rule covers this drift; it is then noted as ignored. `path` is the aspect's pointer, '' the resource. */
  covers(address: string, agent: string | null, path: string, reason: Reason): boolean;
  readonly entries: readonly Ignored[];
  /** Those that have not expired. */
  readonly inForce: readonly IgnoreRule[];
  readonly expired: readonly IgnoreRule[];
}

export function createIgnoreLedger(rules: readonly IgnoreRule[], now: number): IgnoreLedger {
  const inForce = rules.filter((r) => r.until === null || now <= endOf(r.until));
  const entries: Ignored[] = [];
  return {
    entries,
    inForce,
    expired: rules.filter((r) => !inForce.includes(r)),
    covers(address, agent, path, reason) {
      const rule = inForce.find((r) => matchesTarget(r.target, address, agent) && coversPath(r.path, path));
      if (rule === undefined) return false;
      const seen = entries.some((e) => e.address === address && e.reason === reason && e.path === rule.path);
      if (!seen) {
        const note = { reason: rule.reason, until: rule.until, line: rule.source.line };
        entries.push({ address, reason, path: rule.path, rule: note });
      }
      return true;
    },
  };
}

function coversPath(rule: string | null, path: string): boolean {
  return rule === null || rule === '' || path === rule || path.startsWith(`${rule}/`);
}

/** A bare date holds to its end (UTC). */
function endOf(until: string): number {
  return /^\d{4}-\d{2}-\d{2}$/.test(until) ? Date.parse(`${until}T23:59:59.999Z`) : Date.parse(until);
}
