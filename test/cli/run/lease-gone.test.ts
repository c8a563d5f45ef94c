/** The controller's own lease is taken away from it: `fleet run` in this process, with a file PAUSED and no tmux. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fleet } from '../../../src/cli/fleet.ts';
import { runProgram } from '../../../src/observe/run.ts';
import { thisMachine } from '../../../src/reconcile/lease/machine.ts';
import { takeLease } from '../../../src/reconcile/lease/wait.ts';
import { statePaths } from '../../../src/reconcile/state/paths.ts';
import { until } from '../../observe/watch/world.ts';
import { type Bench, openBench, type Ran } from '../harness.ts';

const ROSTER = `version: 1
fleet: lab
supervisor: none
tmux: { socket_name: fleet-lease-gone }
agents:
  - { name: sage, runtime: pi }
`;

let bench: Bench;
let asked: AbortController;
let ended: Promise<Ran>;
beforeEach(async () => {
  asked = new AbortController();
  bench = openBench({
    run: runProgram,
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: Date.now,
    interrupted: () => asked.signal,
  });
  const root = join(bench.home, '.local/state/fleet');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  writeFileSync(join(root, 'PAUSED'), '');
  ended = startController();
  await until('its first status', () => existsSync(paths().status));
});
afterEach(async () => {
  asked.abort();
  await ended;
  bench.remove();
});

const paths = () => statePaths(bench.home, 'w-jarvis', 'lab');
const events = (): string => readFileSync(paths().events, 'utf8');

async function startController(): Promise<Ran> {
  const { context, ran } = bench.context();
  return ran(await fleet(['run', '-f', bench.file('r.yaml', ROSTER)], context));
}

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
    ['all of its state is removed', () => rmSync(join(bench.home, '.local/state/fleet/w-jarvis'), { recursive: true })],
  ])(
    '%s, with 1, and tells it where the journal is now',
    async (_what, meddle) => {
      meddle();
      const { code, stderr } = await ended;
      expect(code).toBe(1);
      expect(stderr).toContain(`${paths().controller}: the file was released, replaced or removed`);
      expect(stderr).toContain('systemctl --user start fleet.service');
      expect(events()).toContain('this controller ends');
    },
    30_000,
  );

  test('another one has its lease, with 6 and the name of that one, and writes down nothing more', async () => {
    const before = [paths().status, paths().counters].filter(existsSync);
    // Taken beside and put in its place: there is no instant in which nobody has it.
    const other = await takeIt(`${paths().controller}.new`);
    renameSync(`${paths().controller}.new`, paths().controller);
    for (const path of before) writeFileSync(path, 'of the other one');
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([6, expect.stringContaining(`fleet run of edith (pid ${process.pid}`)]);
    expect(before.map((path) => readFileSync(path, 'utf8'))).toEqual(before.map(() => 'of the other one'));
    // What it let go of is not what the other one holds.
    expect(readFileSync(paths().controller, 'utf8')).toContain('"released_uptime":null');
    other.release();
  }, 30_000);
});

test('asked to end it ends with 0, and the next one has the lease at once', async () => {
  asked.abort();
  expect((await ended).code).toBe(0);
  (await takeIt()).release();
});
