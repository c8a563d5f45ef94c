/**
 * When an agent may be started. The first start after health is made at once; each further one waits for a backoff that
 * doubles; where `restart.limit` starts within `restart.window` did not help, none is made until the spec changes or a
 * person says so.
 *
 *   healthy --ends--> started at once --ends--> waits 30 s, 1 min, 2 min, ... 10 min --ends--> ...
 *      ^                   |                        |                                  |
 *      +--- 30 min of health, seen <----------------+         limit used up: crash loop (latched)
 */
import type { RestartSpec } from '../../spec/model.ts';
import type { AgentCounters } from './counters.ts';
import type { ControlPolicy, Random } from './policy.ts';

export type MayStart =
  | { readonly may: 'now' }
  | { readonly may: 'later'; readonly at: number }
  /** It used up its starts and is down again. */
  | { readonly may: 'not'; readonly restarts: number };

export function mayStart(agent: AgentCounters, restart: RestartSpec, steady: number): MayStart {
  const recent = within(agent.restarts, restart.window, steady);
  if (recent.length >= restart.limit) return { may: 'not', restarts: recent.length };
  return agent.not_before > steady ? { may: 'later', at: agent.not_before } : { may: 'now' };
}

/** Counted before the start is made: a controller that dies in the middle of it has not forgotten it. */
export function countStart(
  agent: AgentCounters,
  restart: RestartSpec,
  steady: number,
  policy: ControlPolicy,
  random: Random,
): AgentCounters {
  const wait = backoff(restart.backoff, restart.maxBackoff, agent.streak);
  return {
    ...agent,
    restarts: [...within(agent.restarts, restart.window, steady), steady],
    streak: agent.streak + 1,
    not_before: steady + Math.ceil(wait * (1 + policy.jitter * random())),
    healthy_ms: 0,
    healthy_at: null,
  };
}

/** `streak` earlier tries; 2^30 is past any limit. */
export function backoff(first: number, most: number, streak: number): number {
  return Math.min(most, first * 2 ** Math.min(streak, 30));
}

/**
 * Health counts only between two looks that both saw it, and a gap between them only so far as looks are apart: a
 * controller that was away does not know how the agent was.
 */
export function noteHealth(
  agent: AgentCounters,
  healthy: boolean,
  steady: number,
  policy: ControlPolicy,
): AgentCounters {
  if (!healthy) {
    return agent.healthy_at === null && agent.healthy_ms === 0 ? agent : { ...agent, healthy_at: null, healthy_ms: 0 };
  }
  const gap = agent.healthy_at === null ? 0 : Math.min(steady - agent.healthy_at, 2 * policy.resyncMs);
  const healthy_ms = Math.min(agent.healthy_ms + gap, policy.forgiveMs);
  const forgiven = healthy_ms >= policy.forgiveMs ? { streak: 0, not_before: 0 } : {};
  return { ...agent, healthy_ms, healthy_at: steady, ...forgiven };
}

export function within(times: readonly number[], window: number, now: number): readonly number[] {
  return times.filter((at) => at > now - window);
}
