import { readFileSync } from 'node:fs';
import { errnoOf } from './files/failures.ts';
import type { ProcessControl } from './ports.ts';

/** The real process table. `root` is for tests. */
export function processControl(root = '/proc'): ProcessControl {
  return {
    startTime: (pid) => readStartTime(`${root}/${pid}/stat`),
    signal: (pid, name, { group }) => {
      // 0, 1 and -1 would mean our own group, init, everybody.
      if (!Number.isSafeInteger(pid) || pid <= 1) return false;
      try {
        return process.kill(group ? -pid : pid, name);
      } catch (error) {
        if (errnoOf(error) === null) throw error;
        return false;
      }
    },
  };
}

function readStartTime(path: string): number | null {
  let stat: string;
  try {
    stat = readFileSync(path, 'latin1');
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
  // After the last `)`: the command's name may itself hold `) R 1 (`.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  const startTime = Number(fields[19]);
  return Number.isSafeInteger(startTime) && startTime > 0 ? startTime : null;
}
