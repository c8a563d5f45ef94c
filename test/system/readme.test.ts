/** What README.md tells a new user to do, done on a fresh host with the package as it is published: it prints what README says. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { block, session, withoutVarying } from '../cli/readme.ts';
import { fleetOn } from './harness/fleet.ts';
import { bootHost, type Host } from './harness/host.ts';
import { describeOnHost } from './harness/on-host.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** README's own user, and one who puts the sample roster into force. */
const USERS = ['ada', 'eve'] as const;

/** The package, packed and installed as README says, into an empty prefix: a tar archive of that prefix. */
function installedPackage(): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-test-package-'));
  try {
    const npm = (...args: readonly string[]) => execFileSync('npm', args, { cwd: ROOT, stdio: 'pipe' });
    npm('pack', '--ignore-scripts', '--pack-destination', directory);
    const [tarball = ''] = readdirSync(directory);
    const prefix = join(directory, 'prefix');
    npm('install', '--global', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, join(directory, tarball));
    return execFileSync('tar', ['-C', prefix, '-c', '.'], { maxBuffer: 256 * 1024 * 1024 });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describeOnHost('the package, as README says', () => {
  let host: Host;
  const prefixOf = (user: string): string => `/home/${user}/.npm-global`;
  const sh = (user: string, script: string) =>
    host.as(user, ['sh', '-c', script], { env: { PATH: `${prefixOf(user)}/bin:/usr/local/bin:/usr/bin:/bin` } });

  beforeAll(async () => {
    const archive = installedPackage().toString('base64');
    host = await bootHost({ hostname: 'devbox', users: USERS.map((name) => ({ name, linger: true })) });
    for (const user of USERS) {
      const prefix = prefixOf(user);
      const script = 'mkdir "$0" && base64 -d | tar -C "$0" -x && ln -s "$1" "$0/bin/node"';
      await host.mustAs(user, ['sh', '-c', script, prefix, host.node], { input: archive });
    }
  });
  afterAll(() => host?.destroy());

  test('README shows a first apply, ps, drift and its repair', () => {
    expect(session.map(({ command }) => command)).toEqual(
      expect.arrayContaining([
        'fleet validate',
        'fleet apply -y',
        'fleet ps',
        'fleet plan',
        'fleet plan --detailed-exitcode',
      ]),
    );
  });

  test('its first roster, command by command', async () => {
    await host.write('ada', 'fleet.yaml', block('yaml'));
    await host.write('ada', 'agents/reviewer.py', block('python'));
    for (const { command, output } of session) {
      const { stdout, stderr } = await sh('ada', `exec 2>&1; ${command}`);
      expect(stderr).toBe('');
      const [printed, expected] = [withoutVarying(stdout), withoutVarying(output)];
      if (!expected.startsWith('...\n')) expect(printed, command).toBe(expected);
      else expect(printed.slice(-expected.length + 4), command).toBe(expected.slice(4));
    }
  });

  test('the sample roster that comes with it, on a host that has its agent: planned, applied, and then nothing', async () => {
    const root = `${prefixOf('eve')}/lib/node_modules`;
    const claude = `${root}/@anthropic-ai/claude-code`;
    await host.write('eve', `${claude}/package.json`, '{ "name": "@anthropic-ai/claude-code" }\n');
    await host.write('eve', `${claude}/cli.js`, '#!/usr/bin/env node\nsetInterval(() => {}, 1 << 30);\n', '755');
    await host.mustAs('eve', ['ln', '-s', `${claude}/cli.js`, `${prefixOf('eve')}/bin/claude`]);
    const made = await sh('eve', `cp "${root}/tmux-fleet/fleet.yaml" . && fleet validate`);
    expect([made.stdout, made.stderr]).toEqual([
      'fleet.yaml is valid: 1 agent (fleet fleet, layout fleet, supervisor systemd)\n',
      '',
    ]);
    expect(await host.mustAs('eve', ['cat', 'fleet.yaml'])).toBe(readFileSync(join(ROOT, 'fleet.yaml'), 'utf8'));
    const installed: Host = {
      ...host,
      fleet: (user, args, as) => host.as(user, [host.node, `${prefixOf(user)}/bin/fleet`, ...args], as),
    };
    await fleetOn(installed, 'eve', '/home/eve/fleet.yaml').applyAndSettle({
      changes: [
        'env-file/coder env-file-missing',
        'env-file/coder.argv env-file-missing',
        'env-file/fleet.launch env-file-missing',
        'session/coder session-missing',
        'tmux-server/fleet server-missing',
        'unit-file/fleet-agent@.service unit-missing',
        'unit-file/fleet-tmux.service daemon-reload-needed',
        'unit-file/fleet-tmux.service unit-missing',
        'unit/fleet-agent@coder.service boot-disabled',
        'unit/fleet-tmux.service boot-disabled',
      ],
      warnings: [],
    });
  });
});
