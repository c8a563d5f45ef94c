/** What the lease asks of the machine: clocks that never go backwards, and whose process a pid is. */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { randomHex } from '../../observe/nonce.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { errnoOf } from '../files/failures.ts';
import { type Failure, failure } from '../outcome.ts';
import type { HolderSeen } from './judge.ts';

export interface Machine {
  readonly pid: number;
  readonly bootId: () => Result<string, Failure>;
  /** Milliseconds since boot, time asleep included: neither the wall clock's steps nor a suspension deceive it. */
  readonly uptime: () => number;
  readonly holder: (pid: number) => HolderSeen;
  readonly newId: () => string;
}

/** The real one. `proc` is for tests. */
export function thisMachine(proc = '/proc'): Machine {
  return {
    pid: process.pid,
    bootId: () => readBootId(`${proc}/sys/kernel/random/boot_id`),
    uptime: () => Math.round(uptime() * 1000),
    holder: (pid) => readHolder(`${proc}/${pid}/stat`),
    newId: () => randomHex(4),
  };
}

function readBootId(path: string): Result<string, Failure> {
  const read = readText(path);
  if (read.ok) return ok(read.value.trim());
  return err(failure('no-boot-id', 'This boot cannot be told from others', `reading ${path}: ${read.error}`));
}

/** A zombie has let go of all its descriptors: gone. */
function readHolder(path: string): HolderSeen {
  const stat = readText(path);
  if (!stat.ok) {
    const gone = stat.error === 'ENOENT' || stat.error === 'ESRCH';
    return gone ? { state: 'gone' } : { state: 'unknown', why: `reading ${path}: ${stat.error}` };
  }
  // After the last `)`: the command's name may itself hold `) R 1 (`.
  const fields = stat.value.slice(stat.value.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return { state: 'gone' };
  const startTime = Number(fields[19]);
  if (!Number.isSafeInteger(startTime) || startTime <= 0) return { state: 'unknown', why: `${path} has no start time` };
  return { state: 'running', startTime };
}

function readText(path: string): Result<string, string> {
  try {
    return ok(readFileSync(path, 'latin1'));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === null) throw error;
    return err(errno);
  }
}
