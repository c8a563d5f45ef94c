/** The roster's JSON Schema (draft-07), from the definitions that validate it. What needs the whole roster it cannot say. */
import * as z from 'zod/mini';
import { ROSTER_SCHEMA } from './schema.ts';
import { AGENT_NAME, agentName } from './schema-parts.ts';

export function rosterJsonSchema(): object {
  const schema = z.toJSONSchema(ROSTER_SCHEMA, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === agentName) jsonSchema.pattern = AGENT_NAME.source;
    },
  });
  return { $schema: schema.$schema, title: 'fleet roster, version 1', ...schema };
}
