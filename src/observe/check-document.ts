/** A saved document against the published schema, which is made from the types in state.ts (scripts/observed-schema.mjs). */
import { type OutputUnit, Validator } from '@cfworker/json-schema';
import schema from './observed.schema.json' with { type: 'json' };

/** The JSON Schema (draft-07) of what `fleet observe` prints. */
export function observedJsonSchema(): object {
  return schema;
}

/** Null where it fits; else the deepest place that does not, as a JSON pointer, and why. */
export function misfit(document: unknown): string | null {
  // Every error is gathered: of a union each branch complains, and the one that got furthest is the one that was meant.
  const { valid, errors } = new Validator(schema as object, '7', false).validate(document);
  if (valid) return null;
  // Another branch's own word ("absent") is the least that can be wrong at a depth.
  const depth = (e: OutputUnit) => 2 * e.instanceLocation.split('/').length - (e.keyword === 'const' ? 1 : 0);
  const [deepest] = [...errors].sort((a, b) => depth(b) - depth(a));
  if (deepest === undefined) return 'it does not fit the schema';
  return `${deepest.instanceLocation.slice(1) || 'the document'}: ${deepest.error}`;
}
