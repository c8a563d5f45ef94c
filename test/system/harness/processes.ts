/** The process table of this machine, as the harness needs it. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessSeen {
  readonly pid: number;
  readonly parent: number;
  /** Its pid in every pid namespace that it is in, this machine's first. */
  readonly pids: readonly number[];
}

export function readProcesses(): readonly ProcessSeen[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        const status = readFileSync(`/proc/${entry}/status`, 'utf8');
        const pids = /^NSpid:\t(.*)$/m.exec(status)?.[1] ?? '';
        const parent = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]);
        return [{ pid: Number(entry), parent, pids: pids.split('\t').map(Number) }];
      } catch {
        return []; // ended while we looked
      }
    });
}

/** The nearest descendant that is pid 1 of a namespace, at this depth of namespaces; null where there is none yet. */
export function initBelow(ancestor: number, depth: number): number | null {
  const processes = readProcesses();
  const parents = new Map(processes.map(({ pid, parent }) => [pid, parent]));
  const isBelow = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined && at > 1; at = parents.get(at)) if (at === ancestor) return true;
    return false;
  };
  return processes.find(({ pid, pids }) => pids.length === depth && pids.at(-1) === 1 && isBelow(pid))?.pid ?? null;
}

/** How many pid namespaces deep this process is: 1 where there is only one. */
export function ownDepth(): number {
  return readProcesses().find(({ pid }) => pid === process.pid)?.pids.length ?? 1;
}

/** Start time in clock ticks (field 22 of /proc/PID/stat), null where there is no such process. */
export function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

/** False where it is gone already. */
export function killHard(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
