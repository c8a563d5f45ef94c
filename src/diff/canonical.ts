/** JSON with object keys in order and nothing else, so that equal data has equal bytes. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(inOrder(value));
}

function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const inner = new Map<string, unknown>(Object.entries(value));
  const sorted: Record<string, unknown> = {};
  for (const key of [...inner.keys()].sort()) {
    // Assigned, it would be the object's prototype.
    if (key === '__proto__') Object.defineProperty(sorted, key, { value: inOrder(inner.get(key)), enumerable: true });
    else sorted[key] = inOrder(inner.get(key));
  }
  return sorted;
}
