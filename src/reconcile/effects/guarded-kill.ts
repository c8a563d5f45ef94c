/**
 * The one way in which fleet ends a session: by a guard inside tmux, so that nothing can come between the check and the
 * kill, and then those of its processes that outlive it, each told by pid and start time. What another session shows too
 * is only unlinked by tmux, and left alone here.
 */
import { namesIt } from '../../diff/by-environment.ts';
import { agentPane, sessionsBeside } from '../../diff/pane.ts';
import type { ServerIdentity, SessionIdentity } from '../../diff/plan.ts';
import type { Observed, ProcessObserved, TmuxPane, TmuxSession } from '../../observe/state.ts';
import { MARK_OPTION } from '../../spec/session-mark.ts';
import type { EffectContext } from '../context.ts';
import { type Failure, failure } from '../outcome.ts';
import { sameServer, sameSession, serverSeen, sessionSeen } from '../seen.ts';
import { pollUntil } from './poll.ts';
import { ending, words } from './programs.ts';
import { tmux } from './tmux.ts';

export const REFUSED = 'fleet-guard-refused';

/** After the hangup, after TERM, after KILL. copilot was seen to take 1.8 s to end by itself. Milliseconds. */
const PATIENCE_MS = { hangup: 3_000, term: 3_000, kill: 2_000 } as const;

export type Ended =
  | { readonly ended: 'ended'; readonly evidence: readonly string[] }
  /** The guard held: it is no longer this session, or somebody is attached by now. */
  | { readonly ended: 'refused' }
  | { readonly ended: 'failed'; readonly failure: Failure };

export interface KillOrder {
  readonly name: string;
  readonly identity: SessionIdentity;
  readonly mayInterruptAttached: boolean;
}

/** `agents`: whom the look afterwards is narrowed to. */
export async function endSession(
  ctx: EffectContext,
  order: KillOrder,
  seen: Observed,
  agents: readonly string[] | null,
): Promise<Ended> {
  const { identity, name } = order;
  const found = sessionSeen(seen, identity.server.socket, name);
  if (found.state !== 'present' || !sameSession(identity, found.server, found.session)) return { ended: 'refused' };
  const panes = panesOf(ctx, seen, order, found.session);
  if (panes === null) return failed('unobserved', inDoubt(seen, found.session));
  if (seen.sources.processes.status === 'unknown')
    return failed('unobserved', 'its processes could not be read, so what outlives it could not be ended');
  const { socket } = identity.server;
  const kill = `kill-session -t '${identity.id}'`;
  const refusal = `display-message -p ${REFUSED}`;
  const condition = guardCondition(order, found.session);
  const result = await tmux(ctx, socket, ['if-shell', '-F', '-t', `=${name}:`, condition, kill, refusal]);
  if (result.kind === 'failed' || result.code !== 0) {
    const said = result.kind === 'exited' ? result.stderr : '';
    // The whole server went away meanwhile, and the session with it.
    if (!/no server running|No such file or directory/.test(said))
      return failed('kill-failed', ending(result), words(result));
  } else if (result.stdout.includes(REFUSED)) {
    return { ended: 'refused' };
  }
  const look = await lookAfter(ctx, order, agents);
  if (look.state === 'left') return failed('kill-failed', look.detail, words(result));
  const survivors = processesOf(seen, stillToEnd(panes, found.session, look.seen, identity.server));
  return endSurvivors(ctx, survivors, identity.server.pid);
}

/**
 * True only for this very session of this very server, with its mark where it has one, and (unless that is allowed)
 * nobody attached. Never a comparison with the empty string: for a target that is gone every variable is empty.
 */
export function guardCondition(order: KillOrder, session: TmuxSession): string {
  const { identity, mayInterruptAttached } = order;
  const facts: (readonly [string, string])[] = [
    ['pid', String(identity.server.pid)],
    ['start_time', String(identity.server.start)],
    ['session_id', identity.id],
    ['session_created', String(identity.created)],
  ];
  if (session.mark !== null) {
    const { owner, agent } = session.mark;
    const mark = `${owner}/${agent}/${identity.server.pid}/${identity.id}/${identity.created}`;
    facts.push([MARK_OPTION, mark]);
  }
  if (!mayInterruptAttached) facts.push(['session_attached', '0']);
  const compared = facts.map(([name, value]) => `#{==:#{${name}},${value}}`);
  return compared.reduce((all, fact) => `#{&&:${all},${fact}}`);
}

type After =
  | { readonly state: 'gone'; readonly seen: Observed }
  /** There still, or not to be seen. */
  | { readonly state: 'left'; readonly detail: string };

