/**
 * `compile-cache.mjs DIST` writes DIST/fleet.bundle.cache: V8's code for what the usual commands run. The bundle is
 * loaded just as the launcher loads it and a few commands that change nothing are run in it; functions that they never
 * call are left out and compiled when they are first needed. What they look at is a stage of its own: a home, a tmux
 * socket, and, where the machine has tmux, a small fleet on it that another process applies first.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** Done, drift, incomplete, blocked: what a machine that builds may say. Anything else is a broken build. */
const EXPECTED = [0, 3, 4];
// The name in stack traces becomes part of the cache: no path of the machine that builds.
const FILENAME = 'fleet.bundle.cjs';
const [dist, given, ...applied] = process.argv.slice(2);
const stage = given ?? realpathSync(mkdtempSync(join(tmpdir(), 'fleet-build-')));
const exit = process.exit;
process.env.TMUX_TMPDIR = stage;

const script = new Script(readFileSync(join(dist, FILENAME), 'latin1'), { filename: FILENAME });
const realRequire = createRequire(import.meta.url);
/** The user's home is the stage's: nothing of the real one is read or written. */
const stagedRequire = (name) => {
  const real = realRequire(name);
  return name === 'node:os' ? { ...real, userInfo: () => ({ ...userInfo(), homedir: join(stage, 'home') }) } : real;
};

/** Ends when the command does: main's last act is process.exit. */
async function run(...argv) {
  const code = await new Promise((resolve) => {
    process.argv = [process.execPath, FILENAME, ...argv];
    process.exit = resolve;
    script.runInThisContext()(stagedRequire);
  });
  if (!EXPECTED.includes(code)) throw new Error(`fleet ${argv.join(' ')} ended with exit code ${code}`);
}

function writeRosters() {
  mkdirSync(join(stage, 'home'));
  for (const supervisor of ['systemd', 'none']) {
    const agents = ['one', 'two', 'three'].map((name) => `  - { name: ${name}, runtime: stub }`);
    const lines = [
      'version: 1',
      'fleet: build',
      `supervisor: ${supervisor}`,
      'tmux: { socket_name: fleet-build }',
      'runtimes: { stub: { command: [sleep, "600"], match: { exe: sleep }, beats: false } }',
      'agents:',
      ...agents,
    ];
    writeFileSync(join(stage, `${supervisor}.yaml`), `${lines.join('\n')}\n`);
  }
}

/** In another process, so that what only apply needs does not get into the cache. */
function applyOnStage() {
  const self = fileURLToPath(import.meta.url);
  const argv = [self, dist, stage, 'apply', '-y', '--json', '-f', join(stage, 'none.yaml')];
  const { status } = spawnSync(process.execPath, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`fleet apply on the stage ended with exit code ${status}`);
}

async function warmUp() {
  writeRosters();
  const hasTmux = spawnSync('tmux', ['-V'], { stdio: 'ignore' }).status === 0;
  try {
    if (hasTmux) applyOnStage();
    await run('validate', '-f', join(stage, 'systemd.yaml'));
    await run('plan', '-f', join(stage, 'systemd.yaml'));
    await run('plan', '--json', '-f', join(stage, 'none.yaml'));
    await run('ps', '-f', join(stage, 'none.yaml'));
    writeFileSync(join(dist, 'fleet.bundle.cache'), script.createCachedData());
  } finally {
    if (hasTmux) spawnSync('tmux', ['-L', 'fleet-build', 'kill-server'], { stdio: 'ignore' });
    rmSync(stage, { recursive: true, force: true });
  }
}

try {
  await (given === undefined ? warmUp() : run(...applied));
} catch (error) {
  process.exitCode = 1;
  console.error(error);
}
exit();
