import { rosterJsonSchema } from '../../spec/json-schema.ts';
import type { RunCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';

export const schema: RunCommand = async (_args, context) => {
  context.stdout.write(`${JSON.stringify(rosterJsonSchema(), null, 2)}\n`);
  return EXIT.done;
};
