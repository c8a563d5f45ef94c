// Makes src/observe/observed.schema.json from the types of src/observe/state.ts. Run it when these types change:
// node scripts/observed-schema.mjs. A test compares the two.

import { writeFileSync } from 'node:fs';
import { createGenerator } from 'ts-json-schema-generator';

const FILE = 'src/observe/observed.schema.json';

/** The schema's text, as it lies in the repository. */
export function observedSchema(root) {
  const schema = createGenerator({
    path: `${root}/src/observe/state.ts`,
    tsconfig: `${root}/tsconfig.json`,
    type: 'Observed',
    // Minor versions of the format only add: a reader of this one takes what a later one added.
    additionalProperties: true,
    topRef: false,
    skipTypeCheck: true,
  }).createSchema('Observed');
  const { format_version: _, ...properties } = schema.properties;
  const named = {
    ...schema,
    title: 'fleet.observed, format 1.0',
    properties: { format_version: { type: 'string', pattern: '^1\\.[0-9]+$' }, ...properties },
  };
  // Names of definitions go into URIs: Source<TmuxObserved> would have to be escaped there.
  const text = JSON.stringify(named, null, 2).replaceAll('%3C', 'Of').replaceAll('%3E', '');
  return `${text.replaceAll(/"([A-Za-z]+)<([A-Za-z]+)>"/g, '"$1Of$2"')}\n`;
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '');
  writeFileSync(`${root}/${FILE}`, observedSchema(root));
}
