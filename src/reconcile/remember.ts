/** Writing down what sessions were started from: in layout mosaic nothing else tells it later. */

import type { Change } from '../diff/plan.ts';
import type { RememberedSession } from '../diff/policy.ts';
import type { Observed } from '../observe/state.ts';
import { fingerprint } from '../spec/fingerprint.ts';
import type { AgentSpec } from '../spec/model.ts';
import { madeBy, sessionMade } from './claims.ts';
import type { ApplyContext, EffectContext } from './context.ts';
import { judgeSession, type SessionJudgement } from './judge-session.ts';
import type { Failure } from './outcome.ts';
import { sessionSeen, socketLabel } from './seen.ts';

/**
 * A function to be given each look after a start. The first that shows a session which was not there before writes it
 * down, whatever becomes of it: it was started from this roster also when it is parked. An end that makes an ephemeral
 * agent done is written down too. Null where nothing went wrong.
 */
export function rememberStarted(
  ctx: EffectContext,
  change: Change,
  agent: AgentSpec,
  before: Observed,
): (seen: Observed, judged: SessionJudgement) => Failure | null {
  const old = sessionKey(before, agent);
  let record: RememberedSession | null = null;
  return (seen, judged) => {
    const next = recordOf(ctx, agent, seen, judged, old, record);
    if (next === null || JSON.stringify(next) === JSON.stringify(record)) return null;
    record = next;
    const since = new Date(ctx.ports.now()).toISOString();
    const memory = ctx.journal.memory();
    const made = madeBy(ctx, change, memory, { since, last: false });
    const session = sessionMade(ctx, agent.name, memory, since);
    return ctx.log.made({ sessions: { [agent.name]: next }, owned: { ...made.owned, ...session.owned } });
  };
}

function recordOf(
  ctx: EffectContext,
  agent: AgentSpec,
  seen: Observed,
  judged: SessionJudgement,
  old: string | null,
  known: RememberedSession | null,
): RememberedSession | null {
  if (judged.judged === 'unknown' || judged.judged === 'foreign') return null;
  const ephemeral = agent.lifecycle === 'ephemeral';
  if (judged.judged === 'absent') return ephemeral && !ctx.launcher && known !== null ? { ...known, done: true } : null;
  if (sessionKey(seen, agent) === old) return null;
  const { server, session } = judged;
  return {
    agent: agent.name,
    socket: server.socket,
    server: { pid: server.pid, start: server.start },
    id: session.id,
    created: session.created,
    spec: fingerprint(agent, ctx.user.home),
    boot_id: seen.boot_id,
    done: ephemeral && judged.judged === 'ended' && judged.status === 0,
    plan: ctx.planId,
  };
}

/**
 * Ephemeral agents that ended well since they were started are done, and that must outlive their dead panes: a reboot
 * takes these away. Written down by apply, whatever its plan holds; nothing is written where nothing ended.
 */
export async function rememberEnded(ctx: ApplyContext): Promise<Failure | null> {
  const { sessions } = ctx.journal.memory();
  const open = ctx.agents.filter((a) => a.lifecycle === 'ephemeral' && sessions[a.name]?.done === false);
  if (open.length === 0) return null;
  const seen = await ctx.ports.observe(open.map((a) => a.name));
  const ended = open.flatMap((agent) => {
    const record = sessions[agent.name];
    const done = record !== undefined && endedWell(ctx, seen, agent, record);
    return done ? [[agent.name, { ...record, done: true }] as const] : [];
  });
  return ctx.journal.note({ sessions: Object.fromEntries(ended) });
}

/** Its very session is there, and its pane dead with exit status 0. */
function endedWell(ctx: ApplyContext, seen: Observed, agent: AgentSpec, record: RememberedSession): boolean {
  const judged = judgeSession(ctx, seen, agent);
  if (judged.judged !== 'ended' || judged.status !== 0) return false;
  const { server, session } = judged;
  const sameServer = server.pid === record.server.pid && server.start === record.server.start;
  return sameServer && session.id === record.id && session.created === record.created;
}

function sessionKey(seen: Observed, agent: AgentSpec): string | null {
  const found = sessionSeen(seen, socketLabel(agent.socket), agent.name);
  if (found.state !== 'present') return null;
  const { server, session } = found;
  return `${server.pid}/${server.start}/${session.id}/${session.created}`;
}