/** `access not allowed` exits 0, so the answer of the kill proves nothing. */
async function lookAfter(ctx: EffectContext, order: KillOrder, agents: readonly string[] | null): Promise<After> {
  const { identity, name } = order;
  const seen = await ctx.ports.observe(agents);
  const found = sessionSeen(seen, identity.server.socket, name);
  if (found.state === 'unknown')
    return { state: 'left', detail: `killed, but it could not be looked at afterwards: ${found.detail}` };
  if (found.state === 'absent' || !sameSession(identity, found.server, found.session)) return { state: 'gone', seen };
  return { state: 'left', detail: `session ${name} (${identity.id}) is there still, though tmux did not refuse` };
}

/**
 * The panes that end with the session: its agent's, and those that no other session shows. Null where the agent's is not
 * marked and another session shows it too: it may be that session's own, linked into this one.
 */
function panesOf(
  ctx: EffectContext,
  observed: Observed,
  { name, identity }: KillOrder,
  session: TmuxSession,
): readonly TmuxPane[] | null {
  const shown = new Set(sessionsBeside(observed, session).flatMap((s) => s.panes.map((p) => p.id)));
  const own = agentPane(session);
  const marked = own !== null && own.id === session.mark?.pane;
  if (own !== null && !own.dead && !marked && shown.has(own.id)) {
    const server = serverSeen(observed, identity.server.socket)?.server;
    // A server that the agent itself started gives its name to everybody's panes.
    const inherited = server?.state === 'running' && server.inherited_name === name;
    if (inherited || !namesIt({ layout: ctx.layout, observed }, { name }, own)) return null;
  }
  return session.panes.filter((pane) => pane.id === own?.id || !shown.has(pane.id));
}

function inDoubt(seen: Observed, session: TmuxSession): string {
  const own = agentPane(session)?.id;
  const others = sessionsBeside(seen, session).filter((s) => s.panes.some((p) => p.id === own));
  const names = others.map((s) => s.name).join(', ');
  return `its pane ${own} is shown by ${names} too, and cannot be told to be the agent's: take it out of one of them`;
}

/** Without those that a session began to show since the look before: tmux has not ended them. */
function stillToEnd(
  panes: readonly TmuxPane[],
  session: TmuxSession,
  after: Observed,
  identity: ServerIdentity,
): readonly TmuxPane[] {
  const server = serverSeen(after, identity.socket)?.server;
  if (server?.state !== 'running' || !sameServer(identity, { ...server, socket: identity.socket })) return panes;
  const shown = new Set(server.sessions.flatMap((s) => s.panes.map((p) => p.id)));
  const own = agentPane(session)?.id;
  return panes.filter((pane) => pane.id === own || !shown.has(pane.id));
}

/** The panes' own processes and the runtimes found in them: tools that these started are theirs to end. */
function processesOf(seen: Observed, panes: readonly TmuxPane[]): readonly ProcessObserved[] {
  const { processes } = seen.sources;
  if (processes.status === 'unknown') return [];
  // Null where a pane has no process, which is nobody's key.
  const pids = new Set<number | null>();
  for (const { pid, dead, runs } of panes) {
    if (!dead) pids.add(pid);
    if (runs.verdict === 'runtime' || runs.verdict === 'other' || runs.verdict === 'shell') pids.add(runs.pid);
  }
  return [...pids].map((pid) => processes.value.processes[String(pid)]).filter((entry) => entry !== undefined);
}

async function endSurvivors(ctx: EffectContext, all: readonly ProcessObserved[], serverPid: number): Promise<Ended> {
  const left = () => all.filter((s) => ctx.ports.processes.startTime(s.pid) === s.start_time);
  const none = () => left().length === 0;
  if (await pollUntil(ctx, PATIENCE_MS.hangup, none)) return { ended: 'ended', evidence: [] };
  const stubborn = left().map((s) => `${s.comm} (pid ${s.pid})`);
  for (const [name, patience] of [
    ['SIGTERM', PATIENCE_MS.term],
    ['SIGKILL', PATIENCE_MS.kill],
  ] as const) {
    for (const survivor of left()) {
      // A group that is the server's own, or init's, is no process of this session.
      const group = survivor.pgrp > 1 && survivor.pgrp !== serverPid;
      ctx.ports.processes.signal(group ? survivor.pgrp : survivor.pid, name, { group });
    }
    if (await pollUntil(ctx, patience, none)) {
      return { ended: 'ended', evidence: [`${stubborn.join(', ')} outlived the session and was ended by ${name}`] };
    }
  }
  return failed('process-survives', `${stubborn.join(', ')} outlived its session and KILL`);
}

const SUMMARIES = {
  'kill-failed': 'The session could not be ended',
  'process-survives': 'A process outlives its session',
  unobserved: 'The session was left alone',
} as const;

function failed(code: keyof typeof SUMMARIES, detail: string, evidence: readonly string[] = []): Ended {
  return { ended: 'failed', failure: failure(code, SUMMARIES[code], detail, null, evidence) };
}
