// `npm run verify`: installs what the tests need, builds, lints, checks types and runs every test. Ends with the first
// failure, non-zero. Needs no terminal. As root on a machine with systemd-nspawn, skipped tests on hosts are a failure.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter } from 'node:path';
import { ensureDebianPackages } from './ensure-debian-packages.mjs';
import { ensureDependencies } from './ensure-dependencies.mjs';
import { StepFailed, step, timed } from './steps.mjs';

const PROJECTS = ['unit', 'system'];
const SUITES = [...PROJECTS, 'chaos'];
/** For what hangs: a busy machine takes three times what an idle one does. */
const TESTS = { deadlineMs: 45 * 60_000 };
const started = performance.now();

process.chdir(new URL('..', import.meta.url).pathname);
rmSync('test-results', { recursive: true, force: true });

try {
  requireNode(20, 19);
  await timed('npm dependencies', ensureDependencies);
  await timed('Debian packages', ensureDebianPackages);
  await step('build', ['npm', 'run', '--silent', 'build']);
  await step('lint', ['npx', '--no-install', 'biome', 'check', '.']);
  await step('types', ['npx', '--no-install', 'tsc', '--noEmit']);
  for (const project of PROJECTS) await step(`${project} tests`, vitest(project), TESTS);
  await timed('hosts were booted', requireHosts);
  await step('chaos, short form', ['node', 'scripts/chaos.mjs', '--no-build', ...seedOfCode()], TESTS);
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  console.log(`\n${error.message}`);
  process.exitCode = 1;
} finally {
  summarize();
}

function requireNode(major, minor) {
  const [isMajor, isMinor] = process.versions.node.split('.').map(Number);
  if (isMajor > major || (isMajor === major && isMinor >= minor)) return;
  throw new StepFailed(`Node ${major}.${minor} or newer is needed, this is ${process.versions.node}`);
}

function vitest(project) {
  const json = `--outputFile.json=test-results/${project}.json`;
  const reporters = ['--reporter=default', '--reporter=json', json];
  // Tests without a host mostly wait for what they started; those on hosts run one file at a time.
  const workers = project === 'unit' ? [`--maxWorkers=${availableParallelism() + 1}`] : [];
  return ['npx', '--no-install', 'vitest', 'run', '--project', project, ...reporters, ...workers];
}

/** The tests on booted hosts skip themselves where none can be had. Where one must be had, that is a failure. */
async function requireHosts() {
  const root = process.getuid?.() === 0;
  const nspawn = process.env.PATH.split(delimiter).some(
    (path) => spawnSync(`${path}/systemd-nspawn`, ['--version']).status === 0,
  );
  const { passed, skipped } = countsOf('system');
  if (!root || !nspawn) return;
  if (passed === 0 || skipped > 0) {
    throw new StepFailed(
      `hosts were booted: root with systemd-nspawn, but ${passed} tests ran on hosts and ${skipped} were skipped`,
    );
  }
}

/**
 * The code's own seed: what is random differs from one state of src and test to the next, and is the same wherever one
 * of them is verified. Outside a checkout, and with changes that are in no commit, a new one each time.
 */
function seedOfCode() {
  const git = (...args) => spawnSync('git', args, { encoding: 'utf8' });
  const trees = git('rev-parse', 'HEAD:src', 'HEAD:test');
  const changes = git('status', '--porcelain');
  if (trees.status !== 0 || changes.status !== 0 || changes.stdout !== '') return [];
  const digest = createHash('sha256').update(trees.stdout).digest('hex');
  return ['--seed', String(Number.parseInt(digest.slice(0, 7), 16))];
}

function countsOf(project) {
  try {
    const seen = JSON.parse(readFileSync(`test-results/${project}.json`, 'utf8'));
    return {
      passed: seen.numPassedTests,
      failed: seen.numFailedTests,
      skipped: seen.numPendingTests + seen.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function summarize() {
  const counts = SUITES.map(countsOf);
  const sum = (key) => counts.reduce((total, count) => total + count[key], 0);
  const verdict = process.exitCode ? 'verify FAILED' : 'verify is green';
  const took = `${((performance.now() - started) / 1000).toFixed(0)} s`;
  console.log(`\n${verdict}: ${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped, ${took}`);
}
