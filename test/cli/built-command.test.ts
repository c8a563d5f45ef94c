/** The command as it is published: bundle, launcher, compiled code, tarball, signals and pipes. Needs tmux. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoEnd, withoutVarying } from './readme.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');
const VERSION: unknown = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;

let directory: string;
let dist: string;
/** TMPDIR of the commands under test: what they leave behind is seen here. */
let temporary: string;
/** A PATH of tmux, Node, a shell, and what the launcher and the demo's agents call: no systemctl, git, flock or ps. */
let few: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'fleet-built-'));
  dist = join(directory, 'dist');
  temporary = join(directory, 't');
  mkdirSync(temporary);
  few = join(directory, 'few');
  mkdirSync(few);
  for (const name of ['tmux', 'sh', 'awk', 'cat', 'date', 'id', 'mv', 'sed', 'sleep']) {
    symlinkSync(execFileSync('/bin/sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).trim(), join(few, name));
  }
  symlinkSync(process.execPath, join(few, 'node'));
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), dist], { stdio: 'pipe' });
}, 60_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}, from = dist): ChildProcess {
  return startProgram([process.execPath, join(from, 'fleet.cjs'), ...args], env);
}

/** With all that it says on stdout, in the order in which a terminal shows it. */
function startShown(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  return startProgram(
    ['/bin/sh', '-c', 'exec "$@" 2>&1', 'sh', process.execPath, join(dist, 'fleet.cjs'), ...args],
    env,
  );
}

function startProgram([program = '', ...args]: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  return spawn(program, args, { env: { ...process.env, TMPDIR: temporary, ...env }, stdio: [...stdio] });
}

/** Calls `onOutput` with all of stderr so far, whenever there is more. */
async function end(child: ChildProcess, onOutput: (stderr: string) => void = () => {}): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => {
    stdout += String(chunk);
  });
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk);
    onOutput(stderr);
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

/** Files, processes and listening sockets of a command under test. Each process has the test's directory in its environment. */
function leftBehind(): readonly string[] {
  const running = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`TMUX_TMPDIR=${temporary}`);
      } catch {
        return false;
      }
    });
  const listening = readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => line.includes(temporary));
  return [...readdirSync(temporary), ...running, ...listening];
}

/** A process that was killed is gone from /proc a moment before its descriptors are closed. */
async function nothingLeft(): Promise<void> {
  await expect.poll(leftBehind, { timeout: 5_000 }).toEqual([]);
}

test('tells the version of the package', async () => {
  expect(await end(start(['--version']))).toEqual({ code: 0, stdout: `fleet ${VERSION}\n`, stderr: '' });
});

describe('compiled code', () => {
  const COMMANDS = ['apply', 'plan', 'ps', 'validate'];

  test('is there for each command that is to start fast', () => {
    expect(readdirSync(join(dist, 'compiled')).sort()).toEqual(COMMANDS.map((name) => `${name}.cache`));
  });

  test.each(COMMANDS)('of %s is taken by the V8 that made it', (command) => {
    const script = `
      const { readFileSync } = require('node:fs');
      const cachedData = readFileSync('${dist}/compiled/${command}.cache');
      const source = readFileSync('${dist}/fleet.bundle.cjs', 'latin1');
      process.stdout.write(String(new (require('node:vm').Script)(source, { cachedData }).cachedDataRejected));`;
    expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })).toBe('false');
  });

  test.each([
    ['missing', (file: string) => rmSync(file)],
    ['torn', (file: string) => truncateSync(file, 1000)],
    ['foreign', (file: string) => writeFileSync(file, 'x'.repeat(10_000))],
  ])('that is %s is ignored without a word', async (what, spoil) => {
    const copy = join(directory, what);
    cpSync(dist, copy, { recursive: true });
    spoil(join(copy, 'compiled/plan.cache'));
    expect(await end(start(['--version'], {}, copy))).toEqual({ code: 0, stdout: `fleet ${VERSION}\n`, stderr: '' });
  });
});

