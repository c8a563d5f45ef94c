import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { REASONS } from '../../src/diff/reasons.ts';

const rules = readFileSync(new URL('../../docs/planning-rules.md', import.meta.url), 'utf8');
const here = new URL('.', import.meta.url);
const tests = readdirSync(here)
  .filter((name) => name.endsWith('-rules.test.ts'))
  .map((name) => readFileSync(new URL(name, here), 'utf8'))
  .join('\n');

describe('every reason', () => {
  test.each(REASONS.map((r) => [r]))('%s has a row in docs/planning-rules.md or the contract', (reason) => {
    const contract = readFileSync(new URL('../../docs/contract.md', import.meta.url), 'utf8');
    expect(rules.includes(`\`${reason}\``) || contract.includes(`\`${reason}\``)).toBe(true);
  });

  test.each(REASONS.map((r) => [r]))('%s is expected by a test of the rules', (reason) => {
    expect(tests).toContain(reason);
  });

  test('of the page is in the closed list', () => {
    const rows = rules.split('\n').filter((line) => line.startsWith('|'));
    const named = rows.flatMap((row) => [...(row.split('|')[2] ?? '').matchAll(/`([a-z-]+)`/g)].map((m) => m[1]));
    for (const reason of named) expect(REASONS).toContain(reason);
  });
});
