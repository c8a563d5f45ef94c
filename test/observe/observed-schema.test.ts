import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
// @ts-expect-error: a script without types
import { observedSchema } from '../../scripts/observed-schema.mjs';
import { misfit, observedJsonSchema } from '../../src/observe/check-document.ts';
import * as w from '../diff/world.ts';

const ROSTER = `version: 1
tmux: { socket_name: s, holder_session: _holder }
agents:
  - { name: coder, runtime: claude, working_directory: /srv }
`;

test('the published schema is the one that the types make', () => {
  const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
  const published = JSON.parse(readFileSync(`${root}/src/observe/observed.schema.json`, 'utf8'));
  expect(published, 'run: node scripts/observed-schema.mjs').toEqual(JSON.parse(observedSchema(root)));
});

test('it is valid by the draft that it names', () => {
  const ajv = new Ajv({ strict: true });
  const schema = observedJsonSchema();
  expect(schema).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#' });
  expect(ajv.validateSchema(schema), ajv.errorsText()).toBe(true);
  expect(() => ajv.compile(schema)).not.toThrow();
});

test('what is observed fits the schema', () => {
  expect(misfit(JSON.parse(JSON.stringify(w.healthy(w.roster(ROSTER)))))).toBeNull();
});

test.each<readonly [string, (document: Record<string, never>) => void, RegExp]>([
  ['a source that is neither known nor unknown', (d) => set(d, 'sources/units', {}), /sources\/units/],
  ['a list where records are wanted', (d) => set(d, 'sources/units/value/units', []), /sources\/units/],
  ['a session without id', (d) => set(d, 'sources/tmux/value/servers/0/server/sessions/0/id', null), /sessions\/0\/id/],
  ['a pid that is text', (d) => set(d, 'sources/tmux/value/servers/0/server/pid', '12'), /server\/pid/],
  [
    'a verdict nobody knows',
    (d) => set(d, 'sources/tmux/value/servers/0/server/sessions/0/panes/0/runs', { verdict: 'x' }),
    /panes\/0\/runs/,
  ],
  ['another major version', (d) => set(d, 'format_version', '2.0'), /format_version/],
])('%s is told by its place', (_, change, place) => {
  const document = JSON.parse(JSON.stringify(w.healthy(w.roster(ROSTER))));
  change(document);
  expect(misfit(document)).toMatch(place);
});

test('what a later minor version adds is no misfit', () => {
  const document = JSON.parse(JSON.stringify(w.healthy(w.roster(ROSTER))));
  set(document, 'format_version', '1.9');
  set(document, 'sources/added', { status: 'known', value: 1 });
  expect(misfit(document)).toBeNull();
});

function set(document: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('/');
  const last = keys.pop() ?? '';
  let at: Record<string, unknown> = document;
  for (const key of keys) at = at[key] as Record<string, unknown>;
  at[last] = value;
}
