/** Records of the inventory, for tests. */
import type { OwnedRecord } from '../../src/diff/policy.ts';
import type { RecordChanges } from '../../src/reconcile/journal-format.ts';
import type { Kind } from '../../src/spec/address.ts';

export const EMPTY_CHANGES: RecordChanges = {};

export function owned(kind: Kind, name: string): OwnedRecord {
  const since = '2026-06-01T12:00:00.000Z';
  return { kind, name, agent: null, how: 'made', state: 'made', protect: false, since, plan: 'p', content: null };
}