test('a long result reaches a slow reader whole', async () => {
  const names = Array.from(
    { length: 1000 },
    (_, i) => `  - { name: a${i}, runtime: claude, working_directory: ~/${'d'.repeat(200)}${i} }\n`,
  );
  const roster = join(directory, 'long.yaml');
  writeFileSync(roster, `version: 1\nsupervisor: none\nagents:\n${names.join('')}`);
  // A pipe takes 64 KiB; the rest must still be there when the reader wakes up.
  const script = '"$0" "$1" observe -f "$2" | { head -c 1; cat; }';
  const env = { ...process.env, TMUX_TMPDIR: temporary };
  const child = spawn('/bin/sh', ['-c', script, process.execPath, join(dist, 'fleet.cjs'), roster], { env });
  const { stdout } = await end(child);
  expect(stdout.length).toBeGreaterThan(200_000);
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'fleet.observed' });
});

test('stdout that nobody reads any more ends quietly', async () => {
  const child = start(['schema']);
  child.stdout?.destroy();
  expect(await end(child)).toEqual({ code: 0, stdout: '', stderr: '' });
});

describe('the environment of Node', () => {
  test.each(['--no-deprecation', '--pending-deprecation --throw-deprecation', '--trace-warnings'])(
    'NODE_OPTIONS=%s changes nothing',
    async (options) => {
      const { code, stderr } = await end(start(['plan', '-f', join(ROOT, 'fleet.yaml')], { NODE_OPTIONS: options }));
      expect([0, 2, 3, 4]).toContain(code);
      expect(stderr).not.toMatch(/Deprecation|bug in fleet/);
    },
  );
});

describe('code that another build of Node compiled', () => {
  test('is left alone: with it the command would crash', async () => {
    const copy = join(directory, 'other-build');
    cpSync(dist, copy, { recursive: true });
    const seen = join(copy, 'seen.cjs');
    writeFileSync(
      seen,
      `const fs = require('node:fs'), { readFileSync } = fs;
      fs.readFileSync = (path, ...rest) => (/\\.cache$/.test(path) && process._rawDebug('took it'), readFileSync(path, ...rest));`,
    );
    const run = () => end(start(['--version'], { NODE_OPTIONS: `--require ${seen}` }, copy));
    expect((await run()).stderr).toBe('took it\n');
    const launcher = join(copy, 'fleet.cjs');
    const text = readFileSync(launcher, 'utf8');
    // The launcher's own words of the build: another release, and another program of the same release.
    for (const [what, other] of [
      [process.versions.node, '20.19.99'],
      [process.versions.openssl ?? '', '9.9.9'],
      [String(statSync(process.execPath).size), '1'],
    ] as const) {
      expect(text).toContain(what);
      writeFileSync(launcher, text.replaceAll(what, other));
      expect(await run()).toMatchObject({ code: 0, stderr: '' });
    }
  });
});

describe('a stack trace in a bug report', () => {
  const THROWS = '\x24{null.x()}';

  test.each([
    ['fleet.bundle.cjs', 'two rosters: ${', ['validate', 'a.yaml', '-f', 'b.yaml'], 'src/cli/commands/validate.ts'],
    [
      'deferred/commands.cjs',
      '} is no name of a branch',
      ['run', '--git=-x', '-f', join(ROOT, 'fleet.yaml')],
      'src/cli/commands/run.ts',
    ],
  ])('names places in the source, of %s', async (file, text, args, source) => {
    const copy = join(directory, `broken-${file.length}`);
    cpSync(dist, copy, { recursive: true });
    rmSync(join(copy, 'compiled'), { recursive: true });
    const code = readFileSync(join(copy, file), 'latin1');
    expect(code.split(text)).toHaveLength(2);
    // As long as it was, so that every place stays where the map has it.
    const broken = text.endsWith('${') ? `${THROWS}  \${` : `}${THROWS.padEnd(text.length - 1)}`;
    expect(broken).toHaveLength(text.length);
    writeFileSync(
      join(copy, file),
      code.replace(text, () => broken),
      'latin1',
    );
    const ended = await end(start(args, {}, copy));
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(new RegExp(` \\(?${source}:\\d+:\\d+`));
    expect(ended.stderr).not.toContain('.cjs:');
    // Without its map it tells what it knows.
    rmSync(join(copy, `${file}.map`));
    expect((await end(start(args, {}, copy))).stderr).toContain('.cjs:');
  });
});

