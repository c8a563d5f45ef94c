/** Of a look what the metrics tell. */
import type { HeartbeatsObserved, Observed } from '../../observe/state.ts';
import { onceOf } from '../../spec/kept.ts';
import type { Looked } from './telemetry.ts';

export function findingsOf({ sources }: Observed): Looked {
  const unknown = Object.values(sources).filter((s) => s.status === 'unknown' && s.why !== 'not-observed').length;
  const { heartbeats } = sources;
  return { unknown, beats: heartbeats.status === 'known' ? beatsOf(heartbeats.value.agents) : NONE };
}

const NONE: Looked['beats'] = new Map();

/** Of what is the very same as at the last look it is there already. */
const beatsOf = onceOf((agents: HeartbeatsObserved['agents']): Looked['beats'] => {
  const beats = new Map<string, number>();
  for (const [agent, { beat }] of Object.entries(agents)) if (beat.state === 'present') beats.set(agent, beat.ts_ms);
  return beats;
});
