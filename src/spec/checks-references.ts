/** What an agent calls by name: its runtime, host and tenant. */
import { definedHosts } from './checks-hosts.ts';

import type { DataPath } from './problems.ts';
import { type CheckContext, type CheckedAgent, originOf } from './roster-view.ts';
import { nearest } from './suggest.ts';
import { hostKey } from './written.ts';

export function checkReferences(context: CheckContext): void {
  const hosts = definedHosts(context);
  for (const agent of context.agents) {
    checkRuntime(context, agent);
    checkHost(context, agent, hosts);
    checkTenant(context, agent);
  }
}

function checkRuntime({ file, report, runtimes }: CheckContext, agent: CheckedAgent): void {
  const { runtime } = agent.merged;
  if (runtime === undefined) {
    const path: DataPath = [...agent.path, 'runtime'];
    const detail = '`runtime`, the name of what runs in the pane';
    const remedy = `add \`runtime:\` here or under \`defaults\`, for example ${Object.keys(runtimes).slice(0, 3).join(', ')}`;
    report({ code: 'missing-key', path, at: 'value', detail, remedy, unlessFaulty: [agent.path, ['defaults']] });
    return;
  }
  if (Object.hasOwn(runtimes, runtime)) return;
  const near = nearest(runtime, Object.keys(runtimes));
  const declared = Object.hasOwn(file.runtimes ?? {}, runtime);
  const detail = declared
    ? `runtime ${runtime} is neither built in nor given a \`command\` or \`match\``
    : `runtime ${runtime}; known are ${Object.keys(runtimes).join(', ')}`;
  const own = `give it a \`command\` under \`runtimes: ${runtime}:\``;
  const remedy = near === null || declared ? own : `did you mean ${near}? Otherwise ${own}`;
  report({
    code: 'unknown-reference',
    path: originOf(agent, 'runtime'),
    at: 'value',
    detail,
    remedy,
    unlessFaulty: [['runtimes']],
  });
}

function checkHost({ report }: CheckContext, agent: CheckedAgent, hosts: ReadonlySet<string> | null): void {
  const { host } = agent.merged;
  if (host === undefined || hosts === null || hosts.has(hostKey(host))) return;
  const near = nearest(hostKey(host), hosts);
  const detail = `host ${host}; \`hosts\` has ${hosts.size === 0 ? 'none' : [...hosts].join(', ')}`;
  const remedy = near === null ? `add it: \`hosts: { ${host}: {} }\`` : `did you mean ${near}?`;
  report({
    code: 'unknown-reference',
    path: originOf(agent, 'host'),
    at: 'value',
    detail,
    remedy,
    unlessFaulty: [['hosts']],
  });
}

function checkTenant({ file, report }: CheckContext, agent: CheckedAgent): void {
  const { tenant } = agent.merged;
  const tenants = Object.keys(file.tenants ?? {});
  if (tenant === undefined || tenants.includes(tenant)) return;
  const near = nearest(tenant, tenants);
  const detail = `tenant ${tenant}; \`tenants\` has ${tenants.length === 0 ? 'none' : tenants.join(', ')}`;
  const remedy = near === null ? `add it: \`tenants: { ${tenant}: { user: ${tenant} } }\`` : `did you mean ${near}?`;
  report({
    code: 'unknown-reference',
    path: originOf(agent, 'tenant'),
    at: 'value',
    detail,
    remedy,
    unlessFaulty: [['tenants']],
  });
}
