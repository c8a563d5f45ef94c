/**
 * Setting and taking away our mark on a session that lives: by one tmux command whose guard names that very session of
 * that very server, so that nothing can come between the look and the mark. Nothing else of the session changes.
 */
import type { SessionIdentity } from '../../diff/plan.ts';
import { MARK_OPTION, PANE_OPTION, SPEC_OPTION } from '../../spec/session-mark.ts';
import { type Failure, failure } from '../outcome.ts';
import { ending, words } from './programs.ts';
import { type RunContext, tmux } from './tmux.ts';

export type Marking =
  | { readonly marking: 'done' | 'refused' }
  | { readonly marking: 'failed'; readonly failure: Failure };

export interface MarkOrder {
  readonly identity: SessionIdentity;
  readonly owner: string;
  readonly agent: string;
  /** `%n`, or null where the agent's pane cannot be told. */
  readonly pane: string | null;
}

const REFUSED = 'fleet-mark-refused';

/** Only on a session that has its agent's name, and bears no mark of its own by then, whosever. */
export function markSession(ctx: RunContext, order: MarkOrder): Promise<Marking> {
  const { identity, owner, agent, pane } = order;
  const set = (option: string, value: string): string => `set-option -t '${identity.id}' ${option} '${value}'`;
  const free = `#{==:#{m:*${selfOf(identity)},#{${MARK_OPTION}}},0}`;
  const commands = [
    set(MARK_OPTION, `${owner}/${agent}${selfOf(identity)}`),
    ...(pane === null ? [] : [set(PANE_OPTION, pane)]),
  ];
  return guarded(ctx, identity, `#{&&:${free},#{==:#{session_name},${agent}}}`, commands);
}

/** Only where it is our mark still, whatever name somebody has given it. What stands beside a mark counts for nothing without it, and goes too. */
export function unmarkSession(ctx: RunContext, order: Omit<MarkOrder, 'pane'>): Promise<Marking> {
  const { identity, owner, agent } = order;
  const ours = `#{==:#{${MARK_OPTION}},${owner}/${agent}${selfOf(identity)}}`;
  const unset = [MARK_OPTION, SPEC_OPTION, PANE_OPTION].map((o) => `set-option -u -t '${identity.id}' ${o}`);
  return guarded(ctx, identity, ours, unset);
}

/** The end of a mark: it names its own session. */
const selfOf = ({ server, id, created }: SessionIdentity): string => `/${server.pid}/${id}/${created}`;

async function guarded(
  ctx: RunContext,
  { server, id, created }: SessionIdentity,
  condition: string,
  commands: readonly string[],
): Promise<Marking> {
  const facts = [
    `#{==:#{pid},${server.pid}}`,
    `#{==:#{start_time},${server.start}}`,
    `#{==:#{session_id},${id}}`,
    `#{==:#{session_created},${created}}`,
  ];
  const all = facts.reduce((known, fact) => `#{&&:${known},${fact}}`, condition);
  const refusal = `display-message -p ${REFUSED}`;
  const result = await tmux(ctx, server.socket, ['if-shell', '-F', '-t', `${id}:`, all, commands.join(' ; '), refusal]);
  if (result.kind === 'failed' || result.code !== 0) {
    const summary = 'The session could not be marked';
    return { marking: 'failed', failure: failure('mark-failed', summary, ending(result), null, words(result)) };
  }
  return { marking: result.stdout.includes(REFUSED) ? 'refused' : 'done' };
}
