import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findRoster } from '../../src/cli/roster-file.ts';
import { type Bench, openBench } from './harness.ts';

const VALID = 'version: 1\nagents: [{ name: a, runtime: pi }]\n';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

describe('the default roster', () => {
  const find = (given: string | null, env: Record<string, string> = {}) => {
    const home = join(bench.directory, 'home');
    const place = { cwd: bench.directory, env, user: { name: 'jarvis', uid: 1000, home } };
    const found = findRoster(given, place);
    return found.ok ? found.value : found.error;
  };
  const inHome = () => {
    mkdirSync(join(bench.directory, 'home/.config/fleet'), { recursive: true });
    return bench.file('home/.config/fleet/fleet.yaml', VALID);
  };

  test('is what -f names, before all others', () => {
    bench.file('fleet.yaml', VALID);
    expect(find('other.yaml', { FLEET_FILE: '/x.yaml' })).toBe('other.yaml');
  });

  test('is ./fleet.yaml, then $FLEET_FILE, then the one in the home', () => {
    const own = inHome();
    expect(find(null)).toBe(own);
    expect(find(null, { FLEET_FILE: '/x.yaml' })).toBe('/x.yaml');
    bench.file('fleet.yaml', VALID);
    expect(find(null, { FLEET_FILE: '/x.yaml' })).toBe('fleet.yaml');
  });

  test('that is nowhere is an error that names the places, exit 78', () => {
    expect(find(null, { FLEET_FILE: '' })).toEqual({
      code: 78,
      message: expect.stringMatching(
        /^no roster: neither \.\/fleet\.yaml nor .*\/home\/\.config\/fleet\/fleet\.yaml exists/,
      ),
      remedy: expect.stringContaining('-f FILE'),
    });
  });
});

describe('no command does anything with a roster that it cannot use', () => {
  test.each([['plan'], ['apply', '-y'], ['ps'], ['observe'], ['explain', 'a'], ['validate']])(
    'fleet %s exits 78',
    async (...argv) => {
      const broken = bench.file('broken.yaml', 'version: 1\nagents: [{ nam: a, runtime: pi }]\n');
      for (const path of [broken, join(bench.directory, 'absent.yaml'), bench.directory]) {
        const { code, stdout, stderr } = await bench.run(...argv, '-f', path);
        expect([code, stdout]).toEqual([78, '']);
        expect(stderr).toContain(path);
      }
    },
  );
});

describe('validate', () => {
  test('says what the roster holds', async () => {
    const path = bench.file('r.yaml', VALID);
    const stdout = `${path} is valid: 1 agent (fleet fleet, layout fleet, supervisor systemd)\n`;
    expect(await bench.run('validate', path)).toEqual({ code: 0, stdout, stderr: '' });
    expect(await bench.run('validate', '-f', path)).toEqual({ code: 0, stdout, stderr: '' });
  });

  test('tells every problem at once as file:line:col: message', async () => {
    const path = bench.file(
      'r.yaml',
      'version: 1\nagents:\n  - { nam: a, runtime: pi }\n  - { name: B, runtime: pi }\n',
    );
    const { code, stderr } = await bench.run('validate', path);
    expect(code).toBe(78);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    for (const line of lines) expect(line).toMatch(/^\/.*r\.yaml:\d+:\d+: \S/);
  });

  test('--json prints one document, valid or not', async () => {
    const good = await bench.run('validate', '--json', bench.file('good.yaml', VALID));
    expect(JSON.parse(good.stdout)).toMatchObject({
      format_version: '1.0',
      kind: 'fleet.validation',
      valid: true,
      roster: { agents: ['a'], sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      diagnostics: [],
    });
    const bad = await bench.run('validate', '--json', bench.file('bad.yaml', 'version: 2\nagents: []\n'));
    expect([bad.code, bad.stderr]).toEqual([78, '']);
    expect(JSON.parse(bad.stdout)).toMatchObject({ valid: false, diagnostics: [{ position: { line: 1 } }] });
    const none = await bench.run('validate', '--json', join(bench.directory, 'none.yaml'));
    expect(JSON.parse(none.stdout)).toMatchObject({ valid: false });
  });
});
