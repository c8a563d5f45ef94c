/** A machine that is to boot hosts and lacks something for them fails the run, which tells what. */
import { expect, test } from 'vitest';
import { execute } from './harness/execute.ts';
import { hostsAreExpected, whyNoHosts } from './harness/requirements.ts';

/** Without tmux, in a mount namespace of its own. */
const WITHOUT_TMUX = [
  'unshare',
  '--mount',
  'sh',
  '-c',
  'mount --bind /dev/null "$(command -v tmux)" && exec "$@"',
  'sh',
];

test.skipIf(!hostsAreExpected() || whyNoHosts() !== null)(
  'a run of the tests on hosts fails without tmux (needs root and systemd-nspawn)',
  async () => {
    const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--project', 'system'];
    const ran = await execute([...WITHOUT_TMUX, ...vitest, 'test/system/hosts-are-had.test.ts']);
    expect(ran.code, ran.stdout).toBe(1);
    expect(ran.stderr).toContain('Tests on booted hosts are skipped: missing here: tmux (Debian package tmux)\n');
    expect(ran.stdout).toMatch(/Tests .*1 failed/);
  },
);
