/** What is there under the controller's unit name, and whether it is ours to change. */
import { join } from 'node:path';
import { systemctl } from '../../observe/systemd/systemctl.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { SERVICE_UNIT } from '../../spec/service-unit.ts';
import { unitFileOwner } from '../../spec/unit-file.ts';
import { type Failure, failure } from '../outcome.ts';
import type { ApplyPorts } from '../ports.ts';

export interface ServicePorts extends Pick<ApplyPorts, 'run' | 'files'> {
  readonly user: { readonly name: string; readonly uid: number; readonly home: string };
}

export interface ServiceState {
  /** Absolute, where fleet writes it. */
  readonly path: string;
  /** Its text there; null: no such file. */
  readonly content: string | null;
  /** Null: no such file. */
  readonly owner: string | null;
  readonly active: string;
  readonly needsReload: boolean;
  /** The manager's version; null where it cannot be read. */
  readonly systemdVersion: number | null;
}

const DEADLINE_MS = 20_000;
const PROPERTIES = 'FragmentPath,ActiveState,UnitFileState,NeedDaemonReload';

/** Refuses what fleet did not write: a unit in another place, a mask, a file without our mark. */
export async function readService(ports: ServicePorts): Promise<Result<ServiceState, Failure>> {
  const { uid, home } = ports.user;
  const path = join(home, '.config/systemd/user', SERVICE_UNIT);
  const version = await systemctl(ports.run, uid, ['show', '-p', 'Version', '--value'], DEADLINE_MS);
  if (!version.ok) return err(noManager(version.error.detail, ports.user.name));
  const shown = await systemctl(ports.run, uid, ['show', '-p', PROPERTIES, '--', SERVICE_UNIT], DEADLINE_MS);
  if (!shown.ok) return err(noManager(shown.error.detail, ports.user.name));
  const properties = new Map(shown.value.split('\n').map((line) => splitAt(line, '=')));
  const file = ports.files.read(path);
  if (file.state === 'failed') return err(file.failure);
  const content = file.state === 'present' ? file.content : null;
  const owner = content === null ? null : unitFileOwner(content);
  const foreign = foreignUnit(path, content !== null && owner === null, properties);
  if (foreign !== null) return err(foreign);
  return ok({
    path,
    content,
    owner,
    active: properties.get('ActiveState') ?? '',
    needsReload: properties.get('NeedDaemonReload') === 'yes',
    systemdVersion: Number.parseInt(version.value, 10) || null,
  });
}

function foreignUnit(path: string, unmarked: boolean, properties: ReadonlyMap<string, string>): Failure | null {
  const refuse = (detail: string, remedy: string): Failure =>
    failure('not-ours', `${SERVICE_UNIT} is not fleet's`, detail, remedy);
  if (unmarked)
    return refuse(`${path} does not bear fleet's mark`, `look at it; then move it away: mv ${path} ${path}.old`);
  if (properties.get('UnitFileState')?.startsWith('masked') === true) {
    return refuse('it is masked: a person did that', `systemctl --user unmask ${SERVICE_UNIT}`);
  }
  const fragment = properties.get('FragmentPath') ?? '';
  if (fragment === '' || fragment === path) return null;
  return refuse(`systemd takes it from ${fragment}`, 'remove or rename that unit');
}

function noManager(detail: string, user: string): Failure {
  const remedy = `loginctl enable-linger ${user} (where that is refused, as root), then log in again`;
  return failure('no-user-manager', "The user's systemd cannot be reached", detail, remedy);
}

function splitAt(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}
