/** A saved document against the published schema, which is made from the types in state.ts (scripts/observed-schema.mjs). */
import { Ajv, type ErrorObject } from 'ajv';
import schema from './observed.schema.json' with { type: 'json' };

/** The JSON Schema (draft-07) of what `fleet observe` prints. */
export function observedJsonSchema(): object {
  return schema;
}

/** Null where it fits; else the deepest place that does not, as a JSON pointer, and why. */
export function misfit(document: unknown): string | null {
  // Every error is gathered: of a union each branch complains, and the one that got furthest is the one that was meant.
  const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
  if (validate(document)) return null;
  const [deepest] = [...(validate.errors ?? [])].sort((a, b) => weight(b) - weight(a));
  if (deepest === undefined) return 'it does not fit the schema';
  return `${deepest.instancePath || 'the document'} ${deepest.message ?? 'does not fit'}`;
}

/** Another branch's own word ("absent") and the union's own complaint are the least that can be wrong at a depth. */
function weight({ instancePath, keyword }: ErrorObject): number {
  const least = keyword === 'const' || keyword === 'anyOf' || keyword === 'oneOf';
  return 2 * instancePath.split('/').length - (least ? 1 : 0);
}
