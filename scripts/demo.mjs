/** `npm run demo`: installs what the build needs, builds, and runs `fleet demo`. The one command for a fresh clone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './ensure-dependencies.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Signals are passed on to the step under way, which then cleans up by itself, and end this script after it. */
let signalled = null;
let running = null;
const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
for (const signal of Object.keys(CODES)) {
  process.on(signal, () => {
    // A terminal sends SIGINT to both already, and a second hangup is none.
    if (signal !== 'SIGINT') running?.kill(signal);
    signalled = signal;
  });
}

async function step(program, args) {
  running = spawn(program, args, { cwd: root, stdio: 'inherit' });
  const [code] = await once(running, 'exit');
  if (signalled !== null) process.exit(CODES[signalled]);
  if (code !== 0) process.exit(code ?? 1);
}

process.chdir(root);
await ensureDependencies();
await step(process.execPath, [join(root, 'scripts/build.mjs')]);
await step(process.execPath, [join(root, 'dist/fleet.cjs'), 'demo']);
