/**
 * After a start: wait until the agent counts as started, then until it is ready, or give it up with evidence.
 *
 * ```
 * seen first --right for settleMs--> started --fresh heartbeat, where one is required--> ready
 *      \--ended, foreign, parked, another program for too long--> failed
 * ```
 */
import { evaluateHeartbeat } from '../diff/heartbeat.ts';
import { agentPane } from '../diff/pane.ts';
import type { Change } from '../diff/plan.ts';
import type { Observed } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import type { EffectContext } from './context.ts';
import { asWanted, notAsWanted, type Verdict } from './effect.ts';
import { POLL_MS, pollObserved } from './effects/poll.ts';
import { lastLines } from './effects/tmux.ts';
import { judgeSession, type SessionJudgement } from './judge-session.ts';
import { failure } from './outcome.ts';
import type { HowToLook } from './ports.ts';
import { rememberStarted } from './remember.ts';
import { socketLabel } from './seen.ts';

/** A process younger than this may still become the wanted runtime: before its title is set a start looks like node. */
const YOUNG_MS = 5_000;
/** What is not there at once after its start is looked for a little longer: the launcher's work may be seen in part. */
const APPEAR_MS = 1_000;
/** Between two looks at what has just been started and is not right yet. */
const SOON_MS = 50;

/** `before`: the last look before the effect; a session that is there since was started by it, and is remembered. */
export async function settleSession(
  ctx: EffectContext,
  change: Change,
  agent: AgentSpec,
  before: Observed,
): Promise<Verdict> {
  ctx.waiting(change, `${agent.name} to be up for ${ctx.settleMs / 1000} s`);
  const settling = new Settling(ctx, agent);
  const unrecorded = rememberStarted(ctx, change, agent, before);
  const deadline = Math.max(ctx.readyDeadlineMs, ctx.settleMs + YOUNG_MS);
  const verdict = await pollObserved(
    ctx,
    [agent.name],
    deadline,
    (seen, elapsed) => {
      const judged = judgeSession(ctx, seen, agent);
      const lost = unrecorded(seen, judged);
      return lost === null ? settling.look(judged, elapsed) : notAsWanted(lost);
    },
    { how: () => settling.how(), pause: (elapsed) => settling.pause(elapsed) },
  );
  const { last } = settling;
  const settled = verdict ?? giveUp(agent, last);
  if (settled.verdict === 'failed') return withScreen(ctx, agent, last, settled);
  return last.judged === 'right' ? awaitHeartbeat(ctx, change, agent, settled) : settled;
}

class Settling {
  last: SessionJudgement = { judged: 'absent' };
  /** The process that is right, and since when (milliseconds since the first look). */
  private right: { readonly pid: number; readonly startTime: number; readonly since: number } | null = null;
  private endings = 0;
  /** Something is wrong that one look is not believed. */
  private doubtful = false;
  private readonly ctx: EffectContext;
  private readonly agent: AgentSpec;

  constructor(ctx: EffectContext, agent: AgentSpec) {
    this.ctx = ctx;
    this.agent = agent;
  }

  /** Null: not decided yet. */
  look(judged: SessionJudgement, elapsed: number): Verdict | null {
    this.last = judged;
    switch (judged.judged) {
      case 'unknown':
        return null;
      case 'absent':
        if (this.right === null && elapsed < APPEAR_MS) return null;
        return this.ended(null, null);
      case 'foreign':
        return giveUp(this.agent, judged);
      case 'ended':
        this.endings += 1;
        this.doubtful = true;
        // A dead pane without status or signal is looked at again before its end is called unknown.
        if (judged.status === null && judged.signal === null && this.endings < 3) return null;
        return this.ended(judged.status, judged.signal);
      case 'not-yet': {
        const patience = judged.code === 'parked' ? this.ctx.settleMs : Math.max(this.ctx.settleMs, YOUNG_MS);
        if (elapsed < patience) return null;
        // A process that is young by now may still become it, and what ended between two reads looks unreadable.
        if (this.doubtful) return giveUp(this.agent, judged);
        this.doubtful = true;
        return null;
      }
      case 'right':
        return this.living(judged, elapsed);
    }
  }

  how(): HowToLook {
    return this.doubtful ? 'twice' : 'once';
  }

  /** What is right is looked at for the last time when its time is up; what is not may be so in a moment. */
  pause(elapsed: number): number {
    // How it ended is told a moment later, and nothing comes up from it.
    if (this.last.judged === 'ended') return POLL_MS;
    if (this.last.judged !== 'right') return elapsed < APPEAR_MS ? SOON_MS : POLL_MS;
    const since = this.right?.since ?? elapsed;
    return Math.max(1, Math.min(POLL_MS, since + this.ctx.settleMs - elapsed));
  }

