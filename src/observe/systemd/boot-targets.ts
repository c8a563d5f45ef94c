/** Which targets come up when the user manager starts: `default.target` and the targets that it pulls in, at any depth. */
import type { LoadedTargets } from './user-instance.ts';

export function bootTargets(loaded: LoadedTargets): readonly string[] {
  const reached = new Set(['default.target', loaded.start]);
  for (const target of reached) {
    for (const pulled of loaded.pulls.get(target) ?? []) if (pulled.endsWith('.target')) reached.add(pulled);
  }
  return [...reached].toSorted();
}
