/**
 * Replaces a leading `~/`, or a lone `~`, by the home directory (absolute, from the user database). Everything else is
 * returned as it is: `~user`, a tilde further on, and values that merely hold one are not paths of this home.
 */
export function expandHome(path: string, home: string): string {
  if (path === '~') return home;
  return path.startsWith('~/') ? `${home}/${path.slice(2)}` : path;
}
