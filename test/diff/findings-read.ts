/**
 * Every finding that the tables of rules bring about stands, whole, in findings.jsonl beside this file, where a person has
 * read it: what is before and after, what must still hold, what it waits for, the evidence and the remedy. A test that
 * makes another one fails. Import this file in a table of rules to hold its plans to that.
 *
 * After a change that was meant: FLEET_FINDINGS=write npx vitest run --project unit test/diff, sort the file, and read the difference.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Plan } from '../../src/diff/plan.ts';
import { watchPlans } from './world.ts';

const FILE = new URL('findings.jsonl', import.meta.url).pathname;
const writing = process.env['FLEET_FINDINGS'] === 'write';
const read = new Set(readFileSync(FILE, 'utf8').split('\n'));

/** Tests of other things may run in the same process, and make plans of their own. */
const TABLES = /\/test\/diff\/(?:plan|[a-z-]+-rules)\.test\.ts$/;

watchPlans((plan) => {
  if (!TABLES.test(expect.getState().testPath ?? '')) return;
  for (const line of findingsOf(plan)) {
    if (read.has(line)) continue;
    if (!writing) throw new Error(`a finding that nobody has read (see test/diff/findings-read.ts):\n${line}`);
    read.add(line);
    appendFileSync(FILE, `${line}\n`);
  }
});

function findingsOf(plan: Plan): readonly string[] {
  const { changes, deferred, blocked, unknown, warnings, unmanaged, ignored } = plan;
  const lists = { changes, deferred, blocked, unknown, warnings, unmanaged, ignored };
  return Object.entries(lists).flatMap(([bucket, found]) => found.map((f) => short({ bucket, ...f })));
}

/** Without what is the same in all of them. */
function short(finding: object): string {
  return JSON.stringify(finding, (key, value) => (key === 'host' || key === 'tenant' ? undefined : value)).replaceAll(
    'w-jarvis/jarvis/',
    '',
  );
}
