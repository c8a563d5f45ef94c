import { describe, expect, test } from 'vitest';
import { renderServiceUnit, type ServiceUnit, STOP_SECONDS, WATCHDOG_SECONDS } from '../../src/spec/service-unit.ts';

const UNIT: ServiceUnit = {
  owner: 'mosaic',
  node: '/usr/bin/node',
  script: '/opt/fleet/fleet.cjs',
  args: ['-f', '/home/j/fleet.yaml'],
  systemdVersion: 252,
};
/** Of user@.service, as systemd ships it: after so long all that is left of the user is killed, agents' servers too. */
const USER_MANAGER_STOPS_WITHIN = 120;

describe('fleet.service', () => {
  test('is ended long before the user manager itself would be', () => {
    expect(renderServiceUnit(UNIT)).toContain(`\nTimeoutStopSec=${STOP_SECONDS}\n`);
    expect(STOP_SECONDS).toBeLessThanOrEqual(USER_MANAGER_STOPS_WITHIN / 2);
  });

  test('ends its one process and no session, and is started again after a failure, always', () => {
    const lines = renderServiceUnit(UNIT).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'ExecStart=/usr/bin/node /opt/fleet/fleet.cjs run -f /home/j/fleet.yaml',
        'KillMode=process',
        'Restart=on-failure',
        'StartLimitIntervalSec=0',
        'RestartPreventExitStatus=64',
        'Owner=mosaic',
      ]),
    );
  });

  test('is watched, told of as ready by itself, and reads its roster again when it is reloaded', () => {
    const lines = renderServiceUnit(UNIT).split('\n');
    for (const line of ['Type=notify', 'NotifyAccess=all', `WatchdogSec=${WATCHDOG_SECONDS}`])
      expect(lines).toContain(line);
    expect(lines).toContain('ExecReload=/bin/kill -HUP $MAINPID');
    // Starts at each boot, and with the first login where the user does not linger.
    expect(lines).toContain('WantedBy=default.target');
    // A loop that shows twice in that time that it lives, and a message that is late, must not end it.
    expect(WATCHDOG_SECONDS).toBeGreaterThanOrEqual(60);
  });

  test.each([
    [null, []],
    [253, []],
    [254, ['RestartSteps=6', 'RestartMaxDelaySec=60']],
  ])('under systemd %s: between restarts a second, and %j', (systemdVersion, steps) => {
    const lines = renderServiceUnit({ ...UNIT, systemdVersion }).split('\n');
    // Without either systemd takes no steps.
    expect(lines.filter((line) => /^Restart(?:Sec|Steps|MaxDelaySec)=/.test(line))).toEqual(['RestartSec=1', ...steps]);
  });
});
