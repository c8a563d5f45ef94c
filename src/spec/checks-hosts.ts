/** One host, one way to it: `hosts`, and the `ssh` that may stand beside an agent's `host`. */
import type { DataPath } from './problems.ts';
import type { CheckContext } from './roster-view.ts';
import { hostKey } from './written.ts';

/** Keys of the hosts that are defined: listed, or named beside an `ssh`. Null: no list, so that naming one defines it. */
export function definedHosts({ file, agents }: CheckContext): ReadonlySet<string> | null {
  if (file.hosts === undefined) return null;
  const hosts = new Set(Object.keys(file.hosts).map(hostKey));
  const { host, ssh } = file.defaults ?? {};
  if (host !== undefined && ssh !== undefined) hosts.add(hostKey(host));
  for (const { written, merged } of agents) {
    if (merged.host !== undefined && written.ssh !== undefined) hosts.add(hostKey(merged.host));
  }
  return hosts;
}

interface HostDefinition {
  readonly host: string;
  readonly ssh: string | undefined;
  readonly path: DataPath;
}

export function checkHosts(context: CheckContext): void {
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
  const beside = context.places.flatMap(({ path, written }): HostDefinition[] => {
    if (written.ssh === undefined) return [];
    const host = written.host ?? file.defaults?.host;
    if (host !== undefined) return [{ host, ssh: written.ssh, path: [...path, 'ssh'] }];
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
