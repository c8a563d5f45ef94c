/** What exists on a host, by identity, and what of it a plan has no business with. */
import type { Change } from '../../../src/diff/plan.ts';
import type { Host } from './host.ts';

export type RowKind = 'sockets' | 'session' | 'server' | 'process' | 'unit' | 'boot' | 'linger' | 'file' | 'directory';
/** Kind, name (of the session, agent, unit or file), and what makes it this very one. */
export type Row = readonly [kind: RowKind, name: string, text: string];

/** fleet's own memory: written by every apply, also by one that changes nothing. */
const STATE = '.local/state/fleet';

export async function snapshot(host: Host, user: string): Promise<readonly Row[]> {
  return JSON.parse(await host.mustAs(user, [host.node, '/opt/fleet/snapshot.cjs'])) as readonly Row[];
}

export function withoutState(rows: readonly Row[]): readonly Row[] {
  return rows.filter(([kind, name]) => !((kind === 'file' || kind === 'directory') && isBelow(STATE, name)));
}

/** The rows that none of these changes is about: they must be the same before and after an apply. */
export function foreignTo(changes: readonly Change[], rows: readonly Row[]): readonly Row[] {
  const names = (kind: string): ReadonlySet<string> =>
    new Set(
      changes.filter((change) => change.kind === kind).map((change) => change.address.split('/').slice(3).join('/')),
    );
  const lives = (change: Change): boolean =>
    (change.kind === 'session' || change.kind === 'unit') &&
    ['create', 'start', 'restart', 'stop'].includes(change.action);
  const agents = new Set(changes.filter(lives).flatMap((change) => change.agent ?? []));
  const server = changes.some((change) => change.kind === 'tmux-server' || (lives(change) && change.agent === null));
  const units = names('unit');
  const ofAgent = (unit: string): boolean => [...agents].some((agent) => unit.includes(`-agent@${agent}.service`));

  const ours = ([kind, name]: Row): boolean => {
    switch (kind) {
      case 'session':
        return agents.has(name) || (server && name === '_holder');
      case 'process':
        return agents.has(name) || (server && name === '');
      case 'server':
      case 'sockets':
        return server;
      case 'unit':
        return ofAgent(name) || (server && name.includes('-tmux')) || (units.has(name) && server);
      case 'boot':
        return units.has(name);
      case 'linger':
        return names('linger').size > 0;
      case 'file':
        return changes.some((change) => mayWrite(change, name));
      case 'directory':
        return changes.length > 0 && OWN.some((root) => isBelow(root, name) || isBelow(name, root));
    }
  };
  return withoutState(rows).filter((row) => !ours(row));
}

/** Directories that fleet may have to make, with those above them. */
const OWN = ['.config/fleet', '.config/systemd', '.config/mosaic/fleet/agents', '.local/share/fleet', STATE];

function mayWrite(change: Change, file: string): boolean {
  const name = change.address.split('/').slice(3).join('/');
  const launcher = file === '.local/share/fleet/launch';
  switch (change.kind) {
    case 'env-file':
      return file.endsWith(`/agents/${name}.env`) || file.endsWith(`/agents/${name}.argv`) || launcher;
    case 'unit-file':
      return file === `.config/systemd/user/${name}` || launcher;
    case 'unit':
      return file.endsWith(`.wants/${name}`);
    case 'session':
      return file.endsWith(`/agents/${name}.argv`) || launcher;
    default:
      return false;
  }
}

/** Whether `path` is `root` or below it. */
function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}
