/** The roster's JSON Schema (draft-07), from the definitions that validate it. What needs the whole roster it cannot say. */
import { rosterSchema } from './schema.ts';
import { AGENT_NAME, agentName } from './schema-parts.ts';
import { zodJsonSchema } from './schema-zod.ts';

export function rosterJsonSchema(): object {
  const { $schema, ...schema } = zodJsonSchema(rosterSchema(), agentName.schema(), AGENT_NAME);
  return { $schema, title: 'fleet roster, version 1', ...schema };
}
