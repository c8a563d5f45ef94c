/**
 * The controller as a user unit: written, enabled, started; and undone. Both can be run again at any time. Neither ever
 * touches a session, a tmux server or another unit.
 */
import { observeLinger } from '../../observe/linger.ts';
import { systemctl } from '../../observe/systemd/systemctl.ts';
import { err, ok, type Result } from '../../spec/result.ts';
import { renderServiceUnit, SERVICE_UNIT, type ServiceUnit } from '../../spec/service-unit.ts';
import { ending } from '../effects/programs.ts';
import { type Failure, failure } from '../outcome.ts';
import { readService, type ServicePorts, type ServiceState } from './unit-state.ts';

/** Starting waits for the controller's first look. Milliseconds. */
const DEADLINE_MS = 150_000;

export interface Installed {
  readonly path: string;
  /** What was done, in order, each a phrase; empty: all was so already. */
  readonly done: readonly string[];
  /** Linger is off and could not be switched on: the controller ends with the last logout. */
  readonly linger: Failure | null;
}

export interface NotInstalled {
  readonly failure: Failure;
  /** What was done before, and stays. */
  readonly done: readonly string[];
}

export async function installService(
  ports: ServicePorts,
  unit: Omit<ServiceUnit, 'systemdVersion'>,
): Promise<Result<Installed, NotInstalled>> {
  const done: string[] = [];
  const installed = await install(ports, unit, done);
  return installed.ok ? installed : err({ failure: installed.error, done });
}

async function install(
  ports: ServicePorts,
  unit: Omit<ServiceUnit, 'systemdVersion'>,
  done: string[],
): Promise<Result<Installed, Failure>> {
  const before = await readService(ports);
  if (!before.ok) return before;
  const { path, owner } = before.value;
  if (owner !== null && owner !== unit.owner) return err(otherOwner(path, owner));
  const content = renderServiceUnit({ ...unit, systemdVersion: before.value.systemdVersion });
  const changed = content !== before.value.content;
  if (changed) {
    const written = ports.files.write(path, content, { always: 0o644 });
    if (!written.ok) return written;
    done.push(before.value.content === null ? `wrote ${path}` : `updated ${path}`);
  }
  const calls = callsFor(before.value, changed);
  for (const { args, says } of [...calls, { args: ['enable', '--', SERVICE_UNIT], says: null }]) {
    const called = await systemctl(ports.run, ports.user.uid, args, DEADLINE_MS);
    if (!called.ok) return err(refused(args, called.error.detail));
    if (says !== null) done.push(says);
  }
  const started = await start(ports, before.value, changed);
  if (!started.ok) return started;
  done.push(...started.value);
  return ok({ path, done, linger: await enableLinger(ports, done) });
}

function callsFor(
  before: ServiceState,
  changed: boolean,
): readonly { readonly args: readonly string[]; readonly says: string | null }[] {
  return changed || before.needsReload ? [{ args: ['daemon-reload'], says: null }] : [];
}

/** A running one is restarted only where its unit changed. */
async function start(
  ports: ServicePorts,
  before: ServiceState,
  changed: boolean,
): Promise<Result<readonly string[], Failure>> {
  const running = before.active === 'active' || before.active === 'activating' || before.active === 'reloading';
  if (running && !changed) return ok([]);
  const args = [running ? 'restart' : 'start', '--', SERVICE_UNIT];
  const called = await systemctl(ports.run, ports.user.uid, args, DEADLINE_MS);
  if (!called.ok) return err(refused(args, called.error.detail));
  return ok([running ? `restarted ${SERVICE_UNIT}` : `started ${SERVICE_UNIT}, also at every boot`]);
}

async function enableLinger(ports: ServicePorts, done: string[]): Promise<Failure | null> {
  const { name } = ports.user;
  const seen = observeLinger(name);
  if (seen.status === 'known' && seen.value.enabled) return null;
  const asked = await ports.run('loginctl', ['--no-ask-password', 'enable-linger', name], { deadlineMs: 30_000 });
  if (asked.kind === 'exited' && asked.code === 0) {
    done.push(`switched linger on for ${name}`);
    return null;
  }
  const summary = 'Linger is off: the controller and the agents end with the last logout and do not come up at boot';
  return failure('linger-refused', summary, ending(asked), `as root: loginctl enable-linger ${name}`);
}

/** What was there to undo; empty: nothing. Linger stays: the agents need it. */
export async function uninstallService(ports: ServicePorts): Promise<Result<readonly string[], Failure>> {
  const before = await readService(ports);
  if (!before.ok) return before;
  const { path, content } = before.value;
  if (content === null) return ok([]);
  for (const verb of ['disable', 'stop']) {
    const args = [verb, '--', SERVICE_UNIT];
    const called = await systemctl(ports.run, ports.user.uid, args, DEADLINE_MS);
    if (!called.ok && called.error.why !== 'no-such-unit') return err(refused(args, called.error.detail));
  }
  const removed = ports.files.remove(path);
  if (!removed.ok) return removed;
  const reloaded = await systemctl(ports.run, ports.user.uid, ['daemon-reload'], DEADLINE_MS);
  if (!reloaded.ok) return err(refused(['daemon-reload'], reloaded.error.detail));
  return ok([`stopped and disabled ${SERVICE_UNIT}`, `removed ${path}`]);
}

function otherOwner(path: string, owner: string): Failure {
  const remedy = 'one user has one controller; to have this one instead: fleet uninstall, then fleet install again';
  return failure(
    'other-owner',
    'Another fleet has its controller here',
    `${path} belongs to the fleet ${owner}`,
    remedy,
  );
}

function refused(args: readonly string[], detail: string): Failure {
  const remedy = `systemctl --user status ${SERVICE_UNIT}; journalctl --user -u ${SERVICE_UNIT} -n 30`;
  return failure('systemctl-failed', 'systemd did not do it', `systemctl --user ${args.join(' ')}: ${detail}`, remedy);
}
