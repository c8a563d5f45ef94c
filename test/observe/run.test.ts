import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/observe/run.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fleet-run-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function script(name: string, body: string): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error('not so within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function gone(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return true;
  }
}

describe('running a program', () => {
  it('gives output, errors and exit code as they were, final newline included', async () => {
    const path = script('ok', 'echo out; echo err >&2; exit 3');
    expect(await runProgram(path, [], { deadlineMs: 5_000 })).toEqual({
      kind: 'exited',
      code: 3,
      signal: null,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('passes arguments without a shell and input as it is', async () => {
    const path = script('args', 'printf "%s|" "$@"; cat');
    const result = await runProgram(path, ['$(id)', 'a b', ''], { deadlineMs: 5_000, input: 'in;put\n' });
    expect(result).toMatchObject({ code: 0, stdout: '$(id)|a b||in;put\n' });
  });

  it('says which signal ended it', async () => {
    const path = script('signal', 'kill -TERM $$');
    expect(await runProgram(path, [], { deadlineMs: 5_000 })).toMatchObject({ code: null, signal: 'SIGTERM' });
  });

  it('adds to the environment and never passes TMUX on', async () => {
    process.env['TMUX'] = '/somewhere,1,0';
    try {
      const path = script('env', 'echo "$ADDED,$TMUX,$(test -n "$PATH" && echo path)"');
      const result = await runProgram(path, [], { deadlineMs: 5_000, env: { ADDED: 'yes' } });
      expect(result).toMatchObject({ stdout: 'yes,,path\n' });
    } finally {
      delete process.env['TMUX'];
    }
  });

  it('hears an answer that came in time while this process had no turn', async () => {
    const path = script('quick', `echo done; echo $$ > ${dir}/pid`);
    const running = runProgram(path, [], { deadlineMs: 100 });
    const from = Date.now();
    const pid = (): number => {
      try {
        return Number(readFileSync(join(dir, 'pid'), 'utf8'));
      } catch {
        return 0;
      }
    };
    // Blocks: nothing is heard meanwhile.
    while (pid() === 0 || !gone(pid()) || Date.now() < from + 150) if (Date.now() > from + 20_000) break;
    expect(await running).toMatchObject({ kind: 'exited', code: 0, stdout: 'done\n' });
  });

  it('ends a program and its children at the deadline', async () => {
    const path = script('hang', `sleep 600 & echo $! > ${dir}/child; echo $$ > ${dir}/self; wait`);
    const result = await runProgram(path, [], { deadlineMs: 300 });
    expect(result).toMatchObject({ kind: 'failed', why: 'timeout' });
    for (const name of ['child', 'self']) {
      const pid = Number(readFileSync(join(dir, name), 'utf8'));
      await until(() => gone(pid));
    }
  });

  it('does not wait for a child that left the group and holds the pipes', async () => {
    const path = script('leave', `setsid sh -c 'echo $$ > ${dir}/child; exec sleep 600' & wait`);
    const started = Date.now();
    const result = await runProgram(path, [], { deadlineMs: 300 });
    expect(result).toMatchObject({ kind: 'failed', why: 'timeout' });
    expect(Date.now() - started).toBeLessThan(2_000);
    process.kill(Number(readFileSync(join(dir, 'child'), 'utf8')), 'SIGKILL');
  });

  it('tells a program that is not there from one that may not be run', async () => {
    expect(await runProgram(join(dir, 'missing'), [], { deadlineMs: 5_000 })).toMatchObject({ why: 'not-installed' });
    writeFileSync(join(dir, 'plain'), 'x');
    expect(await runProgram(join(dir, 'plain'), [], { deadlineMs: 5_000 })).toMatchObject({ why: 'denied' });
  });

  it('refuses more output than asked for', async () => {
    const path = script('much', 'exec yes');
    const result = await runProgram(path, [], { deadlineMs: 5_000, maxOutputBytes: 10_000 });
    expect(result).toMatchObject({ kind: 'failed', why: 'too-large' });
  });

  it('runs where the directory of the caller is gone', async () => {
    const path = script('pwd', 'pwd');
    expect(await runProgram(path, [], { deadlineMs: 5_000 })).toMatchObject({ stdout: '/\n' });
  });

  it('says that files are exhausted, and lives on, where there is none left for the pipes', () => {
    const probe = `
      import { openSync } from 'node:fs';
      import { runProgram } from ${JSON.stringify(fileURLToPath(new URL('../../src/observe/run.ts', import.meta.url)))};
      await runProgram('true', [], { deadlineMs: 5_000 });
      try { for (;;) openSync('/dev/null'); } catch {}
      const result = await runProgram('true', [], { deadlineMs: 5_000 });
      await new Promise((resolve) => setImmediate(resolve));
      process._rawDebug(JSON.stringify(result));`;
    const outfile = join(dir, 'probe.mjs');
    const resolveDir = fileURLToPath(new URL('.', import.meta.url));
    const banner = {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    };
    buildSync({
      ...{ stdin: { contents: probe, resolveDir }, outfile, banner },
      ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' },
    });
    const script = 'ulimit -n 64; exec "$0" "$1" 2>&1';
    const said = execFileSync('/bin/sh', ['-c', script, process.execPath, outfile], { encoding: 'utf8' });
    expect(JSON.parse(said)).toMatchObject({ kind: 'failed', why: 'io', detail: expect.stringContaining('EMFILE') });
  });
});