describe('standard output', () => {
  /** In a shell, where `|` is a pipe: what Node makes for a child is a socket. */
  const inShell = (script: string, ...args: readonly string[]) =>
    end(spawn('/bin/sh', ['-c', script, process.execPath, join(dist, 'fleet.cjs'), ...args]));

  test.each([
    ['a socket', '"$0" "$@"'],
    ['a pipe', '"$0" "$@" | cat'],
    ['a pipe that is read late', '"$0" "$@" | (sleep 0.3; cat)'],
    ['a file', `"$0" "$@" >"$OUT"; cat "$OUT"`],
    ['a file that is there already, appended to', `echo begun >"$OUT"; "$0" "$@" >>"$OUT"; tail -n +2 "$OUT"`],
  ])('is written whole into %s', async (_what, script) => {
    const out = join(directory, 'out');
    const { stdout, stderr } = await inShell(`OUT='${out}'; ${script}`, 'schema', 'observed');
    expect(stdout.length).toBeGreaterThan(30_000);
    expect([JSON.parse(stdout).title ?? JSON.parse(stdout).$schema, stderr]).toEqual([expect.any(String), '']);
  });

  test('into a pipe that is closed early ends quietly', async () => {
    const { code, stdout, stderr } = await inShell('{ "$0" "$@"; echo $? >&3; } 3>&2 | head -1', 'schema', 'observed');
    expect([code, stdout, stderr]).toEqual([0, '{\n', '0\n']);
  });

  test('and error may be one pipe, in the order of what was said', async () => {
    const { stdout } = await inShell('"$0" "$@" 2>&1 | cat', 'valdate');
    expect(stdout).toMatch(/^fleet: unknown command 'valdate'\n/);
  });

  test('is not a terminal where it is /dev/null, and nothing fails there', async () => {
    const { code, stderr } = await inShell('"$0" "$@" >/dev/null', 'schema');
    expect([code, stderr]).toEqual([0, '']);
  });
});

test('a result that a full disk cuts off is an error, never success', async () => {
  for (const args of [['schema'], ['--version']]) {
    const script = '"$0" "$@" >/dev/full';
    const { code, stderr } = await end(
      spawn('/bin/sh', ['-c', script, process.execPath, join(dist, 'fleet.cjs'), ...args]),
    );
    expect([code, stderr]).toEqual([1, 'fleet: the result could not be written whole to standard output: ENOSPC\n']);
  }
});

test('works from a directory that was deleted', async () => {
  const roster = join(directory, 'far.yaml');
  writeFileSync(roster, 'version: 1\nsupervisor: none\nagents:\n  - { name: a, runtime: claude }\n');
  const run = (...args: readonly string[]) => {
    const script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"';
    const gone = join(directory, 'gone');
    return end(spawn('/bin/sh', ['-c', script, gone, process.execPath, join(dist, 'fleet.cjs'), ...args]));
  };
  expect((await run('validate', roster)).code).toBe(0);
  const missing = await run('validate', '-f', 'fleet.yaml');
  expect(missing.code).toBe(78);
  expect(missing.stderr).not.toContain('bug in fleet');
});

