/**
 * What stands before every effect: still allowed (the lease is ours, nothing is paused), and written down. An effect
 * reaches the world through these ports alone, so none can be made without it.
 */
import type { RunResult } from '../observe/run.ts';
import { err } from '../spec/result.ts';
import type { Failure } from './outcome.ts';
import type { ApplyPorts } from './ports.ts';

export interface Gate {
  readonly ports: ApplyPorts;
  /** Why it did not open; null where it did, or nobody came. */
  readonly closed: () => Failure | null;
  /** Somebody went through: from then on something may have been changed. */
  readonly opened: () => boolean;
}

/** `open` is asked once, by the first thing that would change the world; what is read passes. */
export function createGate(ports: ApplyPorts, open: () => Failure | null): Gate {
  let asked = false;
  let answer: Failure | null = null;
  const ask = (): Failure | null => {
    if (!asked) answer = open();
    asked = true;
    return answer;
  };
  const refusing =
    <A extends readonly unknown[], R>(act: (...args: A) => R, refuse: (why: Failure) => R) =>
    (...args: A): R => {
      const why = ask();
      return why === null ? act(...args) : refuse(why);
    };
  const { files, processes } = ports;
  const notRun = async (why: Failure): Promise<RunResult> => ({
    kind: 'failed',
    why: 'io',
    detail: `${why.summary}: ${why.detail}`,
  });
  return {
    closed: () => answer,
    opened: () => asked && answer === null,
    ports: {
      ...ports,
      run: refusing(ports.run, notRun),
      files: {
        read: (path) => files.read(path),
        write: refusing((path, content, mode) => files.write(path, content, mode), err),
        append: refusing((path, lines, sync) => files.append(path, lines, sync), err),
        remove: refusing((path) => files.remove(path), err),
        makeDirectory: refusing((path, mode) => files.makeDirectory(path, mode), err),
      },
      processes: {
        startTime: (pid) => processes.startTime(pid),
        signal: refusing(
          (pid, name, options) => processes.signal(pid, name, options),
          () => false,
        ),
      },
    },
  };
}
