/** What one part of a roster calls by name in another: runtimes, hosts, tenants, agents. */

import type { DataPath } from './problems.ts';
import { type CheckContext, type CheckedAgent, knowsAllNames, originOf, writtenFields } from './roster-view.ts';
import { nearest } from './suggest.ts';
import { hostKey } from './written.ts';

export function checkReferences(context: CheckContext): void {
  checkHostDefinitions(context);
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

/** Keys of the hosts that are defined: listed, or named beside an `ssh`. Null: no list, so that naming one defines it. */
function definedHosts({ file, agents }: CheckContext): ReadonlySet<string> | null {
  if (file.hosts === undefined) return null;
  const hosts = new Set(Object.keys(file.hosts).map(hostKey));
  const { host, ssh } = file.defaults ?? {};
  if (host !== undefined && ssh !== undefined) hosts.add(hostKey(host));
  for (const { written, merged } of agents) {
    if (merged.host !== undefined && written.ssh !== undefined) hosts.add(hostKey(merged.host));
  }
  return hosts;
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

// --- one host, one way to it --------------------------------------------------------------------------------------

interface HostDefinition {
  readonly host: string;
  readonly ssh: string | undefined;
  readonly path: DataPath;
}

function checkHostDefinitions(context: CheckContext): void {
  const { file, report } = context;
  const listed = new Map<string, string>();
  for (const name of Object.keys(file.hosts ?? {})) {
    const other = listed.get(hostKey(name));
    listed.set(hostKey(name), name);
    if (other === undefined) continue;
    const detail = `${name} and ${other} are the same host: case does not count`;
    report({ code: 'host-conflict', path: ['hosts', name], at: 'key', detail, remedy: 'keep one of them' });
  }
  const first = new Map<string, HostDefinition>();
  for (const definition of hostDefinitions(context)) {
    const { host, ssh, path } = definition;
    const other = first.get(hostKey(host));
    if (other === undefined) first.set(hostKey(host), definition);
    else if (other.ssh !== ssh && path[0] !== 'hosts') {
      const detail = (lineOf: (path: DataPath) => number) =>
        `${host} is reached by ${ssh ?? 'nothing (this machine)'} here and by ${other.ssh ?? 'nothing (this machine)'} on line ${lineOf(other.path)}`;
      const remedy = 'say it once, under `hosts`';
      report({ code: 'host-conflict', path, at: 'value', detail, remedy });
    }
  }
}

function hostDefinitions(context: CheckContext): readonly HostDefinition[] {
  const { file, report } = context;
  const listed = Object.entries(file.hosts ?? {}).map(
    ([host, { ssh }]): HostDefinition => ({ host, ssh, path: ['hosts', host, 'ssh'] }),
  );
  const beside = writtenFields(context).flatMap(({ path, fields }): HostDefinition[] => {
    if (fields.ssh === undefined) return [];
    const host = fields.host ?? file.defaults?.host;
    if (host !== undefined) return [{ host, ssh: fields.ssh, path: [...path, 'ssh'] }];
    const detail = '`host`, the name of the host that this `ssh` leads to';
    report({
      code: 'missing-key',
      path: [...path, 'ssh'],
      at: 'key',
      detail,
      remedy: 'add `host:` beside it',
      unlessFaulty: [path],
    });
    return [];
  });
  return [...listed, ...beside];
}

// --- depends_on ---------------------------------------------------------------------------------------------------

export function checkDependencies(context: CheckContext): void {
  const byName = new Map(context.agents.map((agent) => [agent.written.name, agent]));
  for (const agent of context.agents) {
    const origin = originOf(agent, 'depends_on');
    for (const [i, name] of (agent.merged.depends_on ?? []).entries()) {
      if (byName.has(name) || !knowsAllNames(context)) continue;
      const near = nearest(name, [...byName.keys()]);
      context.report({
        code: 'unknown-reference',
        path: [...origin, i],
        at: 'value',
        detail: `agent ${JSON.stringify(name)} in depends_on`,
        remedy: near === null ? 'add that agent, or take it out of `depends_on`' : `did you mean ${near}?`,
      });
    }
  }
  for (const cycle of cycles(byName)) reportCycle(context, byName, cycle);
}

function reportCycle(context: CheckContext, byName: ReadonlyMap<string, CheckedAgent>, cycle: readonly string[]): void {
  const last = byName.get(cycle.at(-1) ?? '');
  if (last === undefined) return;
  const closing = (last.merged.depends_on ?? []).indexOf(cycle[0] ?? '');
  const detail = [...cycle, cycle[0]].join(' -> ');
  const remedy = cycle.length === 1 ? 'an agent cannot wait for itself' : 'take one of them out';
  context.report({
    code: 'dependency-cycle',
    path: [...originOf(last, 'depends_on'), closing],
    at: 'value',
    detail,
    remedy,
  });
}

/** Each circle once, as names in the order of waiting. Iterative: a chain may be as long as the roster. */
function cycles(byName: ReadonlyMap<string, CheckedAgent>): readonly (readonly string[])[] {
  const found: string[][] = [];
  const done = new Set<string>();
  for (const start of byName.keys()) {
    const trail: string[] = [];
    const on = new Set<string>();
    const stack: { readonly name: string; readonly rest: string[] }[] = [];
    const enter = (name: string): void => {
      if (on.has(name)) found.push(trail.slice(trail.indexOf(name)));
      if (on.has(name) || done.has(name)) return;
      trail.push(name);
      on.add(name);
      stack.push({ name, rest: [...(byName.get(name)?.merged.depends_on ?? [])].filter((n) => byName.has(n)) });
    };
    enter(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.rest.shift();
      if (next !== undefined) {
        enter(next);
        continue;
      }
      stack.pop();
      trail.pop();
      on.delete(top.name);
      done.add(top.name);
    }
  }
  return found;
}
