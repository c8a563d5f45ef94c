/** Which names, in which directories, decide what a path leads to: every one of its components and of its links. */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** As Linux's own limit (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * `path` is absolute. Where a component is missing the chain ends with its name in the last directory that is there: by
 * that it is seen to appear.
 */
export function chainOf(path: string): ReadonlyMap<string, ReadonlySet<string>> {
  const chain = new Map<string, Set<string>>();
  const left = path.split('/');
  let at = '/';
  let links = 0;
  while (left.length > 0) {
    const name = left.shift();
    if (name === undefined || name === '' || name === '.') continue;
    // `at` holds no link, so its parent is where `..` leads.
    if (name === '..') {
      at = join(at, '..');
      continue;
    }
    chain.set(at, (chain.get(at) ?? new Set()).add(name));
    const next = readComponent(join(at, name));
    if (next.kind === 'missing') break;
    if (next.kind === 'other') {
      at = join(at, name);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) break;
    if (next.target.startsWith('/')) at = '/';
    left.unshift(...next.target.split('/'));
  }
  // The file itself is no directory to be watched; where it is one it holds nothing of interest.
  return chain;
}

type Component =
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'missing' };

function readComponent(path: string): Component {
  try {
    return { kind: 'link', target: readlinkSync(path) };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    // EINVAL is readlink's word for "there, and no link".
    return { kind: error.code === 'EINVAL' ? 'other' : 'missing' };
  }
}
