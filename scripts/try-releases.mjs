/**
 * `try-releases.mjs [VERSION...]` runs the tests of what lies below Node's modules (src/spec/node-own.ts), and dist/ as this
 * release built it (compiled code is for one build of Node alone), with other
 * releases of Node, by default with all that may use it and with the last of two later lines, which must do without. Each
 * comes from npm's registry, some 40 MB, and is removed again.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TESTS = ['observe/run', 'observe/unix-socket', 'observe/system-calls', 'spec/node-own'].map(
  (name) => `test/${name}.test.ts`,
);
const USUAL = [0, 1, 2, 3, 4, 5, 6]
  .map((patch) => `20.19.${patch}`)
  .concat('20.20.0', '20.20.1', '20.20.2', '22', '24');
const versions = process.argv.length > 2 ? process.argv.slice(2) : USUAL;

const directory = mkdtempSync(join(tmpdir(), 'fleet-releases-'));
try {
  for (const version of versions) {
    const at = join(directory, version);
    const package_ = `node-linux-${process.arch}@${version}`;
    execFileSync('npm', ['install', '--no-save', '--ignore-scripts', '--prefix', at, package_], { stdio: 'ignore' });
    const bin = join(at, `node_modules/node-linux-${process.arch}/bin`);
    const told = execFileSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' }).trim();
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', ...TESTS];
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    const { status, stdout } = spawnSync(join(bin, 'node'), vitest, { encoding: 'utf8', env });
    const counts = /Tests\D+.*\d+ passed.*/.exec(stdout)?.[0].replace(/\s+/g, ' ') ?? '';
    const built = ['--version', 'validate fleet.yaml', 'plan --json -f fleet.yaml'].map((words) => {
      const ran = spawnSync(join(bin, 'node'), ['dist/fleet.cjs', ...words.split(' ')], { encoding: 'utf8', env });
      return ran.signal === null && !ran.stderr.includes('bug in fleet') ? ran.status : `${ran.signal} ${ran.stderr}`;
    });
    const ok = status === 0 && built[0] === 0 && built[1] === 0 && [0, 3, 4].includes(built[2]);
    console.log(`${told.padEnd(9)} ${ok ? 'ok    ' : 'FAILED'} ${counts}, the built command: ${built.join(', ')}`);
    if (!ok) process.exitCode = 1;
    rmSync(at, { recursive: true });
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
