/**
 * Secrets of the roster, looked for in everything that fleet says, writes or runs, on a real tmux: an agent that does
 * all it can to make its token seen, and then dies of it.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../src/observe/run.ts';
import { tmuxLacking } from '../reconcile/real-host.ts';
import { type Bench, openBench, type Ran } from './harness.ts';

const lacking = tmuxLacking();
const TOKEN = `canary-${process.pid}-s3cret "q' $x`;
const OLD = `oldcanary-${process.pid}-value`;
const SHORT = 'x9z!';
const SOCKET = 'fleet-test-secrets';

/** As little of a secret as must be found anywhere. */
const TRACES = [TOKEN, TOKEN.slice(0, 18), OLD, Buffer.from(TOKEN).toString('base64').slice(0, 20), SHORT];

let base: string;
let bench: Bench;
let recorded: string;
let env: Record<string, string>;

/** Every tmux that anybody of this test runs writes down its words and its environment first. */
function wrapTmux(): void {
  const real = execFileSync('sh', ['-c', 'command -v tmux'], { encoding: 'utf8' }).trim();
  const wrapper = `#!/bin/sh\n{ printf '%s\\n' "$@"; env; cat /proc/$$/cmdline; } >>'${recorded}'\nexec ${real} "$@"\n`;
  mkdirSync(join(base, 'bin'));
  writeFileSync(join(base, 'bin/tmux'), wrapper, { mode: 0o755 });
}

const script = (name: string, body: string): string => bench.file(name, `#!/bin/sh\n${body}\n`);

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'fleet-secrets-'));
  recorded = join(base, 'recorded');
  writeFileSync(recorded, '');
  if (lacking === null) wrapTmux();
  env = { TMUX_TMPDIR: base, PATH: `${join(base, 'bin')}:${process.env['PATH'] ?? ''}` };
  bench = openBench({
    env,
    run: (program, args, options) => runProgram(program, args, { ...options, env: { ...env, ...options.env } }),
    now: Date.now,
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  mkdirSync(join(bench.home, '.local/state/fleet/run'), { recursive: true, mode: 0o700 });
  bench.file('token', `${TOKEN}\n`);
  bench.file('short', SHORT);
  chmodSync(bench.file('old', `${OLD}\n`), 0o600);
  const tell = `printf '%s\\n' "token: $TOKEN" "$(printf %s "$TOKEN" | base64 -w0)"; printf '\\033]2;%s\\033\\\\' "$TOKEN"`;
  for (const [name, body] of [
    ['stub', `${tell}; while :; do sleep 1; done`],
    ['shows', `${tell}; exec bash -c 'exec -a "$OLD" sleep 1000'`],
    ['dies', `${tell}; echo "short $SHORT"; exit 3`],
  ] as const)
    chmodSync(script(name, body), 0o755);
  bench.file(
    'fleet.yaml',
    `version: 1
supervisor: none
tmux: { socket_name: ${SOCKET} }
runtimes:
  stub: { command: [~/stub], match: { script: ~/stub }, beats: false }
  shows: { command: [~/shows], match: { script: ~/shows }, beats: false }
  dies: { command: [~/dies], match: { script: ~/dies }, beats: false }
defaults: { working_directory: ~/, env: { TOKEN: { from_file: ~/token }, SHORT: { from_file: ~/short } } }
agents:
  - { name: quiet, runtime: stub, env: { OLD: { from_file: ~/old } } }
  - { name: loud, runtime: shows, env: { OLD: { from_file: ~/old } } }
  - { name: mortal, runtime: dies }
`,
  );
}, 60_000);

afterAll(() => {
  try {
    execFileSync('tmux', ['-L', SOCKET, 'kill-server'], {
      env: { ...process.env, TMUX_TMPDIR: base },
      stdio: 'ignore',
    });
  } catch {
    // Never started.
  }
  bench.remove();
  rmSync(base, { recursive: true, force: true });
});

const run = (command: string, ...flags: readonly string[]): Promise<Ran> =>
  bench.run(command, ...flags, '-f', join(bench.directory, 'fleet.yaml'));

function clean(where: string, text: string): void {
  for (const trace of TRACES) expect(text, `${where} tells a secret`).not.toContain(trace);
}

const said = (name: string, { stdout, stderr }: Ran): void => clean(name, `${stdout}${stderr}`);

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

