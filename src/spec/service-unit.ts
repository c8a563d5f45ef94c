/**
 * `fleet.service`, the controller as a user unit (docs/controller.md). Pure: text out of what it is for.
 *
 * KillMode=process: whatever happens to the controller, systemd ends its one process and nothing that it started. The
 * start limit is off: the steps between restarts keep it calm, and a controller that stays dead helps nobody.
 */
import { formatUnitText, formatUnitWord } from './quoting.ts';

export const SERVICE_UNIT = 'fleet.service';
/** Seconds in which the controller must show that its passes go on. */
export const WATCHDOG_SECONDS = 90;
/**
 * Seconds from SIGTERM until it is killed. An effect under way may last longer (a start 100 s, and then a minute until the
 * agent is ready), and the next controller finds out what came of it. The user manager cannot wait: user@.service is
 * given 120 s, and when they are over all that runs under it is killed, every agent's server too.
 */
export const STOP_SECONDS = 60;

export interface ServiceUnit {
  /** The roster's `fleet:`. */
  readonly owner: string;
  /** Absolute. */
  readonly node: string;
  readonly script: string;
  /** Arguments of `fleet run`, paths in them absolute. */
  readonly args: readonly string[];
  /** The manager's version; null where it is not known. */
  readonly systemdVersion: number | null;
}

/** RestartSteps= came with 254; earlier ones would only complain about an unknown name. */
const STEPS_SINCE = 254;

export function renderServiceUnit(unit: ServiceUnit): string {
  const command = [unit.node, unit.script, 'run', ...unit.args].map(formatUnitWord).join(' ');
  const steps = (unit.systemdVersion ?? 0) >= STEPS_SINCE ? ['RestartSteps=6', 'RestartMaxDelaySec=60'] : [];
  return [
    '# Written by fleet install: do not edit, it is written again. Changes of your own go to a drop-in.',
    '[Unit]',
    `Description=${formatUnitText(`Controller of the fleet ${unit.owner}`)}`,
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=notify',
    // systemd-notify, a child, is what speaks to systemd.
    'NotifyAccess=all',
    `WatchdogSec=${WATCHDOG_SECONDS}`,
    'WatchdogSignal=SIGKILL',
    `ExecStart=${command}`,
    'ExecReload=/bin/kill -HUP $MAINPID',
    'Restart=on-failure',
    'RestartSec=1',
    ...steps,
    // A wrong command line does not mend itself.
    'RestartPreventExitStatus=64',
    'KillMode=process',
    'TimeoutStartSec=120',
    `TimeoutStopSec=${STOP_SECONDS}`,
    'OOMPolicy=continue',
    'UMask=0077',
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
    '[X-Fleet]',
    `Owner=${unit.owner}`,
    '',
  ].join('\n');
}
