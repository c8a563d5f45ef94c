import { describe, expect, test } from 'vitest';
import { renderServiceUnit, type ServiceUnit, STOP_SECONDS } from '../../src/spec/service-unit.ts';

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

  test.each([
    [null, false],
    [253, false],
    [254, true],
  ])('under systemd %s: steps between restarts %s', (systemdVersion, steps) => {
    expect(renderServiceUnit({ ...UNIT, systemdVersion }).includes('RestartSteps=')).toBe(steps);
  });
});
