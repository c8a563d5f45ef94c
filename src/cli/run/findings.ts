/** Of a look what the metrics tell. */
import type { Observed } from '../../observe/state.ts';
import type { Looked } from './telemetry.ts';

export function findingsOf({ sources }: Observed): Looked {
  const unknown = Object.values(sources).filter((s) => s.status === 'unknown' && s.why !== 'not-observed').length;
  const beats = new Map<string, number>();
  const { heartbeats } = sources;
  for (const [agent, { beat }] of heartbeats.status === 'known' ? Object.entries(heartbeats.value.agents) : []) {
    if (beat.state === 'present') beats.set(agent, beat.ts_ms);
  }
  return { unknown, beats };
}
