/** What `fleet schema` prints, read as editors read it. */
import { Ajv } from 'ajv';
import { rosterJsonSchema } from '../../src/spec/json-schema.ts';
import { readYaml } from '../../src/spec/yaml.ts';

/** Strict: a keyword that ajv does not know, or that says nothing where it stands, is an error. */
export const ajv = new Ajv({ strict: true });

const fits = ajv.compile(JSON.parse(JSON.stringify(rosterJsonSchema())));

/** What it says against a roster as data; none where it fits. */
export function schemaErrors(data: unknown): readonly string[] {
  if (fits(data)) return [];
  return (fits.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** The same of a roster's text; null where that is no YAML. */
export function schemaErrorsOfText(text: string): readonly string[] | null {
  const yaml = readYaml(text);
  return yaml.ok ? schemaErrors(yaml.value.data) : null;
}
