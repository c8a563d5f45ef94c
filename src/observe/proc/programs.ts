/**
 * Programs behind which something runs that this process table does not show: another terminal, another machine,
 * another namespace or another user. By the executable's base name.
 */
const OPAQUE: ReadonlySet<string> = new Set([
  // terminals of their own
  'tmux',
  'screen',
  'zellij',
  'dtach',
  'abduco',
  'dvtm',
  'byobu',
  // other machines
  'ssh',
  'autossh',
  'mosh-client',
  'et',
  'telnet',
  'rlogin',
  'tsh',
  'gcloud',
  // containers and namespaces
  'docker',
  'podman',
  'nerdctl',
  'kubectl',
  'oc',
  'lxc',
  'lxc-attach',
  'incus',
  'distrobox',
  'toolbox',
  'nsenter',
  'machinectl',
  'systemd-nspawn',
  'systemd-run',
  'run0',
  'vagrant',
  'virsh',
  // other users, mostly on a terminal of their own
  'sudo',
  'su',
  'runuser',
  'doas',
  'pkexec',
]);

export function isOpaque(executable: string): boolean {
  return OPAQUE.has(executable);
}

/** util-linux `script` copies a terminal to a file: what it started is looked for on the terminal that it made. */
export function makesOwnTerminal(executable: string): boolean {
  return executable === 'script';
}
