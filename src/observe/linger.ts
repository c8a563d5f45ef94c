import { unknownError } from './read-file.ts';
import type { LingerObserved, Source } from './state.ts';
import { sys } from './system-calls.ts';

/** logind keeps lingering users as files. Measured on systemd 252; the directory appears with the first of them. */
export function observeLinger(user: string, directory = '/var/lib/systemd/linger'): Source<LingerObserved> {
  const path = `${directory}/${user}`;
  try {
    const enabled = sys.lstat(path) !== null;
    return { status: 'known', value: { user, enabled } };
  } catch (error) {
    return unknownError(path, error);
  }
}
