/** The alert rules and the dashboard that come with fleet: they load, and name only what the controller measures. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { METRICS } from '../../src/reconcile/metrics/metrics.ts';

const CONTRIB = fileURLToPath(new URL('../../contrib', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/fleet-promtool', import.meta.url));
const read = (name: string): string => readFileSync(join(CONTRIB, name), 'utf8');

/** Every name that a histogram is asked by, too. */
const KNOWN = new Set(
  METRICS.flatMap(({ name, type }) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => `${name}${suffix}`) : [name],
  ),
);
const named = (text: string): readonly string[] => [...text.matchAll(/\bfleet_[a-z_]+/g)].map(([name]) => name);

const rules = read('fleet.rules.yaml')
  .split('\n')
  .filter((line) => /^\s+expr:/.test(line));
const dashboard: { readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[] } =
  JSON.parse(read('fleet.dashboard.json'));
const panels = dashboard.panels.flatMap((panel) => panel.targets.map((target) => target.expr));

test.each([
  ['alert rules', rules],
  ['the dashboard', panels],
])('%s ask for metrics that exist, and at least one each', (_what, queries) => {
  expect(queries.length).toBeGreaterThan(8);
  for (const query of queries) expect([query, named(query).length > 0]).toEqual([query, true]);
  expect(queries.flatMap(named).filter((name) => !KNOWN.has(name))).toEqual([]);
});

test('each alert has a test of when it fires, and of when it does not', () => {
  const alerts = [...read('fleet.rules.yaml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const tests = read('fleet.rules.test.yaml');
  expect(alerts).toHaveLength(rules.length);
  const lacks = (pattern: (name: string) => RegExp) => alerts.filter((name) => !pattern(name ?? '').test(tests));
  expect(lacks((name) => new RegExp(`alertname: ${name}, exp_alerts: \\[\\]`))).toEqual([]);
  expect(lacks((name) => new RegExp(`alertname: ${name}\n +exp_alerts:\n +- exp_labels:`))).toEqual([]);
});

test('the dashboard shows every metric but the one that only carries names', () => {
  const shown = new Set(panels.flatMap(named).map((name) => name.replace(/_(?:bucket|sum|count)$/, '')));
  expect(METRICS.map((m) => m.name).filter((name) => !shown.has(name))).toEqual(['fleet_info']);
});

test('docs/controller.md explains every metric, and no other', () => {
  const docs = readFileSync(fileURLToPath(new URL('../../docs/controller.md', import.meta.url)), 'utf8');
  const told = new Set([...docs.matchAll(/`(fleet_[a-z_]+)`/g)].map(([, name]) => name));
  expect([...told].sort()).toEqual(METRICS.map((m) => m.name).sort());
});

const promtool = findPromtool();
describe.skipIf(promtool === null)(
  `promtool${promtool === null ? ' (skipped: neither installed nor to be had)' : ''}`,
  () => {
    test.each([
      ['loads the rules', ['check', 'rules', 'fleet.rules.yaml']],
      ['finds that they fire when they should, and not before', ['test', 'rules', 'fleet.rules.test.yaml']],
    ])('%s', (_what, args) => {
      const ran = spawnSync(promtool ?? '', args, { cwd: CONTRIB, encoding: 'utf8' });
      expect([ran.stdout + ran.stderr, ran.status]).toEqual([expect.not.stringContaining('FAILED'), 0]);
    });
  },
);

/** As installed, else out of Debian's package, which is unpacked beside the dependencies and not installed. */
function findPromtool(): string | null {
  if (spawnSync('promtool', ['--version']).status === 0) return 'promtool';
  const unpacked = join(CACHE, 'usr/bin/promtool');
  if (existsSync(unpacked)) return unpacked;
  try {
    mkdirSync(CACHE, { recursive: true });
    execFileSync('apt-get', ['download', '-qq', 'prometheus'], { cwd: CACHE, stdio: 'ignore', timeout: 120_000 });
    const [file] = readdirSync(CACHE).filter((name) => name.endsWith('.deb'));
    execFileSync('dpkg-deb', ['--extract', file ?? '', '.'], { cwd: CACHE, stdio: 'ignore', timeout: 60_000 });
    return existsSync(unpacked) ? unpacked : null;
  } catch {
    return null;
  }
}
