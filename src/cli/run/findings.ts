/** Of a look what the metrics tell. */
import type { Observed } from '../../observe/state.ts';
import type { Looked } from './telemetry.ts';

export function findingsOf({ sources }: Observed): Looked {
  const unknown = Object.values(sources).filter((s) => s.status === 'unknown' && s.why !== 'not-observed').length;
  const beats = sources.heartbeats.status === 'known' ? Object.entries(sources.heartbeats.value.agents) : [];
  const at = beats.flatMap(([agent, { beat }]) => (beat.state === 'present' ? [[agent, beat.ts_ms] as const] : []));
  return { unknown, beats: new Map(at) };
}