test('an interrupt while it only looks ends it at once', async () => {
  const bin = join(directory, 'hanging-tmux');
  mkdirSync(bin);
  const asked = join(bin, 'asked');
  writeFileSync(join(bin, 'tmux'), `#!/bin/sh\necho >&2 hanging\n: >'${asked}'\nexec sleep 60\n`, { mode: 0o755 });
  const child = start(['demo', '-v'], { PATH: `${bin}:${process.env['PATH']}` });
  await until(() => readdirSync(bin).includes('asked'));
  child.kill('SIGTERM');
  expect((await end(child)).code).toBe(143);
  expect(readdirSync(temporary)).toEqual([]);
});

describe.each([
  ['', () => ({})],
  [' on a machine without systemd, git and much else', () => ({ PATH: few })],
] as const)('the demo%s', (_where, env) => {
  test('makes drift, plans it, repairs it and finds nothing left to do; and leaves nothing behind', async () => {
    const { code, stdout } = await end(startShown(['demo'], env()));
    expect(code).toBe(0);
    expect(stdout).toContain('session/scout  start (session-missing)');
    expect(stdout).toContain('session/builder  restart (runtime-mismatch)');
    expect(stdout).toMatch(/\$ fleet plan --detailed-exitcode\nNo changes\. The world matches the roster\./);
    // README's was recorded on another host, by another user.
    const drift = stdout
      .slice(stdout.indexOf('Now drift: '))
      .replaceAll(/(?<= )[^\s/]+\/[^\s/]+\/(?=(?:session|heartbeat)\/)/g, 'vm/root/');
    expect(withoutVarying(drift)).toBe(withoutVarying(demoEnd));
    await nothingLeft();
  });

  test.each([
    ['SIGINT', 130, 'tmux-server/'],
    ['SIGTERM', 143, 'session/'],
    ['SIGHUP', 129, 'session/'],
  ] as const)('leaves nothing behind when %s ends it while it applies', async (signal, expected, when) => {
    const child = start(['demo'], env());
    let sent = false;
    const { code, stderr } = await end(child, (text) => {
      if (sent || !text.includes(when)) return;
      sent = true;
      child.kill(signal);
    });
    expect([code, sent]).toEqual([expected, true]);
    expect(stderr).toContain('finishing what is under way');
    await nothingLeft();
  });

  test('leaves nothing behind when a second signal ends it now', async () => {
    const child = start(['demo'], env());
    const { code } = await end(child, (text) => {
      if (text.includes('tmux-server/')) child.kill('SIGINT');
    });
    expect(code).toBe(130);
    await nothingLeft();
  });
});

test('the demo says how to get tmux where there is none', async () => {
  const { code, stderr } = await end(start(['demo'], { PATH: join(directory, 'nothing') }));
  expect(code).toBe(1);
  expect(stderr).toMatch(/^fleet: the demo needs tmux: .*\n {2}install it, for example: apt-get install tmux/);
});

test('the tarball installs without a registry and runs without dependencies', async () => {
  const stage = join(directory, 'package');
  cpSync(dist, join(stage, 'dist'), { recursive: true });
  for (const name of ['package.json', 'LICENSE', 'fleet.yaml']) cpSync(join(ROOT, name), join(stage, name));
  const npm = (args: readonly string[], cwd: string) =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  npm(['pack', '--ignore-scripts'], stage);
  const tarball = readdirSync(stage).find((name) => name.endsWith('.tgz')) ?? '';
  const prefix = join(directory, 'installed');
  npm(
    ['install', '--global', '--offline', '--no-audit', '--no-fund', '--prefix', prefix, join(stage, tarball)],
    directory,
  );
  const run = (...args: readonly string[]) => execFileSync(join(prefix, 'bin/fleet'), args, { encoding: 'utf8' });
  expect(run('--version')).toBe(`fleet ${VERSION}\n`);
  const installed = join(prefix, 'lib/node_modules/tmux-fleet');
  expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'dist', 'fleet.yaml', 'package.json']);
  expect(run('validate', join(installed, 'fleet.yaml'))).toContain('is valid');
}, 60_000);

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('what the test waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
