/** Of a look what the metrics tell. */
import type { AgentHeartbeats, Observed } from '../../observe/state.ts';
import type { Looked } from './telemetry.ts';

export function findingsOf({ sources }: Observed): Looked {
  const unknown = Object.values(sources).filter((s) => s.status === 'unknown' && s.why !== 'not-observed').length;
  const beats = new Map<string, number>();
  for (const [agent, { beat }] of agentsOf(sources.heartbeats)) {
    if (beat.state === 'present') beats.set(agent, beat.ts_ms);
  }
  return { unknown, beats };
}

function agentsOf(heartbeats: Observed['sources']['heartbeats']): readonly (readonly [string, AgentHeartbeats])[] {
  return heartbeats.status === 'known' ? Object.entries(heartbeats.value.agents) : [];
}
