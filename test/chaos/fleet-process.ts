/**
 * The command line as a process that can be told to run one command after another: each line of its input is the argv of
 * one, each line of its output what came of it. Its environment says where it lives: FLEET_TEST_HOME, TMUX_TMPDIR.
 */
import { createInterface } from 'node:readline';
import { fleet } from '../../src/cli/fleet.ts';
import { runProgram } from '../../src/observe/run.ts';
import { openBench } from '../cli/harness.ts';

const bench = openBench({
  env: process.env,
  user: { name: 'tester', uid: process.getuid?.() ?? 0, home: process.env['FLEET_TEST_HOME'] ?? '' },
  now: Date.now,
  delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  run: runProgram,
});

async function main(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const argv: readonly string[] = JSON.parse(line);
    const { context, ran } = bench.context();
    process.stdout.write(`${JSON.stringify(ran(await fleet(argv, context)))}\n`);
  }
  bench.remove();
}

void main();
