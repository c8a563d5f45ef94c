/** Heartbeat files that were replaced, by the agent's name. Directories that are not there yet are looked for. */
import type { Clock } from './clock.ts';
import { watchDirectories } from './directories.ts';
import { chainOf } from './path-chain.ts';
import type { SourceListener, Watch } from './trigger.ts';

export interface HeartbeatWatch extends Watch {
  /** Absolute paths of the directories in which heartbeats are written. */
  readonly set: (directories: ReadonlySet<string>) => void;
}

const RETRY_MS = 10_000;

export function watchHeartbeats(listener: SourceListener, clock: Clock): HeartbeatWatch {
  let wanted: ReadonlySet<string> = new Set();
  let told: string | null | undefined;
  let retry: (() => void) | null = null;
  const watch = watchDirectories(
    (directory, name) => {
      if (!wanted.has(directory)) return follow(true);
      const agent = name === null ? null : agentOf(name);
      if (agent !== undefined) listener.onTrigger({ on: 'heartbeat', agent });
    },
    () => follow(false),
  );
  const follow = (appeared: boolean): void => {
    retry?.();
    retry = null;
    const names = new Map<string, ReadonlySet<string> | null>();
    for (const directory of wanted) {
      for (const [path, chained] of chainOf(directory)) {
        const before = names.get(path);
        if (before !== null) names.set(path, new Set([...(before ?? []), ...chained]));
      }
    }
    // Of the directory itself every name, of those above it only what leads to it.
    for (const directory of wanted) names.set(directory, null);
    const trouble = watch.set(names);
    tell(trouble);
    if (trouble !== null) retry = clock.after(RETRY_MS, () => follow(true));
    if (appeared) listener.onTrigger({ on: 'heartbeat', agent: null });
  };
  const tell = (detail: string | null): void => {
    if (detail === told) return;
    told = detail;
    listener.onState({ source: 'heartbeats', live: detail === null, detail });
  };
  return {
    set: (directories) => {
      if (directories.size === wanted.size && [...directories].every((d) => wanted.has(d)) && told === null) return;
      wanted = directories;
      follow(false);
    },
    close: () => {
      retry?.();
      wanted = new Set();
      watch.close();
    },
  };
}

/** `NAME.hb` and `NAME.hb.native`; undefined for any other file, the temporary ones beside them included. */
function agentOf(name: string): string | undefined {
  return /^([a-z0-9][a-z0-9_-]*)\.hb(?:\.native)?$/.exec(name)?.[1];
}
