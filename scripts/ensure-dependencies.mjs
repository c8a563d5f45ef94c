// Installs the npm packages when node_modules is missing or is not what package-lock.json says.
import { readFileSync } from 'node:fs';
import { step } from './steps.mjs';

export async function ensureDependencies() {
  const stale = staleness();
  if (stale === null) return;
  console.log(`node_modules: ${stale}`);
  await step('npm ci', ['npm', 'ci', '--no-audit', '--no-fund'], { deadlineMs: 600_000 });
}

/** Why packages must be installed, null where all are there. npm keeps what it installed in a lock file of its own. */
function staleness() {
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
  if (installed === null) return 'not installed yet';
  for (const [path, { version, optional }] of Object.entries(wanted ?? {})) {
    if (path === '' || optional) continue;
    if (installed[path]?.version !== version) return `${path} is not at ${version}`;
  }
  return null;
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return null;
  }
}
