/** What exists on a host, by identity, and what of it a plan has no business with. */
import type { Change } from '../../../src/diff/plan.ts';
import type { Host } from './host.ts';

export type RowKind = 'sockets' | 'session' | 'server' | 'process' | 'unit' | 'boot' | 'linger' | 'file' | 'directory';
/** Kind, name (of the session, agent, unit or file), and what makes it this very one. */
export type Row = readonly [kind: RowKind, name: string, text: string];

/** fleet's own memory: written by every apply, also by one that changes nothing. */
const STATE = '.local/state/fleet';

export async function snapshot(host: Host, user: string): Promise<readonly Row[]> {
  return JSON.parse(await host.mustAs(user, [host.node, '/opt/snapshot.cjs'])) as readonly Row[];
}

export function withoutState(rows: readonly Row[]): readonly Row[] {
  return rows.filter(([kind, name]) => !((kind === 'file' || kind === 'directory') && isBelow(STATE, name)));
}

/** The rows that none of these changes is about: they must be the same before and after an apply. */
export function foreignTo(changes: readonly Change[], rows: readonly Row[]): readonly Row[] {
  const may = allowedBy(changes);
  return withoutState(rows).filter(([kind, name]) => !may(kind, name));
}

/** What the executor may touch for these changes. */
function allowedBy(changes: readonly Change[]): (kind: RowKind, name: string) => boolean {
  const agents = new Set(changes.filter(startsOrEnds).flatMap((change) => change.agent ?? []));
  const units = new Set(changes.filter(({ kind }) => kind === 'unit').map(nameOf));
  const started = new Set(changes.filter((change) => change.kind === 'unit' && startsOrEnds(change)).map(nameOf));
  const linger = changes.some(({ kind }) => kind === 'linger');
  // The manager was away: all that it starts comes with it.
  const manager = changes.some(({ kind, replan }) => kind === 'linger' && replan);
  const server = manager || changes.some((change) => change.kind === 'tmux-server' && startsOrEnds(change));
  // Behind a deleted socket sessions cannot be listed; their processes can.
  const hidden = changes.some(({ action }) => action === 'signal');
  const holder = server || changes.some(({ reason }) => reason === 'holder-missing');
  const isOfAgent = (unit: string): boolean => [...agents].some((agent) => unit.includes(`-agent@${agent}.service`));

  return (kind, name) => {
    switch (kind) {
      case 'session':
        // The row without a name says that a server could not be asked.
        return manager || hidden || agents.has(name) || (holder && name === '_holder') || (server && name === '');
      case 'process':
        return manager || agents.has(name) || (holder && name === '');
      case 'server':
        return server;
      case 'sockets':
        return server || hidden;
      case 'unit':
        return manager || isOfAgent(name) || started.has(name) || (server && name.includes('-tmux'));
      case 'boot':
        return manager || units.has(name);
      case 'linger':
        return linger;
      case 'file':
        return changes.some((change) => mayWrite(change, name));
      case 'directory':
        return changes.length > 0 && OWN.some((root) => isBelow(root, name) || isBelow(name, root));
    }
  };
}

function startsOrEnds({ kind, action, reason }: Change): boolean {
  if (reason === 'holder-missing' || !['session', 'unit', 'tmux-server'].includes(kind)) return false;
  return ['create', 'start', 'restart', 'stop', 'destroy'].includes(action);
}

function nameOf({ address }: Change): string {
  return address.split('/').slice(3).join('/');
}

/** Directories that fleet may have to make, with those above them. */
const OWN = ['.config/fleet', '.config/systemd', '.config/mosaic/fleet/agents', '.local/share/fleet', STATE];

function mayWrite(change: Change, file: string): boolean {
  const name = nameOf(change);
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
