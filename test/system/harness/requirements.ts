/** What a booted host needs of this machine. docs/testing.md names the Debian packages. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program or file, and the Debian package that has it. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ['systemd-nspawn', 'systemd-container'],
  ['tmux', 'tmux'],
  ['nsenter', 'util-linux'],
  ['unshare', 'util-linux'],
  ['setpriv', 'util-linux'],
  ['runuser', 'util-linux'],
  ['script', 'bsdutils'],
  ['mount', 'mount'],
  ['useradd', 'passwd'],
];
/** Any one of the paths will do: they differ by release. */
const FILES: readonly (readonly [readonly string[], string])[] = [
  [['/usr/bin/python3'], 'python3'],
  [['/usr/lib/systemd/user/dbus.socket'], 'dbus-user-session'],
  [['/usr/lib/polkit-1/polkitd', '/usr/libexec/polkitd', '/usr/lib/policykit-1/polkitd'], 'polkitd'],
  [['/usr/share/pam-configs/systemd', '/usr/lib64/security/pam_systemd.so'], 'libpam-systemd'],
];

const SEARCH = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

export function hasProgram(name: string): boolean {
  return SEARCH.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return directory !== '';
    } catch {
      return false;
    }
  });
}

/** True where a run in which no host was booted is a failure: root, on a machine that has systemd-nspawn. */
export function hostsAreExpected(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0 && hasProgram('systemd-nspawn');
}

/** Why no host can be booted here, in words for people; null where one can. */
export function whyNoHosts(): string | null {
  if (process.platform !== 'linux') return `real hosts need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'real hosts are booted by root only (sudo npm run verify)';
  const missing = [
    ...PROGRAMS.filter(([name]) => !hasProgram(name)),
    ...FILES.filter(([paths]) => !paths.some((path) => existsSync(path))),
  ].map(([names, debianPackage]) => `${[names].flat()[0]} (Debian package ${debianPackage})`);
  if (missing.length > 0) return `missing here: ${missing.join(', ')}`;
  if (statSync('/usr').dev !== statSync('/').dev) return '/usr is a file system of its own, an overlay of / lacks it';
  return null;
}
