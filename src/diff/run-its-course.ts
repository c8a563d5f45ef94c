/** An ephemeral agent runs once per spec, and has then ended as it should. */
import type { PaneRuns } from '../observe/state.ts';
import { fingerprint } from '../spec/fingerprint.ts';
import type { AgentSpec } from '../spec/model.ts';
import type { SeenContext } from './context.ts';

/** Its session is gone, and it is not started again; in layout mosaic nobody keeps its exit status, so ended is ended. */
export function hasRunItsCourse(ctx: SeenContext, agent: AgentSpec): boolean {
  const record = ctx.memory.sessions[agent.name];
  if (agent.lifecycle !== 'ephemeral' || record === undefined || ctx.files === null) return false;
  return (record.done || !ctx.launcher) && record.spec === fingerprint(agent, ctx.files.user.home);
}

/** Its session is there still, and keeps its good end. */
export function endedWell(agent: AgentSpec, runs: PaneRuns): boolean {
  return agent.lifecycle === 'ephemeral' && runs.verdict === 'dead' && runs.status === 0;
}
