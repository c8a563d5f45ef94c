/**
 * The mark of a session that fleet made. It names its own server and session, so that a value inherited from a global
 * or window option (tmux's formats do inherit them: measured on tmux 3.3a) can never pass for another session's mark.
 */

import { tmuxFormatLiteral } from './quoting.ts';

/** Session option with `OWNER/AGENT/SERVER-PID/SESSION-ID/SESSION-CREATED`. */
export const MARK_OPTION = '@fleet_mark';
/** Session option with the fingerprint of what the session was started from. */
export const SPEC_OPTION = '@fleet_spec';
/** Session option with the id (`%n`) of the agent's pane. */
export const PANE_OPTION = '@fleet_pane';

/**
 * The value for `set-option -F` in the very tmux call that creates the session: tmux fills in pid, id and time.
 * `agent` is the agent's name, or the holder session's.
 */
export function sessionMarkFormat(owner: string, agent: string): string {
  return `${tmuxFormatLiteral(`${owner}/${agent}`)}/#{pid}/#{session_id}/#{session_created}`;
}

/** Null where the value is not the mark of just this session. `id` is `$n`, `created` Unix seconds. */
export function parseSessionMark(
  value: string,
  session: { readonly pid: number; readonly id: string; readonly created: number },
): { readonly owner: string; readonly agent: string } | null {
  const end = `/${session.pid}/${session.id}/${session.created}`;
  if (!value.endsWith(end)) return null;
  const names = value.slice(0, -end.length);
  const slash = names.indexOf('/');
  if (slash <= 0 || slash === names.length - 1) return null;
  return { owner: names.slice(0, slash), agent: names.slice(slash + 1) };
}
