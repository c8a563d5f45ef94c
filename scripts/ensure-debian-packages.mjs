// Installs the Debian packages that the tests need, where this is root on a machine with apt-get. Elsewhere it says what is missing.
import { spawnSync } from 'node:child_process';
import { step } from './steps.mjs';

/** docs/testing.md says what each is for. */
const PACKAGES = [
  'tmux',
  'systemd-container',
  'dbus-user-session',
  'libpam-systemd',
  'polkitd',
  'python3',
  'procps',
  'util-linux',
  'bsdutils',
];

export async function ensureDebianPackages() {
  if (process.platform !== 'linux' || spawnSync('dpkg-query', ['--version']).error) return;
  const missing = PACKAGES.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (process.getuid() !== 0 || spawnSync('apt-get', ['--version']).error) {
    console.log(`not installed: ${missing.join(' ')}. As root: apt-get install ${missing.join(' ')}`);
    return;
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await step('apt-get update', ['apt-get', 'update', '-q'], { env, deadlineMs: 300_000 });
  await step('apt-get install', ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...missing], {
    env,
    deadlineMs: 600_000,
  });
}

function isInstalled(name) {
  const seen = spawnSync('dpkg-query', ['-s', name], { encoding: 'utf8' });
  return seen.status === 0 && /^Status: .* installed$/m.test(seen.stdout);
}
