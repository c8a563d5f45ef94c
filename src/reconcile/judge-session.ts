/**
 * Is the agent's session as a started one must be: ours, its process the right runtime, in the right directory, not
 * parked at a prompt? Source: docs/planning-rules.md, last paragraph. Pure; whether it lives long enough is the
 * caller's to wait for.
 */
import { agentPane } from '../diff/pane.ts';
import type { ServerIdentity } from '../diff/plan.ts';
import { isRuntime } from '../diff/session-drift.ts';
import type { Observed, TmuxPane, TmuxSession } from '../observe/state.ts';
import { fingerprint } from '../spec/fingerprint.ts';
import { expandHome } from '../spec/home.ts';
import type { AgentSpec } from '../spec/model.ts';
import type { EffectContext } from './context.ts';
import { sessionSeen, socketLabel } from './seen.ts';

interface There {
  readonly server: ServerIdentity;
  readonly session: TmuxSession;
}

export type SessionJudgement =
  | { readonly judged: 'unknown'; readonly detail: string }
  | { readonly judged: 'absent' }
  /** There, but not what was started by this roster: another mark, another fingerprint. */
  | ({ readonly judged: 'foreign'; readonly detail: string } & There)
  | ({
      readonly judged: 'ended';
      readonly status: number | null;
      readonly signal: string | null;
      readonly pane: string | null;
    } & There)
  /** Not (yet) as wanted; a young process may still become it. `code` is a failure's code once it is given up. */
  | ({ readonly judged: 'not-yet'; readonly code: string; readonly detail: string } & There)
  | ({ readonly judged: 'right'; readonly pid: number; readonly startTime: number; readonly evidence: string } & There);

export type JudgeContext = Pick<EffectContext, 'roster' | 'launcher'> & {
  readonly user: Pick<EffectContext['user'], 'home'>;
};

export function judgeSession(ctx: JudgeContext, seen: Observed, agent: AgentSpec): SessionJudgement {
  const found = sessionSeen(seen, socketLabel(agent.socket), agent.name);
  if (found.state === 'unknown') return { judged: 'unknown', detail: found.detail };
  if (found.state === 'absent') return { judged: 'absent' };
  const there: There = { server: found.server, session: found.session };
  const foreign = foreignBecause(ctx, agent, found.session);
  if (foreign !== null) return { judged: 'foreign', detail: foreign, ...there };
  const pane = agentPane(found.session);
  if (pane === null) return { judged: 'ended', status: null, signal: null, pane: null, ...there };
  return judgePane(ctx, seen, agent, pane, there);
}

function foreignBecause(ctx: JudgeContext, agent: AgentSpec, session: TmuxSession): string | null {
  const { mark } = session;
  if (mark === null) return ctx.launcher ? `session ${session.name} does not bear fleet's mark` : null;
  if (mark.owner !== ctx.roster.fleet || mark.agent !== agent.name) {
    return `session ${session.name} bears the mark of ${mark.owner}/${mark.agent}`;
  }
  if (mark.spec !== null && mark.spec !== fingerprint(agent, ctx.user.home)) {
    return `session ${session.name} was started from another spec (${mark.spec})`;
  }
  return null;
}

function judgePane(
  ctx: JudgeContext,
  seen: Observed,
  agent: AgentSpec,
  pane: TmuxPane,
  there: There,
): SessionJudgement {
  const { runs } = pane;
  const notYet = (code: string, detail: string): SessionJudgement => ({ judged: 'not-yet', code, detail, ...there });
  switch (runs.verdict) {
    case 'dead':
      return { judged: 'ended', status: runs.status, signal: runs.signal, pane: pane.id, ...there };
    case 'gone':
      return { judged: 'ended', status: null, signal: null, pane: pane.id, ...there };
    case 'shell':
      return notYet('wrong-program', `the pane runs the shell ${runs.program}, wanted ${agent.runtime}`);
    case 'other':
      return notYet('wrong-program', `the pane runs ${runs.program}, wanted ${agent.runtime}`);
    case 'ambiguous':
      return notYet('not-recognised', `the pane could be running ${runs.runtimes.join(' or ')}: ${runs.evidence}`);
    case 'opaque':
      return notYet('not-recognised', `the pane runs ${runs.program}, which cannot be seen into`);
    case 'suspended':
      return notYet('suspended', `process ${runs.pid} is stopped (state T)`);
    case 'unknown':
      return notYet('not-recognised', `what the pane runs could not be read: ${runs.detail} (${runs.why})`);
    case 'runtime':
      if (!isRuntime(runs, agent.runtime)) {
        return notYet('wrong-program', `the pane runs ${runs.runtime} (${runs.evidence}), wanted ${agent.runtime}`);
      }
      return judgeRuntime(ctx, seen, agent, pane, { ...runs, there });
  }
}

function judgeRuntime(
  ctx: JudgeContext,
  seen: Observed,
  agent: AgentSpec,
  pane: TmuxPane,
  runs: { readonly pid: number; readonly evidence: string; readonly there: There },
): SessionJudgement {
  const { there } = runs;
  const notYet = (code: string, detail: string): SessionJudgement => ({ judged: 'not-yet', code, detail, ...there });
  const { processes, files } = seen.sources;
  const running = processes.status === 'known' ? processes.value.processes[String(runs.pid)] : undefined;
  if (running === undefined) return notYet('not-recognised', `process ${runs.pid} could not be looked at`);
  if (running.cwd.status === 'unknown') {
    return notYet('wrong-directory', `the directory of process ${runs.pid} could not be read: ${running.cwd.detail}`);
  }
  const looked = files.status === 'known' ? files.value.directories[agent.workingDirectory] : undefined;
  const wanted = looked?.state === 'found' ? looked.real : expandHome(agent.workingDirectory, ctx.user.home);
  if (running.cwd.value !== wanted) {
    return notYet('wrong-directory', `process ${runs.pid} is in ${running.cwd.value}, wanted ${wanted}`);
  }
  if (pane.prompt !== null) {
    return notYet('parked', `it waits at a prompt (${pane.prompt.id}): ${pane.prompt.text}`);
  }
  const evidence = `${agent.runtime} runs as process ${runs.pid} (${runs.evidence})`;
  return { judged: 'right', pid: runs.pid, startTime: running.start_time, evidence, ...there };
}
