import { lstatSync } from 'node:fs';
import { unknownError } from './read-file.ts';
import type { LingerObserved, Source } from './state.ts';

/** logind keeps lingering users as files. Measured on systemd 252; the directory appears with the first of them. */
export function observeLinger(user: string, directory = '/var/lib/systemd/linger'): Source<LingerObserved> {
  const path = `${directory}/${user}`;
  try {
    const enabled = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    return { status: 'known', value: { user, enabled } };
  } catch (error) {
    return unknownError(path, error);
  }
}
