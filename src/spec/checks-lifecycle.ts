/** What state, lifecycle, supervisor and `boot` leave room for, and limits that cannot both hold. */

import { parseDuration } from './duration.ts';
import type { DataPath } from './problems.ts';
import { type CheckContext, type CheckedAgent, originOf } from './roster-view.ts';

export function checkLifecycle(context: CheckContext): void {
  for (const agent of context.agents) {
    checkTombstone(context, agent);
    if (agent.merged.state === 'stopped') refuseBoot(context, agent, '`state: stopped` implies `boot: false`');
    else if (agent.merged.lifecycle === 'ephemeral')
      refuseBoot(context, agent, 'an ephemeral agent never comes up at boot');
    checkBackoff(context, agent);
  }
  if (context.supervisor !== 'none') return;
  for (const { path, written } of context.places) {
    if (written.boot !== true) continue;
    const detail = '`boot: true` with `supervisor: none`: nothing would start it at boot';
    contradiction(context, [...path, 'boot'], detail, 'take it out, or use `supervisor: systemd`');
  }
}

function contradiction(context: CheckContext, path: DataPath, detail: string, remedy: string): void {
  context.report({ code: 'contradiction', path, at: 'value', detail, remedy });
}

/** Only what the agent itself says: a default gives way. */
function refuseBoot(context: CheckContext, agent: CheckedAgent, why: string): void {
  if (agent.written.boot !== true) return;
  contradiction(context, [...agent.path, 'boot'], `\`boot: true\`, but ${why}`, 'take `boot: true` out');
}

function checkTombstone(context: CheckContext, agent: CheckedAgent): void {
  if (agent.written.stopped === undefined || agent.merged.state === 'stopped') return;
  const detail = '`stopped` says why an agent is stopped, and this one is to run';
  context.report({
    code: 'contradiction',
    path: [...agent.path, 'stopped'],
    at: 'key',
    detail,
    remedy: 'add `state: stopped`, or take `stopped` out',
    unlessFaulty: [[...agent.path, 'state']],
  });
}

function checkBackoff(context: CheckContext, agent: CheckedAgent): void {
  const { backoff, max_backoff: most } = agent.merged.restart ?? {};
  const least = parseDuration(backoff ?? '30s');
  const greatest = parseDuration(most ?? '10m');
  if (least === null || greatest === null || least <= greatest) return;
  const detail = `backoff ${backoff ?? '30s'} is longer than max_backoff ${most ?? '10m'}`;
  contradiction(context, originOf(agent, 'restart'), detail, 'raise `max_backoff` or lower `backoff`');
}