  private living(judged: Extract<SessionJudgement, { judged: 'right' }>, elapsed: number): Verdict | null {
    const { pid, startTime } = judged;
    if (this.right === null || this.right.pid !== pid || this.right.startTime !== startTime) {
      this.right = { pid, startTime, since: elapsed };
    }
    return elapsed - this.right.since >= this.ctx.settleMs ? asWanted(judged.evidence) : null;
  }

  private ended(status: number | null, signal: string | null): Verdict {
    const how = status !== null ? `exit status ${status}` : signal !== null ? `signal ${signal}` : 'exit unknown';
    // Layout mosaic keeps no exit status: an ephemeral agent that ended has ended.
    const done = this.agent.lifecycle === 'ephemeral' && (status === 0 || (status === null && !this.ctx.launcher));
    if (done) return asWanted(`${this.agent.name} ran and ended (${how})`);
    const detail = `${this.agent.name} ended right after its start: ${how}`;
    return notAsWanted(failure('agent-ended', 'The agent did not stay up', detail, null, [how]));
  }
}

function giveUp(agent: AgentSpec, last: SessionJudgement): Verdict {
  const look = `fleet explain ${agent.name}`;
  switch (last.judged) {
    case 'absent':
      return notAsWanted(
        failure('agent-ended', 'The agent did not stay up', `there is no session ${agent.name}`, look),
      );
    case 'unknown':
      return notAsWanted(failure('unobserved', 'Started, but it could not be looked at', last.detail, look));
    case 'foreign':
      return notAsWanted(
        failure('not-as-started', 'The session is not the one that was to be started', last.detail, look),
      );
    case 'not-yet': {
      const parked = last.code === 'parked';
      const remedy = parked ? `answer it: fleet attach ${agent.name} --takeover` : look;
      const summary = parked ? 'The agent waits at a prompt' : 'The agent did not come up as wanted';
      return notAsWanted(failure(last.code, summary, last.detail, remedy));
    }
    case 'ended':
    case 'right': {
      const detail = `${agent.name} was not up for long enough before the deadline: its process changes or ends again and again`;
      return notAsWanted(failure('not-settled', 'The agent does not settle', detail, look));
    }
  }
}

/** A dead pane keeps its last words. */
async function withScreen(
  ctx: EffectContext,
  agent: AgentSpec,
  last: SessionJudgement,
  verdict: Extract<Verdict, { verdict: 'failed' }>,
): Promise<Verdict> {
  if (last.judged !== 'ended' || last.pane === null) return verdict;
  const lines = await lastLines(ctx, socketLabel(agent.socket), last.pane);
  return notAsWanted({ ...verdict.failure, evidence: [...verdict.failure.evidence, ...lines] });
}

async function awaitHeartbeat(
  ctx: EffectContext,
  change: Change,
  agent: AgentSpec,
  started: Verdict,
): Promise<Verdict> {
  const beats = agent.heartbeat.required && ctx.roster.runtimes[agent.runtime]?.beats === true;
  if (!beats) return started;
  let last = '';
  let told = false;
  const verdict = await pollObserved(ctx, [agent.name], ctx.readyDeadlineMs, (seen) => {
    const judged = judgeSession(ctx, seen, agent);
    if (judged.judged === 'ended' || judged.judged === 'absent') {
      const detail = `${agent.name} ended before its first heartbeat`;
      return notAsWanted(failure('agent-ended', 'The agent did not stay up', detail));
    }
    const pane = judged.judged === 'unknown' ? null : (agentPane(judged.session)?.pid ?? null);
    const beat = evaluateHeartbeat(seen, agent, pane, Date.parse(seen.observed_at));
    if (beat.state === 'fresh') return started;
    last = `${beat.state}: ${beat.detail}`;
    if (ctx.signal.aborted) {
      return notAsWanted(failure('interrupted', 'Started, its heartbeat was not waited for', last));
    }
    if (!told) ctx.waiting(change, `the first heartbeat of ${agent.name}`);
    told = true;
    return null;
  });
  const remedy = `see that it writes heartbeats (docs/contract.md, section 7), or set \`beats: false\` for the runtime ${agent.runtime}`;
  return verdict ?? notAsWanted(failure('not-ready', 'Started, but no heartbeat came in time', last, remedy));
}
