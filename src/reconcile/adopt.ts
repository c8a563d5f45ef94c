/**
 * Taking over and letting go. The inventory first says what is going to be ours, then the mark is set; a mark is taken
 * away before its record. Killed in between, either can be done again.
 */
import type { SessionTaking, Taking } from '../diff/adoption.ts';
import type { LettingGo } from '../diff/letting-go.ts';
import type { PlanMemory } from '../diff/policy.ts';
import type { Result } from '../spec/result.ts';
import { type Marking, markSession, unmarkSession } from './effects/session-marking.ts';
import type { Journal } from './journal.ts';
import type { RecordChanges } from './journal-format.ts';
import { type Failure, failure } from './outcome.ts';
import type { ApplyPorts } from './ports.ts';
import { sameSession, sessionSeen } from './seen.ts';

export interface AdoptInput {
  /** The roster's `fleet:`. */
  readonly fleet: string;
  readonly ports: Pick<ApplyPorts, 'run' | 'observe' | 'now'>;
  readonly open: () => Result<Journal, Failure>;
  /** Asked just before each effect: a failure (the lease is lost) ends it. */
  readonly mayAct: () => Failure | null;
}

/** What came of one address. */
export interface Adopted {
  readonly address: string;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly failure: Failure | null;
}

export async function takeOver(
  input: AdoptInput,
  takes: readonly Taking[],
): Promise<Result<readonly Adopted[], Failure>> {
  const journal = input.open();
  if (!journal.ok) return journal;
  const since = new Date(input.ports.now()).toISOString();
  const before = journal.value.memory();
  const intended = journal.value.note(recordsOf(takes, { state: 'intended', since }));
  if (intended !== null) return { ok: false, error: intended };
  const adopted: Adopted[] = [];
  for (const taking of takes) adopted.push(await take(input, taking));
  const done = takes.filter((t) => adopted.some((a) => a.address === t.address && a.outcome === 'done'));
  const undone = takes.filter((t) => !done.includes(t));
  const records = join(recordsOf(done, { state: 'made', since }), asBefore(undone, before));
  const failed = writeDown(input, journal.value, records);
  return failed === null ? { ok: true, value: adopted } : { ok: false, error: failed };
}

async function take(input: AdoptInput, { address, session }: Taking): Promise<Adopted> {
  const lost = input.mayAct();
  if (lost !== null) return { address, outcome: 'failed', failure: lost };
  if (session === null || !session.marks) return { address, outcome: 'done', failure: null };
  const { identity, agent, pane } = session;
  const marking = await markSession(input, { identity, agent, pane, owner: input.fleet });
  return judge(address, marking, await markSeen(input, session, agent));
}

/** Null where the mark is there; `access not allowed` exits 0, so that tmux did not complain proves nothing. */
async function markSeen(input: AdoptInput, { identity, agent }: SessionTaking, name: string): Promise<string | null> {
  const seen = await input.ports.observe(null);
  const found = sessionSeen(seen, identity.server.socket, name);
  if (found.state === 'unknown') return found.detail;
  if (found.state === 'absent' || !sameSession(identity, found.server, found.session))
    return 'it is another session by now';
  const { mark } = found.session;
  return mark?.owner === input.fleet && mark.agent === agent ? null : 'it bears no mark of this fleet';
}

const REFUSED = 'it is not that session any more, has another name, or bears a mark by now';

function judge(address: string, marking: Marking, wrong: string | null): Adopted {
  if (marking.marking === 'failed') return { address, outcome: 'failed', failure: marking.failure };
  const refused = marking.marking === 'refused';
  if (!refused && wrong === null) return { address, outcome: 'done', failure: null };
  const detail = refused ? `tmux's guard refused: ${REFUSED}` : (wrong ?? '');
  return {
    address,
    outcome: refused ? 'refused' : 'failed',
    failure: failure(
      refused ? 'stale' : 'mark-failed',
      'The session was left as it is',
      detail,
      'look again: fleet ps',
    ),
  };
}

/** Who has lost the lease writes nothing more: what was intended stands in the journal, for the next holder. */
function writeDown(input: AdoptInput, journal: Journal, records: Parameters<Journal['note']>[0]): Failure | null {
  const forbidden = input.mayAct();
  if (forbidden?.code !== 'lease-lost') return journal.note(records) ?? journal.finish();
  journal.abandon();
  return forbidden;
}

export async function letGo(
  input: AdoptInput,
  goes: readonly LettingGo[],
): Promise<Result<readonly Adopted[], Failure>> {
  const journal = input.open();
  if (!journal.ok) return journal;
  const since = new Date(input.ports.now()).toISOString();
  const adopted: Adopted[] = [];
  for (const going of goes) adopted.push(await unmark(input, going));
  const done = goes.filter((g) => adopted.some((a) => a.address === g.address && a.outcome === 'done'));
  const owned = done.map(({ kind, name, record }) => [
    `${kind}/${name}`,
    record === null ? null : { ...record, since },
  ]);
  const sessions = done.flatMap(({ kind, name }) => (kind === 'session' ? [[name, null] as const] : []));
  const records = { owned: Object.fromEntries(owned), sessions: Object.fromEntries(sessions) };
  const failed = writeDown(input, journal.value, records);
  return failed === null ? { ok: true, value: adopted } : { ok: false, error: failed };
}

async function unmark(input: AdoptInput, { address, agent, unmark: sessions }: LettingGo): Promise<Adopted> {
  for (const { identity, name } of sessions) {
    const lost = input.mayAct();
    if (lost !== null) return { address, outcome: 'failed', failure: lost };
    const marking = await unmarkSession(input, { identity, owner: input.fleet, agent: agent ?? name });
    const judged = judge(address, marking, null);
    if (judged.outcome !== 'done') return judged;
  }
  return { address, outcome: 'done', failure: null };
}

function recordsOf(
  takes: readonly Taking[],
  { state, since }: { readonly state: 'intended' | 'made'; readonly since: string },
): RecordChanges {
  const owned = takes.map(({ kind, name, record }) => [`${kind}/${name}`, { ...record, state, since }]);
  const sessions = takes.flatMap(({ session }) =>
    session === null ? [] : [[session.agent, session.remembered] as const],
  );
  return { owned: Object.fromEntries(owned), sessions: Object.fromEntries(sessions) };
}

/** What was written down as going to be ours, and is not. */
function asBefore(undone: readonly Taking[], { owned, sessions }: PlanMemory): RecordChanges {
  const keys = undone.map(({ kind, name }) => `${kind}/${name}`);
  const agents = undone.flatMap(({ session }) => (session === null ? [] : [session.agent]));
  return {
    owned: Object.fromEntries(keys.map((key) => [key, owned[key] ?? null])),
    sessions: Object.fromEntries(agents.map((agent) => [agent, sessions[agent] ?? null])),
  };
}

function join(a: RecordChanges, b: RecordChanges): RecordChanges {
  return { owned: { ...a.owned, ...b.owned }, sessions: { ...a.sessions, ...b.sessions } };
}
