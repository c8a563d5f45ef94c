import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withSourcePlaces } from '../../src/cli/source-places.ts';

let dist: string;
let script: string;
/** One segment: the first place of the only source. */
const MAP = { version: 3, sources: ['../src/cli/x.ts'], names: [], mappings: 'AAAA' };
beforeAll(() => {
  dist = mkdtempSync(join(tmpdir(), 'fleet-places-'));
  script = join(dist, 'fleet.cjs');
  mkdirSync(join(dist, 'deferred'));
  writeFileSync(script, '');
  writeFileSync(join(dist, 'fleet.bundle.cjs.map'), JSON.stringify(MAP));
  writeFileSync(join(dist, 'deferred/commands.cjs.map'), JSON.stringify(MAP));
  writeFileSync(join(dist, 'torn.cjs.map'), JSON.stringify({ ...MAP, sources: [], mappings: 'AACA' }));
  writeFileSync(join(dist, 'text.cjs.map'), 'no map');
});
afterAll(() => rmSync(dist, { recursive: true, force: true }));

test.each([
  ['    at a (fleet.bundle.cjs:1:5)', '    at a (src/cli/x.ts:1:1)'],
  ['    at async /opt/dist/deferred/commands.cjs:1:1', '    at async src/cli/x.ts:1:1'],
  ['fleet.bundle.cjs:1:1 and fleet.bundle.cjs:1:2', 'src/cli/x.ts:1:1 and src/cli/x.ts:1:1'],
  ['    at a (node:internal/x:1:5)', '    at a (node:internal/x:1:5)'],
  ['    at a (other.cjs:1:5)', '    at a (other.cjs:1:5)'],
  ['    at a (torn.cjs:1:5)', '    at a (torn.cjs:1:5)'],
  ['    at a (text.cjs:1:5)', '    at a (text.cjs:1:5)'],
])('%s', (stack, expected) => {
  expect(withSourcePlaces(stack, script)).toBe(expected);
});

test('a long word is read once', () => {
  // With a square of its length this would take minutes.
  const text = `${'x'.repeat(3_000_000)}.cjs`;
  expect(withSourcePlaces(text, script)).toBe(text);
}, 30_000);
