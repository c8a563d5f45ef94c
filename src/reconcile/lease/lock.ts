/**
 * The kernel's lock, by flock(1): Node has no flock(2). The program gets our descriptor, locks the open file description
 * that both share, and ends; the lock stays with our descriptor until we close it or die, by whatever signal.
 * Source: flock(2), "associated with an open file description"; exit statuses: flock(1) of util-linux.
 */
import type { RunProgram } from '../../observe/run.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { type Failure, failure } from '../outcome.ts';

export type LockAnswer = 'locked' | 'taken' | 'no-locks';

/** Milliseconds above the time that it is to wait. */
const DEADLINE_MS = 10_000;

/** `waitMs` 0 asks once. `no-locks`: this file system has none, or flock(1) is not installed. */
export async function lockFile(run: RunProgram, fd: number, waitMs: number): Promise<Result<LockAnswer, Failure>> {
  const patience = waitMs === 0 ? ['-n'] : ['-w', (waitMs / 1000).toFixed(3)];
  const args = [...patience, '-x', '3'];
  const ran = await run('flock', args, { deadlineMs: waitMs + DEADLINE_MS, descriptor3: fd });
  if (ran.kind === 'failed') return ran.why === 'not-installed' ? ok('no-locks') : err(notAsked(ran.detail));
  if (ran.code === 0) return ok('locked');
  if (ran.code === 1) return ok('taken');
  // sysexits: flock(2) itself failed, which it does where locks are not supported. A signal tells nothing.
  if (ran.code !== null && ran.code >= 64) return ok('no-locks');
  return err(notAsked(`flock ${args.join(' ')} ended by ${ran.signal ?? `exit ${ran.code}`}: ${ran.stderr.trim()}`));
}

function notAsked(detail: string): Failure {
  const remedy = 'run it again; if it stays so, look at: flock -n /tmp true; echo $?';
  return failure('lock-unknown', 'The kernel could not be asked for the lock', detail, remedy);
}
