import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { childStarter } from '../../src/observe/child.ts';
import { programRunner } from '../../src/observe/run.ts';
import { uvHandles } from '../../src/observe/uv.ts';

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

const WAYS = [
  ['node:child_process', null],
  ...(uvHandles() === null ? [] : [["Node's own handles", uvHandles()] as const]),
] as const;

describe.each(WAYS)('running a program by %s', (_way, handles) => {
  const runProgram = programRunner(childStarter(handles));

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

  it('gives input that does not fit a pipe, and reads as much', async () => {
    const input = '0123456789abcde\n'.repeat(100_000);
    const result = await runProgram('cat', [], { deadlineMs: 20_000, input });
    expect(result).toMatchObject({ kind: 'exited', code: 0 });
    expect(result.kind === 'exited' && result.stdout === input).toBe(true);
  });

  it('judges a program that does not read its input by how it ended', async () => {
    const path = script('deaf', 'exec <&-; echo heard nothing; exit 4');
    const result = await runProgram(path, [], { deadlineMs: 20_000, input: 'x'.repeat(1_000_000) });
    expect(result).toMatchObject({ kind: 'exited', code: 4, stdout: 'heard nothing\n' });
  });

  it('cuts no character in two', async () => {
    const path = script('slow', "printf '\\303'; sleep 0.1; printf '\\244'");
    expect(await runProgram(path, [], { deadlineMs: 5_000 })).toMatchObject({ stdout: 'ä' });
  });

  it('hears the end of a program before that of its pipes, and the other way round', async () => {
    const late = script('late', '(sleep 0.2; echo late) & echo early');
    expect(await runProgram(late, [], { deadlineMs: 5_000 })).toMatchObject({ code: 0, stdout: 'early\nlate\n' });
    const closed = script('closed', 'exec >&- 2>&-; sleep 0.2; exit 3');
    expect(await runProgram(closed, [], { deadlineMs: 5_000 })).toMatchObject({ code: 3, stdout: '' });
  });

  it('passes a descriptor on as the third', async () => {
    const fd = openSync(join(dir, 'passed'), 'w');
    const path = script('passed-on', 'echo written >&3');
    await runProgram(path, [], { deadlineMs: 5_000, descriptor3: fd });
    closeSync(fd);
    expect(readFileSync(join(dir, 'passed'), 'utf8')).toBe('written\n');
  });

  it('refuses a NUL, which would cut an argument off', async () => {
    for (const run of [
      runProgram('tr\0ue', [], { deadlineMs: 5_000 }),
      runProgram('true', ['a\0b'], { deadlineMs: 5_000 }),
    ]) {
      expect(await run).toMatchObject({
        kind: 'failed',
        why: 'io',
        detail: expect.stringContaining('ERR_INVALID_ARG_VALUE'),
      });
    }
  });

  it('refuses more arguments than the kernel takes', async () => {
    const result = await runProgram('true', ['x'.repeat(4_000_000)], { deadlineMs: 5_000 });
    expect(result).toMatchObject({ kind: 'failed', why: 'too-large' });
  });

  it('keeps nothing open for a program that has ended, also where another one holds its input', async () => {
    const files = () => readdirSync('/proc/self/fd').length;
    const before = files();
    const path = script(
      'held',
      `setsid sh -c 'echo $$ >>${dir}/holders; exec sleep 600' >/dev/null 2>&1 </dev/stdin & exit 0`,
    );
    for (let i = 0; i < 3; i += 1) {
      const result = await runProgram(path, [], { deadlineMs: 20_000, input: 'x'.repeat(1_000_000) });
      expect(result).toMatchObject({ code: 0 });
    }
    const holders = () =>
      existsSync(join(dir, 'holders')) ? readFileSync(join(dir, 'holders'), 'utf8').trim().split('\n') : [];
    await until(() => holders().length === 3);
    try {
      await until(() => files() <= before);
    } finally {
      for (const pid of holders()) process.kill(Number(pid), 'SIGKILL');
    }
  });

  it('leaves no zombie and no open file', async () => {
    const files = () => readdirSync('/proc/self/fd').length;
    await runProgram('true', [], { deadlineMs: 5_000 });
    const before = files();
    for (let i = 0; i < 20; i += 1) {
      await runProgram(i % 2 === 0 ? 'true' : join(dir, 'missing'), [], { deadlineMs: 5_000, input: 'x' });
    }
    await until(() => files() <= before);
    const children = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'stat='], { encoding: 'utf8' });
    expect(children).not.toMatch(/^Z/m);
  });

  it('says that files are exhausted, and lives on, where there is none left for the pipes', () => {
    const source = (name: string) =>
      JSON.stringify(fileURLToPath(new URL(`../../src/observe/${name}`, import.meta.url)));
    const probe = `
      import { openSync } from 'node:fs';
      import { childStarter } from ${source('child.ts')};
      import { programRunner } from ${source('run.ts')};
      import { uvHandles } from ${source('uv.ts')};
      const runProgram = programRunner(childStarter(${handles === null ? 'null' : 'uvHandles()'}));
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
