/** The lease at the command line. Nothing can be run here, so that the record alone counts; and with the real flock(1). */
import { mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fleet } from '../../src/cli/fleet.ts';
import { runProgram } from '../../src/observe/run.ts';
import { leasePath } from '../../src/reconcile/lease/file.ts';
import type { Lease } from '../../src/reconcile/lease/hold.ts';
import { thisMachine } from '../../src/reconcile/lease/machine.ts';
import { takeLease } from '../../src/reconcile/lease/wait.ts';
import { type Bench, noPrograms, openBench } from './harness.ts';

const NONE = 'version: 1\nsupervisor: none\ntmux: { socket_name: nobody }\nagents: [{ name: a, runtime: pi }]\n';
const NAMED = NONE.replace('supervisor', 'hosts: { W-JARVIS: {} }\nsupervisor');
const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const flockAlone: typeof runProgram = (program, args, options) =>
  (program === 'flock' ? runProgram : noPrograms)(program, args, options);

let bench: Bench;
let path: string;
beforeEach(() => {
  bench = openBench({ delay });
  path = leasePath(bench.home, 'w-jarvis');
});
afterEach(() => bench.remove());

async function holdAs(what: string): Promise<Lease> {
  const ports = { run: noPrograms, machine: thisMachine(), now: () => Date.parse('2026-06-01T11:59:00Z'), delay };
  const taken = await takeLease({ path, who: 'ada', what, host: 'w-jarvis', timeoutMs: 0 }, ports);
  if (!taken.ok) throw new Error(JSON.stringify(taken.error));
  return taken.value.lease;
}

async function releaseWhenWanted(lease: Lease): Promise<void> {
  await expect.poll(() => lease.wanted(), { timeout: 20_000 }).toBe(true);
  lease.release();
}

describe('apply while another holds the lease', () => {
  test('is held off also where its roster calls this machine by its long name', async () => {
    await holdAs('adopt');
    const roster = NONE.replace('supervisor', 'hosts: { w-jarvis.example.net: {} }\nsupervisor');
    const { context, ran } = bench.context({ hostname: 'w-jarvis.example.net' });
    const code = await fleet(['apply', '-y', '-f', bench.file('long.yaml', roster)], context);
    expect(ran(code).code).toBe(6);
  });

  test('ends with 6, says who it is since when, and which commands help', async () => {
    const { id } = await holdAs('adopt');
    const { code, stdout, stderr } = await bench.run('apply', '-y', '-f', bench.file('r.yaml', NONE));
    expect([code, stdout]).toEqual([6, '']);
    expect(stderr.replaceAll(String(process.pid), 'PID').replaceAll(id, 'ID')).toMatchInlineSnapshot(`
      "fleet: nothing was changed: fleet adopt of ada (pid PID, since 2026-06-01T11:59:00.000Z) holds the lease of w-jarvis/jarvis
        wait for it: fleet apply --lock-timeout 1m
        look at it: fleet lock status
        take it away, so that it begins nothing more: fleet lock release ID
      "
    `);
  });

  test('with --json the last line is a summary with the holder', async () => {
    const { id } = await holdAs('adopt');
    const { code, stdout } = await bench.run('apply', '-y', '--json', '-f', bench.file('r.yaml', NONE));
    const lines = stdout.trimEnd().split('\n');
    expect([code, lines.length]).toEqual([6, 1]);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      kind: 'fleet.apply',
      event: 'summary',
      applied: 0,
      exit_code: 6,
      error: { holder: { id, who: 'ada', what: 'adopt', pid: process.pid, since: '2026-06-01T11:59:00.000Z' } },
    });
  });

  test('the same lease is meant by any spelling of the host', async () => {
    await holdAs('adopt');
    expect((await bench.run('apply', '-y', '-f', bench.file('r.yaml', NAMED))).code).toBe(6);
  });

  test('waits as long as --lock-timeout says, telling for whom, and goes on once it is free', async () => {
    const lease = await holdAs('adopt');
    void releaseWhenWanted(lease);
    const argv = ['apply', '-y', '--lock-timeout', '30s', '-f', bench.file('r.yaml', NONE)];
    const { code, stderr } = await bench.run(...argv);
    expect(code).toBe(3);
    expect(stderr).toContain('fleet: waiting up to 30s for fleet adopt of ada');
  });

  test('the controller is waited for without a flag', async () => {
    const lease = await holdAs('run');
    void releaseWhenWanted(lease);
    const { code, stderr } = await bench.run('apply', '-y', '-f', bench.file('r.yaml', NONE));
    expect([code, stderr.includes('waiting up to 1m for fleet run of ada')]).toEqual([3, true]);
  });

  test.each(['0', '0s'])('--lock-timeout %s waits for nobody, not for the controller either', async (given) => {
    await holdAs('run');
    const argv = ['apply', '-y', '--lock-timeout', given, '-f', bench.file('r.yaml', NONE)];
    const { code, stderr } = await bench.run(...argv);
    expect([code, stderr.includes('waiting')]).toEqual([6, false]);
  });

  test('gives up when the time is over', async () => {
    await holdAs('adopt');
    const { code, stderr } = await bench.run('apply', '-y', '--lock-timeout', '1s', '-f', bench.file('r.yaml', NONE));
    expect(code).toBe(6);
    expect(stderr).toContain('did not let go within 1 s');
  });

  test.each(['plan', 'observe', 'ps'])('%s takes no lease and waits for none', async (command) => {
    await holdAs('adopt');
    expect((await bench.run(command, '-f', bench.file('r.yaml', NONE))).code).toBe(3);
  });
});

