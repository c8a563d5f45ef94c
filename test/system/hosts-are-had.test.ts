/** As root on a machine with systemd-nspawn, a run that boots no host is a failure. */
import { expect, test } from 'vitest';
import { hostsAreExpected, whyNoHosts } from './harness/requirements.ts';

test.skipIf(!hostsAreExpected())(`hosts can be booted here (${whyNoHosts() ?? 'nothing is missing'})`, () => {
  expect(whyNoHosts()).toBeNull();
});
