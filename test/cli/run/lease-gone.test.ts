/** The controller's own lease is taken away from it. */
import { existsSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/observe/run.ts';
import { thisMachine } from '../../../src/reconcile/lease/machine.ts';
import { takeLease } from '../../../src/reconcile/lease/wait.ts';
import { openRunning, type Running } from './running.ts';

let running: Running;
beforeEach(async () => {
  running = openRunning();
  await running.start();
});
afterEach(() => running.remove());

const paths = () => running.paths;

async function takeIt(path = paths().controller): Promise<{ readonly release: () => void }> {
  const request = { path, who: 'edith', what: 'run', host: 'w-jarvis', timeoutMs: 0 };
  const ports = { run: runProgram, machine: thisMachine(), now: Date.now, delay: async () => {} };
  const taken = await takeLease(request, ports);
  if (!taken.ok) throw new Error(JSON.stringify(taken.error));
  return taken.value.lease;
}

describe('the controller ends when', () => {
  test.each([
    ['its lease is removed', () => unlinkSync(paths().controller)],
    ['its directory is moved away', () => renameSync(paths().directory, `${paths().directory}.old`)],
    [
      'all of its state is removed',
      () => rmSync(join(running.bench.home, '.local/state/fleet/w-jarvis'), { recursive: true }),
    ],
  ])(
    '%s, with 1, and tells it where the journal is now',
    async (_what, meddle) => {
      meddle();
      const { code, stderr } = await running.ended();
      expect(code).toBe(1);
      expect(stderr).toContain(`${paths().controller}: the file was released, replaced or removed`);
      expect(stderr).toContain('systemctl --user start fleet.service');
      expect(running.events()).toContain('this controller ends');
    },
    30_000,
  );

  test('another one has its lease, with 6 and the name of that one, and writes down nothing more', async () => {
    const before = [paths().status, paths().counters].filter(existsSync);
    // Taken beside and put in its place: there is no instant in which nobody has it.
    const other = await takeIt(`${paths().controller}.new`);
    renameSync(`${paths().controller}.new`, paths().controller);
    for (const path of before) writeFileSync(path, 'of the other one');
    const { code, stderr } = await running.ended();
    expect([code, stderr]).toEqual([6, expect.stringContaining(`fleet run of edith (pid ${process.pid}`)]);
    expect(before.map((path) => readFileSync(path, 'utf8'))).toEqual(before.map(() => 'of the other one'));
    // What it let go of is not what the other one holds.
    expect(readFileSync(paths().controller, 'utf8')).toContain('"released_uptime":null');
    other.release();
  }, 30_000);
});

test('asked to end it ends with 0, and the next one has the lease at once', async () => {
  running.ask();
  expect((await running.ended()).code).toBe(0);
  (await takeIt()).release();
});