test.each(['10', 'soon', '-1s'])('--lock-timeout %s is refused (64) before anything is looked at', async (given) => {
  const { code, stderr } = await bench.run('apply', '-y', `--lock-timeout=${given}`, '-f', bench.file('r.yaml', NONE));
  expect([code, stderr]).toEqual([
    64,
    `fleet: --lock-timeout ${given} is no duration\n  write a number and a unit: --lock-timeout 90s\n`,
  ]);
});

test('a lease that cannot be had for another reason than a holder is an error (1) with what to do', async () => {
  mkdirSync(path, { recursive: true });
  const { code, stderr } = await bench.run('apply', '-y', '-f', bench.file('r.yaml', NONE));
  expect(code).toBe(1);
  expect(stderr).toContain(`no lease, so nothing was changed: Not a regular file: ${path}`);
  expect(stderr).toContain(`mv ${path} ${path}.old`);
});

test.each([
  ['with the kernel’s lock', flockAlone],
  ['with a record alone', noPrograms],
])('an apply lets go at its end, also when it is refused later on, %s', async (_, run) => {
  const file = bench.file('r.yaml', NONE);
  for (const more of [[], ['--target', 'session/nobody-of-that-name']]) {
    const { context, ran } = bench.context({ run });
    const { code } = ran(await fleet(['apply', '-y', '-f', file, ...more], context));
    expect([3, 64]).toContain(code);
    expect((await bench.run('lock', 'status')).stdout).toContain('is free; last held by fleet apply of jarvis');
  }
  // What was written meanwhile is in the inventory of the fleet.
  expect(readdirSync(dirname(path))).toEqual(['fleet', 'lease']);
});

describe('fleet lock', () => {
  test('status tells a lease that was never taken, is held, died, and was let go', async () => {
    const status = async () => (await bench.run('lock', 'status')).stdout.replaceAll(String(process.pid), 'PID');
    expect(await status()).toBe('the lease of w-jarvis/jarvis is free\n');
    const lease = await holdAs('adopt');
    expect(await status()).toBe(
      'the lease of w-jarvis/jarvis is held by fleet adopt of ada (pid PID, since 2026-06-01T11:59:00.000Z)\n' +
        `to take it away, so that it begins nothing more: fleet lock release ${lease.id}\n`,
    );
    lease.release();
    expect(await status()).toContain('is free; last held by fleet adopt of ada');
    writeFileSync(path, 'torn');
    expect(await status()).toBe('the lease of w-jarvis/jarvis cannot be read: its record is cut off or none\n');
  });

  test('status reads nothing but the record, and leaves nothing behind', async () => {
    expect((await bench.run('lock', 'status')).code).toBe(0);
    expect(readdirSync(bench.directory)).toEqual([]);
  });

  test('status --json is one document', async () => {
    const { id } = await holdAs('adopt');
    const { code, stdout } = await bench.run('lock', 'status', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      format_version: '1.0',
      kind: 'fleet.lock',
      host: 'w-jarvis',
      tenant: 'jarvis',
      path,
      state: 'held',
      holder: { id, who: 'ada', what: 'adopt', pid: process.pid, lock: 'record' },
      wanted: false,
    });
  });

  test('release ends the lease of that id: its holder may not act, and the next one gets it', async () => {
    const lease = await holdAs('adopt');
    const { code, stdout } = await bench.run('lock', 'release', lease.id);
    expect([code, stdout]).toEqual([0, expect.stringContaining('was taken away from fleet adopt of ada')]);
    expect(lease.mayAct()?.code).toBe('lease-lost');
    const next = await holdAs('apply');
    lease.release();
    expect([next.mayAct(), next.fence > lease.fence]).toEqual([null, true]);
    expect(readdirSync(dirname(path))).toEqual(['lease']);
  });

  test('release of another id is refused and names the right one', async () => {
    const lease = await holdAs('adopt');
    const { code, stderr } = await bench.run('lock', 'release', 'deadbeef');
    expect([code, stderr]).toEqual([1, expect.stringContaining(`fleet lock release ${lease.id}`)]);
    expect(lease.mayAct()).toBeNull();
  });

  test('release of a lease that was let go says so, and of none too', async () => {
    expect((await bench.run('lock', 'release', 'deadbeef')).stdout).toContain('was free already');
    const lease = await holdAs('adopt');
    lease.release();
    const { code, stdout } = await bench.run('lock', 'release', lease.id, '--json');
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ was: 'free' })]);
    unlinkSync(path);
  });

  test.each([
    [[], 64],
    [['sta'], 64],
    [['release'], 64],
    [['status', 'x'], 64],
  ])('%j is usage (%i)', async (words, expected) => {
    expect((await bench.run('lock', ...words)).code).toBe(expected);
  });
});
