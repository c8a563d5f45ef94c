/** What is wrong with an agent's live session, strongest first. Pure comparison: who may be interrupted is not asked here. */

import type { PaneRuns, TmuxPane, TmuxSession } from '../observe/state.ts';
import type { AgentSpec } from '../spec/model.ts';
import type { PlanContext } from './context.ts';
import type { Drift } from './drift.ts';
import type { View } from './plan.ts';
import type { Reason } from './reasons.ts';
import { otherSpec, specDrift } from './spec-drift.ts';
import type { LiveSubject } from './subject.ts';

export function driftOf(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject, pane: TmuxPane): readonly Drift[] {
  const { runs } = pane;
  const wrong = wrongProcess(agent, pane);
  switch (runs.verdict) {
    case 'dead':
    case 'gone':
    case 'shell':
    case 'unknown':
      return wrong;
    case 'other':
    case 'ambiguous':
    case 'opaque':
    case 'suspended':
      return [...otherSpec(ctx, agent, subject), ...wrong, ...windowDrift(agent, pane)];
    case 'runtime':
      if (wrong.length > 0) {
        const spec = runs.strength === 'weak' ? otherSpec(ctx, agent, subject) : [];
        return [...spec, ...wrong];
      }
      return [...specDrift(ctx, agent, subject, pane, runs.pid), ...windowDrift(agent, pane), ...parked(pane)];
  }
}

/** What keeps the agent from being at work, whatever it was started from; null where its runtime is. */
export function notAtWork(agent: AgentSpec, pane: TmuxPane): Drift | null {
  return [...wrongProcess(agent, pane), ...parked(pane)][0] ?? null;
}

/** For evidence, where `agentPane` finds none. */
export function paneGone(session: TmuxSession): string {
  return `its pane ${session.mark?.pane ?? '?'} is gone`;
}

/** Empty where the right runtime lives in the pane. */
function wrongProcess(agent: AgentSpec, pane: TmuxPane): readonly Drift[] {
  const { runs } = pane;
  switch (runs.verdict) {
    case 'dead':
      return [deadPane(agent, runs)];
    case 'gone':
      return [
        drift('session-dead', '/state', 'restart', { state: 'dead' }, { state: 'running' }, [
          `the pane's process ${pane.pid ?? '?'} is gone`,
        ]),
      ];
    case 'shell':
      return [
        drift('shell-left', '/runtime', 'restart', { runtime: null }, { runtime: agent.runtime }, [
          `the runtime has ended, ${runs.program} (pid ${runs.pid}) is left`,
        ]),
      ];
    case 'unknown':
      return [
        drift('unobserved', '/runtime', 'unknown', {}, {}, [
          `what runs in pane ${pane.id}: ${runs.detail} (${runs.why})`,
        ]),
      ];
    case 'other':
    case 'ambiguous':
    case 'opaque':
    case 'suspended':
      return [cannotTell(agent, runs)];
    case 'runtime':
      return isRuntime(runs, agent.runtime) ? [] : [otherRuntime(agent, runs)];
  }
}

function drift(
  reason: Reason,
  path: string,
  response: Drift['response'],
  before: View,
  after: View,
  evidence: readonly string[],
): Drift {
  return { reason, path, response, before, after, evidence };
}

/** One process may fit several runtimes: an own one is often a built-in one with other arguments. */
export function isRuntime(runs: Extract<PaneRuns, { verdict: 'runtime' }>, wanted: string): boolean {
  return runs.runtime === wanted || runs.also?.includes(wanted) === true;
}

function deadPane(agent: AgentSpec, runs: Extract<PaneRuns, { verdict: 'dead' }>): Drift {
  const how =
    runs.status !== null
      ? `exit status ${runs.status}`
      : runs.signal !== null
        ? `signal ${runs.signal}`
        : 'exit unknown';
  const before = { state: 'dead', exit_status: runs.status, exit_signal: runs.signal };
  return drift('session-dead', '/state', 'restart', before, { state: 'running', runtime: agent.runtime }, [
    `the pane is dead: ${how}`,
  ]);
}

type Untold = Extract<PaneRuns, { verdict: 'other' | 'ambiguous' | 'opaque' | 'suspended' }>;

function cannotTell(agent: AgentSpec, runs: Untold): Drift {
  const seen: Record<Untold['verdict'], string> = {
    other: runs.verdict === 'other' ? `${runs.program} (pid ${runs.pid}), which no runtime of the roster matches` : '',
    ambiguous: runs.verdict === 'ambiguous' ? `several: ${runs.runtimes.join(', ')} (${runs.evidence})` : '',
    opaque: runs.verdict === 'opaque' ? `${runs.program}, which cannot be seen into` : '',
    suspended: runs.verdict === 'suspended' ? `a stopped process (state T, pid ${runs.pid})` : '',
  };
  const evidence = [`runs ${seen[runs.verdict]}; wanted ${agent.runtime}`];
  return drift('runtime-unknown', '/runtime', 'warn', { runtime: null }, { runtime: agent.runtime }, evidence);
}

function otherRuntime(agent: AgentSpec, runs: Extract<PaneRuns, { verdict: 'runtime' }>): Drift {
  const evidence = [runs.evidence];
  const views = [{ runtime: runs.runtime }, { runtime: agent.runtime }] as const;
  // The bare name of an executable proves too little to end a session for.
  if (runs.strength === 'weak')
    return drift('runtime-unknown', '/runtime', 'warn', ...views, [...evidence, 'weak evidence']);
  return drift('runtime-mismatch', '/runtime', 'restart', ...views, evidence);
}

function windowDrift(agent: AgentSpec, pane: TmuxPane): readonly Drift[] {
  const { window } = agent;
  if (window === null || (pane.width === window.width && pane.height === window.height)) return [];
  const before = { window: { width: pane.width, height: pane.height } };
  const evidence = [`the pane is ${pane.width}x${pane.height}, wanted ${window.width}x${window.height}`];
  return [drift('window-mismatch', '/window', 'warn', before, { window: { ...window } }, evidence)];
}

function parked(pane: TmuxPane): readonly Drift[] {
  if (pane.prompt === null) return [];
  const evidence = [`waits at a prompt (${pane.prompt.id}): ${pane.prompt.text}`];
  return [drift('parked', '/prompt', 'warn', { prompt: pane.prompt.id }, { prompt: null }, evidence)];
}
