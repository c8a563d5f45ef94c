/** `fleet install` before systemd: what could not run is not written. Needs git. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fleet } from '../../src/cli/fleet.ts';
import type { RunProgram } from '../../src/observe/run.ts';
import { runProgram } from '../../src/observe/run.ts';
import { type Bench, openBench } from './harness.ts';

let bench: Bench;
let startFails = false;

/** systemctl answers as a manager does that refuses to start anything, where that is wanted. */
const run: RunProgram = (program, args, options) => {
  if (program === 'git') return runProgram(program, args, options);
  const fails = startFails && args.includes('start');
  const stdout = args.includes('Version') ? '252\n' : '';
  const stderr = fails ? 'Job for fleet.service failed.\n' : '';
  return Promise.resolve({ kind: 'exited', code: fails ? 1 : 0, signal: null, stdout, stderr, truncated: false });
};

beforeEach(() => {
  startFails = false;
  bench = openBench({ run });
  bench.file('fleet.yaml', 'version: 1\nagents:\n  - { name: coder, runtime: pi }\n');
});
afterEach(() => bench.remove());

const unit = (): boolean => existsSync(join(bench.home, '.config/systemd/user/fleet.service'));

test.each([
  [['--metrics', '0.0.0.0:99'], /^fleet: --metrics 0\.0\.0\.0:99 is neither unix:PATH nor a port of the loopback/],
  [['--metrics', 'foo'], /^fleet: --metrics foo is neither/],
  [['--git', '-x'], /--git/],
  [['--git', 'nosuch'], /^fleet: --git nosuch in .*\n {2}try it by hand: git rev-parse REF/],
])('%j: refused as run refuses it, before anything is written', async (flags, told) => {
  execFileSync('git', ['init', '-q', bench.directory]);
  const { code, stderr } = await bench.run('install', ...flags);
  expect([code, stderr]).toEqual([64, expect.stringMatching(told)]);
  expect(unit()).toBe(false);
});

test('a start that fails is 7, and what is written is said', async () => {
  startFails = true;
  const { context, ran } = bench.context();
  const { code, stdout, stderr } = ran(await fleet(['install'], context));
  expect([code, unit()]).toEqual([7, true]);
  expect(stdout).toContain(`wrote ${bench.home}/.config/systemd/user/fleet.service\n`);
  expect(stderr).toContain('systemctl --user start -- fleet.service');
});
