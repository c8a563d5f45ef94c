/** One life of the controller: what it takes from the one before, and what it says while it lives. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StatusDocument } from '../../../src/reconcile/control/status.ts';
import { until } from '../../observe/watch/world.ts';
import { openRunning, type Running } from './running.ts';

let running: Running;
beforeEach(() => {
  running = openRunning();
});
afterEach(() => running.remove());

const status = (): StatusDocument => JSON.parse(readFileSync(running.paths.status, 'utf8')) as StatusDocument;

test('each line of its log is JSON with a pass, from its first word to its last', async () => {
  await running.start('--log-format', 'json');
  await running.looked();
  running.ask();
  const { code, stderr } = await running.ended();
  const lines = stderr.trimEnd().split('\n');
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({ pass: expect.any(Number), time: expect.any(String) });
  expect([code, lines[0], lines.at(-1)]).toEqual([
    0,
    expect.stringContaining('"event":"source"'),
    expect.stringContaining('"event":"stopped"'),
  ]);
  expect(stderr).toContain('"pass":0,"msg":"finishing what is under way; interrupt again to stop now"');
  expect(lines.some((line) => (JSON.parse(line) as { readonly pass: number }).pass > 0)).toBe(true);
});

test('on a terminal its log is text, a line for each', async () => {
  await running.start();
  await running.looked();
  running.ask();
  const { stderr } = await running.ended();
  const lines = stderr.trimEnd().split('\n');
  for (const line of lines) expect(line).toMatch(/^fleet: .* pass=\d+\b/);
  expect(lines.filter((line) => line.includes('finishing what is under way'))).toHaveLength(1);
});

test('counters that cannot be read keep it from beginning: nothing is done, and they stay as they are', async () => {
  mkdirSync(running.paths.directory, { recursive: true });
  writeFileSync(running.paths.counters, '{"kind":"fleet.counters","format_version":"1.0"');
  await running.start();
  const { code, stderr } = await running.ended();
  expect([code, stderr]).toEqual([1, expect.stringContaining(`the controller is not started: `)]);
  expect(stderr).toContain(running.paths.counters);
  expect(readFileSync(running.paths.counters, 'utf8')).toBe('{"kind":"fleet.counters","format_version":"1.0"');
});

test('a status file of the former one that cannot be read is said, and keeps it from nothing', async () => {
  mkdirSync(running.paths.directory, { recursive: true });
  writeFileSync(running.paths.status, '{"kind":"fleet.status","format_version":"2.0","controller":{"started_at":""}}');
  await running.start();
  await running.looked();
  running.ask();
  const { code, stderr } = await running.ended();
  expect([code, stderr.split('\n').filter((line) => line.includes(running.paths.status))]).toEqual([
    0,
    [expect.stringContaining('trouble')],
  ]);
});

test('since when an agent is as it is is known to the next one', async () => {
  await running.start();
  await running.looked();
  running.ask();
  await running.ended();
  const before = status();
  const since = '2026-01-01T00:00:00.000Z';
  const older = JSON.stringify(before).replace(/("type":"Ready"[^}]*"last_transition":")[^"]*/g, `$1${since}`);
  writeFileSync(running.paths.status, older);
  await running.start();
  await running.looked();
  running.ask();
  await running.ended();
  expect(status().controller.started_at).not.toBe(before.controller.started_at);
  const all = [...status().conditions, ...(status().agents['sage']?.conditions ?? [])];
  expect(all.filter(({ type }) => type === 'Ready').map((c) => c.last_transition)).toEqual([since, since]);
});

test('a branch that no file tells of is asked for with each look at everything', async () => {
  const git = (...args: readonly string[]): void => {
    const options = { cwd: running.bench.directory, stdio: 'ignore' } as const;
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], options);
  };
  const roster = (...agents: readonly string[]): string =>
    `version: 1\nfleet: lab\nsupervisor: none\nagents: [${agents.map((name) => `{ name: ${name}, runtime: pi }`).join(', ')}]\n`;
  const commit = (text: string): void => {
    running.bench.file('r.yaml', text);
    git('add', 'r.yaml');
    git('commit', '-qm', 'x');
  };
  git('init', '-q');
  commit(roster('sage'));
  git('checkout', '-q', '--detach');
  await running.start('--git', 'HEAD');
  await running.looked();
  commit(roster('sage', 'scout'));
  const paused = await running.bench.run('pause', 'sage', '--reason', 'x', '-f', running.roster);
  expect(paused).toMatchObject({ code: 0, stderr: '' });
  await until('the new one is in force', () => 'scout' in status().agents);
});