const tmux = (...args: readonly string[]): string =>
  execFileSync('tmux', ['-L', SOCKET, ...args], { env: { ...process.env, TMUX_TMPDIR: base }, encoding: 'utf8' });

describe.skipIf(lacking !== null)('secret values', () => {
  test('reach the agent, byte for byte, and nothing else on the way there', async () => {
    const applied = await run('apply', '-y', '-v', '--log-format', 'json');
    said('apply', applied);
    expect(applied.stderr).toContain('done     start w-jarvis/jarvis/session/quiet');
    const pid = tmux('display-message', '-p', '-t', '=quiet:', '#{pane_pid}').trim();
    const environ = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    expect(environ).toContain(`TOKEN=${TOKEN}`);
    expect(environ).toContain(`OLD=${OLD}`);
    clean('the words and environments of tmux clients', readFileSync(recorded, 'utf8'));
    expect(readFileSync(recorded, 'utf8')).toContain('new-session');
    clean('the environment of the server', tmux('show-environment', '-g'));
    clean('the environment of the session', tmux('show-environment', '-t', '=quiet:'));
    for (const scope of ['-s', '-g', '-gw']) clean(`options ${scope}`, tmux('show-options', scope));
    for (const name of ['quiet', 'loud', 'mortal']) clean('options', tmux('show-options', '-t', `=${name}:`));
    const server = tmux('display-message', '-p', '-t', '=quiet:', '#{pid}').trim();
    clean('the server process', readFileSync(`/proc/${server}/cmdline`, 'utf8'));
    clean('the server process', readFileSync(`/proc/${server}/environ`, 'utf8'));
  }, 60_000);

  test('a dead pane is told with its last words, without the secret in them', async () => {
    const applied = await run('apply', '-y', '--json');
    said('apply --json', applied);
    expect(applied.stdout).toContain('token: ***');
    expect(applied.stdout).toContain('short ***');
    for (const line of applied.stdout.trimEnd().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  }, 60_000);

  test('a heartbeat note and a name that a process gave itself are seen without it', async () => {
    const note = bench.file('.local/state/fleet/run/quiet.hb', `ts=${Math.floor(Date.now() / 1000)}\nnote=${TOKEN}\n`);
    chmodSync(note, 0o600);
    const observed = await run('observe');
    said('observe', observed);
    expect(observed.stdout).toContain('"note":"***"');
    expect(observed.stdout).toContain('"current_command":"***"');
    rmSync(note);
  }, 60_000);

  test('a value that was changed since stays as secret as the new one', async () => {
    bench.file('old', `new-value-of-${process.pid}\n`);
    const observed = await run('observe');
    said('observe', observed);
    const plan = await run('plan', '--json');
    said('plan --json', plan);
    expect(plan.stdout).toContain('env-mismatch');
    expect(plan.stdout).not.toContain(`new-value-of-${process.pid}`);
  }, 60_000);

  test.each([
    [['plan']],
    [['plan', '-v']],
    [['plan', '-v', '--log-format', 'json']],
    [['plan', '--json']],
    [['observe']],
    [['ps']],
    [['ps', '--json']],
    [['explain', 'quiet']],
    [['explain', 'loud']],
    [['explain', 'mortal', '--json']],
    [['validate']],
  ] as const)('%j tells none', async (argv) => {
    const [command, ...flags] = argv;
    said(argv.join(' '), await run(command, ...flags));
  });

  test('no file that fleet wrote holds one, and those with the paths of secrets are private', () => {
    const own = new Set(['token', 'short', 'old', 'stub', 'shows', 'dies'].map((name) => join(bench.home, name)));
    const written = filesBelow(bench.home).filter((path) => !own.has(path));
    expect(written.some((path) => path.endsWith('inventory.json'))).toBe(true);
    for (const path of written) clean(path, readFileSync(path, 'utf8'));
    const argv = join(bench.home, '.config/fleet/agents/quiet.argv');
    expect(existsSync(argv) && statSync(argv).mode & 0o077).toBe(0);
  });

  test('a saved observation holds none, and plans the same', async () => {
    const { stdout } = await run('observe');
    const path = bench.file('observed.json', stdout);
    const from = await run('plan', '--observed', path);
    said('plan --observed', from);
    expect(from.code).toBe(0);
  });
});
