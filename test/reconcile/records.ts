/** Records of the inventory and outcomes of an apply, for tests. */
import type { OwnedRecord } from '../../src/diff/policy.ts';
import type { RecordChanges } from '../../src/reconcile/journal-format.ts';
import type { ApplyResult, Outcome } from '../../src/reconcile/outcome.ts';
import type { Kind } from '../../src/spec/address.ts';

export const EMPTY_CHANGES: RecordChanges = {};

export function owned(kind: Kind, name: string): OwnedRecord {
  const since = '2026-06-01T12:00:00.000Z';
  return { kind, name, agent: null, how: 'made', state: 'made', protect: false, since, plan: 'p', content: null };
}

/** `outcome kind/name why-or-code`, in the plan's order. */
export function told(result: ApplyResult): readonly string[] {
  const why = (o: Outcome) =>
    o.outcome === 'failed' ? ` ${o.failure.code}` : o.outcome === 'skipped' ? ` ${o.why}` : '';
  return result.outcomes.map((o) => `${o.outcome} ${o.action} ${o.address.slice('w-jarvis/jarvis/'.length)}${why(o)}`);
}
