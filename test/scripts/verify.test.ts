/** `npm run verify` as root on a machine with systemd-nspawn: a run in which tests on hosts were skipped is a failure. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPTS = fileURLToPath(new URL('../../scripts', import.meta.url));

interface Machine {
  readonly uid: number;
  readonly nspawn: boolean;
  /** Of the tests in test/system, as vitest counts them; null where it wrote no counts. */
  readonly passed: number | null;
  readonly skipped: number;
}

/** The script as it is, in a directory of its own, where each program that it starts is a stub that is well. */
function verify({ uid, nspawn, passed, skipped }: Machine) {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-test-verify-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  cpSync(SCRIPTS, join(directory, 'scripts'), { recursive: true });
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  const program = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  for (const name of ['npm', 'node', ...(nspawn ? ['systemd-nspawn'] : [])]) program(name, '');
  program('dpkg-query', 'echo Status: install ok installed');
  const counts = JSON.stringify({
    numPassedTests: passed,
    numFailedTests: 0,
    numPendingTests: skipped,
    numTodoTests: 0,
  });
  const write = passed === null ? ':' : `printf '%s' '${counts}' >test-results/system.json`;
  program('npx', `case " $* " in *' --project system '*) ${write} ;; esac`);
  const who = join(directory, 'who.cjs');
  writeFileSync(who, `process.getuid = () => ${uid};`);
  const options = { env: { PATH: bin }, encoding: 'utf8' } as const;
  return spawnSync(process.execPath, ['--require', who, join(directory, 'scripts/verify.mjs')], options);
}

test.each<readonly [string, Machine, string]>([
  ['none ran', { uid: 0, nspawn: true, passed: 0, skipped: 30 }, '0 tests ran on hosts and 30 were skipped'],
  ['one was skipped', { uid: 0, nspawn: true, passed: 29, skipped: 1 }, '29 tests ran on hosts and 1 were skipped'],
  ['there are none', { uid: 0, nspawn: true, passed: 0, skipped: 0 }, '0 tests ran on hosts and 0 were skipped'],
  ['it is not told', { uid: 0, nspawn: true, passed: null, skipped: 0 }, '0 tests ran on hosts and 0 were skipped'],
])('fails as root with systemd-nspawn where %s', (_what, machine, told) => {
  const { status, stdout } = verify(machine);
  expect(status, stdout).toBe(1);
  expect(stdout).toContain(`FAILED  hosts were booted`);
  expect(stdout).toContain(`\nhosts were booted: root with systemd-nspawn, but ${told}\n`);
  expect(stdout).toContain('\nverify FAILED: ');
});

test.each<readonly [string, Machine]>([
  ['all ran', { uid: 0, nspawn: true, passed: 30, skipped: 0 }],
  ['there is no systemd-nspawn', { uid: 0, nspawn: false, passed: 0, skipped: 30 }],
  ['it is not root', { uid: 1000, nspawn: true, passed: 0, skipped: 30 }],
])('is green where %s', (_what, machine) => {
  const { status, stdout } = verify(machine);
  expect(status, stdout).toBe(0);
  expect(stdout).toContain('\nverify is green: ');
});
