/**
 * Who takes, or takes away, the lease next: a symbolic link `lease.claim-N`, made in one step with its maker as target.
 * Of all who want to follow the same record only one makes the link, so that neither two takers on a file system
 * without locks nor a taker and `fleet lock release` can both succeed. Whoever has made it reads the record once more:
 * one that moved on means that the claim came too late. A claim whose maker died is never removed by those who wait for
 * it (two of them could remove two claims, one of them alive): it is passed over, N + 1 is claimed, and the winner clears up.
 */
import { readdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ok, type Result } from '../../spec/result.ts';
import { errnoOf } from '../files/failures.ts';
import type { Failure } from '../outcome.ts';
import { attempt } from './file.ts';
import type { HolderSeen } from './judge.ts';

export interface Claimant {
  readonly bootId: string;
  readonly pid: number;
  readonly startTime: number;
}

/** More dead claims in a row than this are not passed over. */
const MOST_PASSED_OVER = 1_000;

/** The number claimed, `first` or above; null where somebody alive claims it just now. */
export function claim(
  path: string,
  first: number,
  by: Claimant,
  holder: (pid: number) => HolderSeen,
): Result<number | null, Failure> {
  return attempt(path, 'claiming', () => {
    for (let number = first; number < first + MOST_PASSED_OVER; number++) {
      if (makeLink(claimPath(path, number), by)) return number;
      if (claimantLives(claimPath(path, number), by.bootId, holder)) return null;
    }
    return null;
  });
}

/** After the record says that `number` was taken: claims up to it can win nothing any more. */
export function clearClaims(path: string, number: number): void {
  const prefix = `${basename(path)}.claim-`;
  // What cannot be removed now is by the next taker.
  attempt(path, 'clearing claims beside', () => {
    for (const name of readdirSync(dirname(path))) {
      if (!name.startsWith(prefix)) continue;
      const other = Number(name.slice(prefix.length));
      if (Number.isSafeInteger(other) && other <= number) removeQuietly(join(dirname(path), name));
    }
  });
}

export function withdraw(path: string, number: number): void {
  removeQuietly(claimPath(path, number));
}

const claimPath = (path: string, number: number): string => `${path}.claim-${number}`;

function makeLink(path: string, by: Claimant): boolean {
  try {
    symlinkSync(`${by.bootId}:${by.pid}:${by.startTime}`, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A claim that was withdrawn meanwhile counts as alive: whoever asks, asks again. */
function claimantLives(path: string, bootId: string, holder: (pid: number) => HolderSeen): boolean {
  let target: string;
  try {
    target = readlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    if (errnoOf(error) === 'EINVAL') return false;
    throw error;
  }
  const [boot, pid, startTime] = target.split(':');
  if (boot !== bootId) return false;
  const seen = holder(Number(pid));
  return seen.state === 'unknown' || (seen.state === 'running' && String(seen.startTime) === startTime);
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
  }
}

export function claimantOf(bootId: string, pid: number, seen: HolderSeen): Result<Claimant, string> {
  if (seen.state === 'running') return ok({ bootId, pid, startTime: seen.startTime });
  return { ok: false, error: seen.state === 'unknown' ? seen.why : `/proc has no process ${pid}, which is this one` };
}
