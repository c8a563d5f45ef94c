/** The first roster of README.md and its program do what README.md says of them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openBench } from './harness.ts';
import { block, README } from './readme.ts';

const { name, version, files } = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'),
);

function hasPython(): boolean {
  try {
    execFileSync('python3', ['--version']);
    return true;
  } catch {
    return false;
  }
}

test('the roster is valid, and its runtime is expected to beat', async () => {
  const bench = openBench();
  onTestFinished(bench.remove);
  bench.file('fleet.yaml', block('yaml'));
  expect((await bench.run('validate')).code).toBe(0);
  expect(block('yaml')).not.toContain('beats');
});

test.skipIf(!hasPython())(
  'its program writes a heartbeat as section 7 of the contract wants it (needs python3)',
  async () => {
    const home = mkdtempSync(join(tmpdir(), 'fleet-test-readme-'));
    const script = join(home, 'reviewer.py');
    writeFileSync(script, block('python'));
    const env = { PATH: process.env['PATH'], HOME: home, FLEET_AGENT_NAME: 'reviewer' };
    const agent: ChildProcess = spawn('python3', [script], { env, stdio: 'inherit' });
    onTestFinished(async () => {
      const ended = once(agent, 'exit');
      agent.kill('SIGKILL');
      await ended;
      rmSync(home, { recursive: true, force: true });
    });
    const beat = join(home, '.local/state/fleet/run/reviewer.hb');
    await expect.poll(() => existsSync(beat), { timeout: 20_000 }).toBe(true);
    expect(readFileSync(beat, 'utf8')).toMatch(new RegExp(`^ts=\\d+\\npid=${agent.pid}\\nstatus=ok\\n$`));
  },
);

test('what it installs is what npm pack makes', () => {
  expect(README).toContain(`npm install --global ./${name}-${version}.tgz\n`);
});

test('what it links to is in the package', () => {
  const links = [...README.matchAll(/\]\(([^):]+)\)/g)].map((link) => link[1] ?? '');
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) {
    expect(existsSync(fileURLToPath(new URL(`../../${link}`, import.meta.url))), link).toBe(true);
    expect(files).toContain(link.split('/')[0]);
  }
});
