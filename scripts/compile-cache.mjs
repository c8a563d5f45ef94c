/**
 * compile-cache.mjs DIST writes DIST/fleet.bundle.cache: V8's code for what the usual commands run. The bundle is loaded just as the launcher
 * loads it and a few commands are run in it, none of which changes anything; functions that they never call are left
 * out and compiled when they are first needed.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';

const dist = process.argv[2];
// The name in stack traces becomes part of the cache: no path of the machine that builds.
const filename = 'fleet.bundle.cjs';
const script = new Script(readFileSync(join(dist, filename), 'latin1'), { filename });
const require = createRequire(import.meta.url);
const stage = mkdtempSync(join(tmpdir(), 'fleet-build-'));

const agents = ['claude', 'codex', 'pi']
  .map((runtime) => `  - { name: warm-${runtime}, runtime: ${runtime} }`)
  .join('\n');
for (const supervisor of ['systemd', 'none']) {
  const text = `version: 1\nfleet: build\nsupervisor: ${supervisor}\ntmux: { socket_name: fleet-build }\nagents:\n${agents}\n`;
  writeFileSync(join(stage, `${supervisor}.yaml`), text);
}

/**
 * Something listens where the roster's tmux server would, and a `tmux` that says nothing stands first on the PATH: so
 * the code that runs programs is compiled too, on a machine without tmux as well.
 */
async function listen() {
  const sockets = join(stage, `tmux-${process.getuid()}`);
  mkdirSync(sockets, { mode: 0o700 });
  const tmux = join(stage, 'tmux');
  writeFileSync(tmux, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  process.env.PATH = `${stage}:${process.env.PATH}`;
  const server = createServer();
  await new Promise((resolve) => server.listen(join(sockets, 'fleet-build'), resolve));
  return server;
}

const exit = process.exit;
/** Done, drift, incomplete, blocked: what a machine that builds may say. Anything else is a broken build. */
const EXPECTED = [0, 3, 4];

/** Ends when the command does: main's last act is process.exit. */
async function run(...argv) {
  const code = await new Promise((resolve) => {
    process.argv = [process.execPath, filename, ...argv];
    process.exit = resolve;
    script.runInThisContext()(require);
  });
  if (!EXPECTED.includes(code)) throw new Error(`fleet ${argv.join(' ')} ended with exit code ${code}`);
}

let server;
try {
  process.env.TMUX_TMPDIR = stage;
  server = await listen();
  await run('validate', '-f', join(stage, 'systemd.yaml'));
  await run('plan', '-f', join(stage, 'systemd.yaml'));
  await run('plan', '--json', '-f', join(stage, 'none.yaml'));
  await run('ps', '-f', join(stage, 'none.yaml'));
  writeFileSync(join(dist, 'fleet.bundle.cache'), script.createCachedData());
} catch (error) {
  process.exitCode = 1;
  console.error(error);
} finally {
  server?.close();
  rmSync(stage, { recursive: true, force: true });
}
exit();
