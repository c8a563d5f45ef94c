/** RFC 6902 between two views, each operation with the `test` that makes it safe. */
import jsonPatch from 'fast-json-patch';
import type { PatchOperation, View, ViewValue } from './plan.ts';

/** fast-json-patch gives `test` operations for what is replaced or removed; an `add` has none. */
export function patchBetween(before: View, after: View): readonly PatchOperation[] {
  return jsonPatch.compare(before, after, true).flatMap((op): readonly PatchOperation[] => {
    switch (op.op) {
      case 'add':
      case 'replace':
      case 'test':
        return [{ op: op.op, path: op.path, value: op.value as ViewValue }];
      case 'remove':
        return [{ op: 'remove', path: op.path }];
      default:
        return [];
    }
  });
}
