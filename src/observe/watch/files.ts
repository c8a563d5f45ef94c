/**
 * Single files, however they are saved: written in place, renamed over, moved away and written anew, reached through links that
 * are swapped, deleted and brought back, its directories with it.
 */
import { statSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { watchDirectories } from './directories.ts';
import { chainOf } from './path-chain.ts';
import type { SourceListener, SourceName, Trigger, Watch } from './trigger.ts';

/** Where no events come: on file systems without them, and beyond the user's inotify watches. Milliseconds. */
const POLL_MS = 2_000;
/** Network file systems give watches that never fire, so that even a live one is checked now and then. */
const CHECK_MS = 15_000;

export interface WatchedFiles {
  readonly source: SourceName;
  /** Absolute. */
  readonly paths: readonly string[];
  /** What is told when any of them may have changed. */
  readonly trigger: Trigger;
}

export function watchFiles(what: WatchedFiles, listener: SourceListener, clock: Clock): Watch {
  const { source, paths, trigger } = what;
  let stamp = stampOf(paths);
  let trouble: string | null | undefined;
  let timer: (() => void) | null = null;
  const tell = (): void => listener.onTrigger(trigger);
  const directories = watchDirectories(
    () => changed(),
    () => follow(),
  );
  const follow = (): void => {
    const found = directories.set(chainsOf(paths));
    if (found === trouble) return;
    trouble = found;
    listener.onState({ source, live: found === null, detail: found });
    schedule();
  };
  const changed = (): void => {
    stamp = stampOf(paths);
    follow();
    tell();
  };
  const check = (): void => {
    if (stampOf(paths) !== stamp) changed();
    else follow();
    schedule();
  };
  const schedule = (): void => {
    timer?.();
    timer = clock.after(trouble === null ? CHECK_MS : POLL_MS, check);
  };
  follow();
  return {
    close: () => {
      timer?.();
      directories.close();
    },
  };
}

/** What changes with the content; '' for each file that is not there. */
function stampOf(paths: readonly string[]): string {
  return paths.map(stampOfOne).join(' ');
}

function stampOfOne(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return '';
  }
}

function chainsOf(paths: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, ReadonlySet<string>>();
  for (const path of paths) {
    for (const [directory, chained] of chainOf(path)) {
      names.set(directory, new Set([...(names.get(directory) ?? []), ...chained]));
    }
  }
  return names;
}
