/** Whether any unit may need a daemon-reload, told from the disk so that the manager need not be asked unit by unit. */
import { readdirSync } from 'node:fs';
import { isDirectory, isLink, sys } from '../system-calls.ts';
import type { ClockReading } from './user-instance.ts';

/** The kernel stamps files with the time of its last tick: at most 10 ms behind the clock. */
const TICK_MS = 10;
/** More than this between what two clocks have counted is a clock that was set, or a machine that slept. */
const CLOCK_STEP_MS = 1000;

/**
 * False only where it is certain: none of `files` (paths of unit files, of drop-in directories and of the directories
 * that hold them) was touched since the manager began to load its units, and the clock was not set since. It is the
 * time of the last change of the inode that counts, which no program can set back.
 */
export function mayNeedReload(loadedAt: ClockReading | null, files: readonly string[]): boolean {
  if (loadedAt === null) return true;
  const passed = Date.now() - loadedAt.real_ms;
  const counted = Number(process.hrtime.bigint()) / 1e6 - loadedAt.monotonic_ms;
  if (Math.abs(passed - counted) > CLOCK_STEP_MS) return true;
  return files.some((path) => touchedSince(path, loadedAt.real_ms - TICK_MS));
}

function touchedSince(path: string, since: number): boolean {
  try {
    const link = sys.lstat(path);
    if (link === null) return false;
    if (link.ctimeMs >= since) return true;
    const target = isLink(link) ? sys.stat(path) : link;
    if (target === null) return true;
    if (target.ctimeMs >= since) return true;
    return (
      path.endsWith('.d') &&
      isDirectory(target) &&
      readdirSync(path).some((name) => touchedSince(`${path}/${name}`, since))
    );
  } catch {
    return true;
  }
}
