// `npm run chaos [-- SUITE...] [--long] [--seed N] [--no-build]`: the suites of test/chaos, and a table of what they counted.
// SUITE is a file of test/chaos, or of test/system as `system/NAME`. Ends non-zero when a test failed or a suite counted a violation.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { StepFailed, step } from './steps.mjs';

const REPORT = resolve(new URL('..', import.meta.url).pathname, 'test-results/chaos.jsonl');
/** A line for each part of a long run. */
const PROGRESS = resolve(new URL('..', import.meta.url).pathname, 'test-results/chaos-progress.log');
const HOURS = 3_600_000;

process.chdir(new URL('..', import.meta.url).pathname);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: { long: { type: 'boolean' }, seed: { type: 'string' }, build: { type: 'boolean', default: true } },
});

mkdirSync('test-results', { recursive: true });
for (const file of [REPORT, PROGRESS]) rmSync(file, { force: true });
try {
  if (values.build) await step('build', ['npm', 'run', '--silent', 'build']);
  await step('chaos suites', vitest(), { deadlineMs: values.long ? 24 * HOURS : (2 * HOURS) / 3, env: environment() });
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.log(`\n${error.message}`);
  process.exitCode = 1;
} finally {
  summarize(readReport());
}

function vitest() {
  const reporters = ['--reporter=default', '--reporter=json', '--outputFile.json=test-results/chaos.json'];
  // The suites mostly wait for what they started.
  const workers = `--maxWorkers=${availableParallelism() + 1}`;
  const files = positionals.map((name) => (name.startsWith('system/') ? `test/${name}` : `test/chaos/${name}`));
  // Those on booted hosts run in numbers only where they are named: `npm run verify` runs their short form anyway.
  const projects = files.some((file) => file.startsWith('test/system/')) ? ['system', 'chaos'] : ['chaos'];
  const chosen = projects.flatMap((project) => ['--project', project]);
  return ['npx', '--no-install', 'vitest', 'run', ...chosen, ...reporters, workers, ...files];
}

function environment() {
  const seed = values.seed === undefined ? {} : { FLEET_CHAOS_SEED: values.seed };
  return {
    FLEET_CHAOS_REPORT: REPORT,
    FLEET_CHAOS_PROGRESS: PROGRESS,
    FLEET_CHAOS: values.long ? 'long' : 'short',
    ...seed,
  };
}

function readReport() {
  try {
    const lines = readFileSync(REPORT, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

function summarize(suites) {
  const rows = suites.map((s) => [
    s.suite,
    String(s.rounds),
    String(s.violations),
    `${s.seconds.toFixed(0)} s`,
    s.seed === null ? '-' : String(s.seed),
    Object.entries(s.counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(', '),
  ]);
  const table = [['suite', 'rounds', 'violations', 'time', 'seed', 'counted'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  console.log('');
  for (const row of table)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    );
  if (suites.some((s) => s.violations > 0)) process.exitCode = 1;
  if (suites.length === 0 && positionals.length === 0) console.log('no suite handed in a count');
}
