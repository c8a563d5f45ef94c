/** Real paths, and the name in the nearest package.json above a file: both asked often, so both remembered. */
import { realpathSync } from 'node:fs';
import { dirname, isAbsolute } from 'node:path';
import { readRegular } from './read-file.ts';

export interface PathLookup {
  /** Links resolved; null where there is no such file, or where it cannot be looked at. */
  real(path: string): string | null;
  /** `name` in the nearest package.json of an absolute real path, null = none. */
  package(realPath: string): string | null;
}

/** Bytes; more is no manifest. */
const MANIFEST_LIMIT = 1024 * 1024;

export function readPathLookup(): PathLookup {
  const reals = new Map<string, string | null>();
  const names = new Map<string, string | null>();

  const nameOfDirectory = (directory: string): string | null => {
    const known = names.get(directory);
    if (known !== undefined) return known;
    const parent = dirname(directory);
    const own = packageName(
      readRegular(directory === '/' ? '/package.json' : `${directory}/package.json`, MANIFEST_LIMIT),
    );
    const name = own ?? (parent === directory ? null : nameOfDirectory(parent));
    names.set(directory, name);
    return name;
  };

  return {
    real: (path) => {
      const known = reals.get(path);
      if (known !== undefined) return known;
      const real = realPath(path);
      reals.set(path, real);
      return real;
    },
    package: (path) => (isAbsolute(path) ? nameOfDirectory(dirname(path)) : null),
  };
}

/** Many packages keep a second package.json with only `type` in their output directory: one without a name is passed over. */
function packageName(text: string | null): string | null {
  if (text === null) return null;
  try {
    const manifest: unknown = JSON.parse(text);
    if (typeof manifest !== 'object' || manifest === null || !('name' in manifest)) return null;
    return typeof manifest.name === 'string' && manifest.name !== '' ? manifest.name : null;
  } catch {
    return null;
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync.native(path);
  } catch {
    return null;
  }
}
