/** Secrets are struck out of what a plan shows; addresses, names and preconditions are what it is made by, and stay. */
import type { Finding } from './finding.ts';
import type { Change, PatchOperation, View, ViewValue } from './plan.ts';

type Mask = (text: string) => string;

export function maskFindings(mask: Mask | undefined, findings: readonly Finding[]): readonly Finding[] {
  return mask === undefined ? findings : findings.map((f) => maskFinding(mask, f));
}

function maskFinding(mask: Mask, f: Finding): Finding {
  switch (f.bucket) {
    case 'change':
      return { bucket: 'change', change: maskChange(mask, f.change) };
    case 'deferred':
      return { bucket: 'deferred', change: maskChange(mask, f.change) };
    case 'blocked':
      return { bucket: 'blocked', blocked: { ...f.blocked, evidence: f.blocked.evidence.map(mask) } };
    case 'warning':
      return { bucket: 'warning', warning: { ...f.warning, evidence: f.warning.evidence.map(mask) } };
    case 'unknown':
      return { bucket: 'unknown', unknown: { ...f.unknown, detail: mask(f.unknown.detail) } };
    case 'unmanaged':
      return { bucket: 'unmanaged', unmanaged: { ...f.unmanaged, why: mask(f.unmanaged.why) } };
  }
}

function maskChange<T extends Change>(mask: Mask, c: T): T {
  return {
    ...c,
    before: maskView(mask, c.before),
    after: maskView(mask, c.after),
    patch: c.patch.map((operation) => maskOperation(mask, operation)),
    evidence: c.evidence.map(mask),
  };
}

function maskOperation(mask: Mask, operation: PatchOperation): PatchOperation {
  return operation.op === 'remove' ? operation : { ...operation, value: maskValue(mask, operation.value) };
}

function maskView(mask: Mask, view: View): View {
  return Object.fromEntries(Object.entries(view).map(([key, value]) => [key, maskValue(mask, value)]));
}

function maskValue(mask: Mask, value: ViewValue): ViewValue {
  if (typeof value === 'string') return mask(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map((inner) => maskValue(mask, inner));
  return maskView(mask, value);
}

function isList(value: object): value is readonly ViewValue[] {
  return Array.isArray(value);
}
