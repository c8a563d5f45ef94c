/** The lease is taken away in the middle of an apply: on a private tmux, two agents one after the other. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fleet } from '../../src/cli/fleet.ts';
import { runProgram } from '../../src/observe/run.ts';
import { leasePath } from '../../src/reconcile/lease/file.ts';
import { thisMachine } from '../../src/reconcile/lease/machine.ts';
import { leaseStatus, releaseLease } from '../../src/reconcile/lease/release.ts';
import { type Bench, openBench } from './harness.ts';

const ROSTER = `version: 1
supervisor: none
tmux: { socket_name: fleet-lease-lost }
defaults: { working_directory: / }
runtimes:
  waiter: { command: [sh, -c, 'while :; do sleep 1; done', waiter], match: { exe: sh }, beats: false }
agents:
  - { name: first, runtime: waiter }
  - { name: second, runtime: waiter, depends_on: [first] }
`;

let bench: Bench;
let env: Record<string, string>;
beforeEach(() => {
  bench = openBench({ delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)), now: Date.now });
  mkdirSync(join(bench.home, 't'), { mode: 0o700 });
  env = { TMUX_TMPDIR: join(bench.home, 't'), PATH: process.env['PATH'] ?? '' };
});
afterEach(() => {
  tmux('kill-server');
  bench.remove();
});

function tmux(...words: readonly string[]): string {
  try {
    const options = { env: { ...process.env, ...env }, stdio: 'pipe', encoding: 'utf8' } as const;
    return execFileSync('tmux', ['-L', 'fleet-lease-lost', ...words], options);
  } catch {
    return '';
  }
}

function takeItAway(): void {
  const path = leasePath(bench.home, 'w-jarvis');
  const seen = leaseStatus(path, thisMachine());
  if (seen.ok && seen.value.state === 'held') releaseLease(path, seen.value.by.id, thisMachine());
}

/** Applies; the lease is taken away when the terminal is asked, or before the program whose words hold `at` is run. */
async function applyUntil(at: string): Promise<{ code: number; summary: unknown; stderr: string; sessions: string }> {
  const { context, ran } = bench.context({
    env,
    stdin: {
      isTerminal: true,
      ask: () => {
        if (at === 'yes') takeItAway();
        return Promise.resolve('yes');
      },
    },
    run: (program, args, options) => {
      if (args.join(' ').includes(at)) takeItAway();
      return runProgram(program, args, { ...options, env: { ...options.env, ...env } });
    },
  });
  const code = await fleet(['apply', '--json', '-f', bench.file('r.yaml', ROSTER)], context);
  const { stdout, stderr } = ran(code);
  const summary: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  return { code, summary, stderr, sessions: tmux('list-sessions', '-F', '#{session_name}') };
}

test('after the first effect: it is finished, nothing more is done, and the apply ends with 7', async () => {
  const { code, summary, stderr, sessions } = await applyUntil('start first');
  expect([code, sessions]).toEqual([7, '_holder\nfirst\n']);
  expect(summary).toMatchObject({ event: 'summary', skipped: { 'not-attempted': 1 }, exit_code: 7 });
  expect(stderr).toContain('The lease was taken away');
  expect(stderr).toContain('fleet lock status');
});

test('while the terminal is asked: nothing is done, and the apply ends with 6', async () => {
  const { code, summary, sessions } = await applyUntil('yes');
  expect([code, sessions]).toEqual([6, '']);
  expect(summary).toMatchObject({ event: 'summary', applied: 0, exit_code: 6 });
});

test('the same apply again does the rest', async () => {
  await applyUntil('start first');
  const { code, sessions } = await applyUntil('never of these words');
  expect([code, sessions]).toEqual([0, '_holder\nfirst\nsecond\n']);
});
