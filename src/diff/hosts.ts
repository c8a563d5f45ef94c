/** Which agents of the roster live on the observed host as the observed tenant, and what is said of the others. */

import type { Observed } from '../observe/state.ts';
import { formatAddress } from '../spec/address.ts';
import type { AgentSpec, Roster } from '../spec/model.ts';
import { type PlanContext, serverOf } from './context.ts';
import type { Finding } from './finding.ts';
import type { PlanHost } from './plan.ts';
import type { PlanPolicy } from './policy.ts';
import { serverIdentity } from './subject.ts';

export interface SplitAgents {
  readonly here: readonly AgentSpec[];
  readonly elsewhere: readonly AgentSpec[];
}

/** Host names compare without regard to case; no host or tenant means this machine and the invoking user. */
export function splitAgents(roster: Roster, observed: Observed, policy: PlanPolicy): SplitAgents {
  const same = (name: string | null, seen: string): boolean =>
    name === null || name.toLowerCase() === seen.toLowerCase();
  const wanted = (names: readonly string[], name: string | null, seen: string): boolean =>
    names.length === 0 || names.some((n) => n.toLowerCase() === (name ?? seen).toLowerCase());
  const here: AgentSpec[] = [];
  const elsewhere: AgentSpec[] = [];
  for (const agent of roster.agents) {
    if (!wanted(policy.hosts, agent.host, observed.host) || !wanted(policy.tenants, agent.tenant, observed.tenant))
      continue;
    (same(agent.host, observed.host) && same(agent.tenant, observed.tenant) ? here : elsewhere).push(agent);
  }
  return { here, elsewhere };
}

const NOT_HERE = 'this version of fleet acts on this machine and this user only: run it there, as that user';

export function elsewhereFindings(observed: Observed, agents: readonly AgentSpec[]): readonly Finding[] {
  return agents.map((agent) => ({
    bucket: 'unknown',
    unknown: {
      address: formatAddress({
        host: agent.host ?? observed.host,
        tenant: agent.tenant ?? observed.tenant,
        kind: 'session',
        name: agent.name,
      }),
      agent: agent.name,
      why: 'not-observed',
      detail: NOT_HERE,
    },
  }));
}

export function hostsOf(ctx: PlanContext, elsewhere: readonly AgentSpec[], partial: boolean): readonly PlanHost[] {
  const { observed } = ctx;
  const identity = serverIdentity(serverOf(ctx, ctx.roster.tmux.socketName));
  const tmux =
    identity === null ? null : { socket: identity.socket, server_pid: identity.pid, server_start: identity.start };
  const away = new Map<string, PlanHost>();
  for (const agent of elsewhere) {
    const name = agent.host ?? observed.host;
    const tenant = agent.tenant ?? observed.tenant;
    const nothing = { observed_at: null, boot_id: null, tmux: null };
    away.set(`${name}/${tenant}`, { name, tenant, status: 'unreachable', ...nothing, error: NOT_HERE });
  }
  const sources = Object.entries(observed.sources).filter(
    ([name]) => ctx.systemd || (name !== 'units' && name !== 'linger'),
  );
  const blind = sources.flatMap(([name, s]) => (s.status === 'unknown' ? [`${name}: ${s.detail}`] : []));
  const seenHere = ctx.agents.length > 0 || elsewhere.length === 0;
  const here: PlanHost = {
    name: observed.host,
    tenant: observed.tenant,
    status: blind.length > 0 || (partial && away.size === 0) ? 'partial' : 'observed',
    observed_at: observed.observed_at,
    boot_id: observed.boot_id,
    tmux,
    error: blind.length > 0 ? blind.join('; ') : null,
  };
  return [...(seenHere ? [here] : []), ...away.values()];
}
