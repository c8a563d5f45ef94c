/**
 * `systemctl --user`, run for one user wherever this process was started from, and what its failures mean. Its exit
 * codes say little (1 for nearly everything), so that its own words are read, in the C locale. Measured on systemd 252.
 */
import { err, ok, type Result } from '../../spec/result.ts';
import type { RunProgram } from '../run.ts';
import type { UnknownCode } from '../state.ts';

export interface SystemctlFailure {
  /**
   * `conflict`: its job met another one; `denied`: not this user's to do; `no-bus`: no manager to talk to;
   * `job-failed`: the unit's own commands failed or timed out; `no-such-unit`; `refused`: anything else that it said;
   * an UnknownCode where the program itself gave no answer.
   */
  readonly why: 'conflict' | 'job-failed' | 'no-such-unit' | 'refused' | UnknownCode;
  /** Goes away by itself: to be tried again within bounds. */
  readonly transient: boolean;
  /** What it printed, or why it could not be run. */
  readonly detail: string;
}

const TELLS: readonly (readonly [RegExp, SystemctlFailure['why']])[] = [
  [/Transaction .*is destructive|Job for .* cancell?ed|Job .*cancell?ed\.$/m, 'conflict'],
  [/Failed to connect to (user scope )?bus: Permission denied/i, 'denied'],
  [/Failed to connect to (user scope )?bus|\$DBUS_SESSION_BUS_ADDRESS/i, 'no-bus'],
  [/Access denied|Permission denied|Interactive authentication required|Operation not permitted/, 'denied'],
  [/Job for .* (failed|timed out)|A dependency job for .* failed|start request repeated too quickly/, 'job-failed'],
  [/Unit .* (not found|could not be found|does not exist|not loaded)|No such file or directory/, 'no-such-unit'],
  [/Connection timed out|Did not receive a reply/, 'timeout'],
];

/**
 * Standard output where it exited 0. The runtime directory is the user's own by number: over ssh and from cron there is
 * no variable, and `su` leaves root's.
 */
export async function systemctl(
  run: RunProgram,
  uid: number,
  args: readonly string[],
  deadlineMs: number,
): Promise<Result<string, SystemctlFailure>> {
  const ran = await run('systemctl', ['--user', '--no-ask-password', '--no-pager', ...args], {
    deadlineMs,
    env: systemctlEnvironment(`/run/user/${uid}`),
  });
  if (ran.kind === 'failed') return err({ why: ran.why, transient: false, detail: ran.detail });
  if (ran.code === 0) return ok(ran.stdout);
  return err(classifyFailure(ran.stderr.trim() || `systemctl ended with ${ran.signal ?? `exit ${ran.code}`}`));
}

/** The variable that could lead it to another bus leads to this one. */
export function systemctlEnvironment(runtimeDirectory: string): Readonly<Record<string, string>> {
  return {
    XDG_RUNTIME_DIR: runtimeDirectory,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtimeDirectory}/bus`,
    LC_ALL: 'C',
    SYSTEMD_COLORS: '0',
    SYSTEMD_LOG_LEVEL: 'info',
  };
}

export function classifyFailure(said: string): SystemctlFailure {
  const why = TELLS.find(([words]) => words.test(said))?.[1] ?? 'refused';
  return { why, transient: why === 'conflict', detail: said };
}
