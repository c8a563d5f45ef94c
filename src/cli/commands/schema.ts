import { observedJsonSchema } from '../../observe/check-document.ts';
import { rosterJsonSchema } from '../../spec/json-schema.ts';
import type { RunCommand } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { reportFailure } from '../report.ts';

const SCHEMAS: Readonly<Record<string, () => object>> = { roster: rosterJsonSchema, observed: observedJsonSchema };

export const schema: RunCommand = async (args, context) => {
  const [what = 'roster'] = args.operands;
  const make = Object.hasOwn(SCHEMAS, what) ? SCHEMAS[what] : undefined;
  if (make === undefined) {
    const remedy = 'fleet schema roster, or fleet schema observed';
    return reportFailure(context, { code: EXIT.usage, message: `there is no schema of '${what}'`, remedy });
  }
  context.stdout.write(`${JSON.stringify(make(), null, 2)}\n`);
  return EXIT.done;
};
