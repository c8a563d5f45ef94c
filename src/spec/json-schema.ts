/** The roster's JSON Schema (draft-07), from the definitions that validate it. What needs the whole roster it cannot say. */
import * as z from 'zod/mini';
import { rosterSchema } from './schema.ts';
import { AGENT_NAME, agentName } from './schema-parts.ts';

export function rosterJsonSchema(): object {
  const schema = z.toJSONSchema(rosterSchema(), {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === agentName.schema()) jsonSchema.pattern = AGENT_NAME.source;
    },
  });
  return { $schema: schema.$schema, title: 'fleet roster, version 1', ...schema };
}
