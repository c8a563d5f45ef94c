import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { parseCmdline, parseEnviron, readProcessDetails } from '../../src/observe/proc/details.ts';
import { readPathLookup } from '../../src/observe/proc/paths.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-details-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('details of a process', () => {
  test('are its executable, directory, argv, environment and input, even after the file is gone', async () => {
    const program = join(root, 'agent');
    copyFileSync(realpathSync('/bin/cat'), program);
    const big = 'x'.repeat(100_000);
    const child = spawn(program, ['-', ''], { cwd: root, env: { EMPTY: '', BIG: big, ODD: 'a=b\nc' }, stdio: 'pipe' });
    try {
      const echoed = new Promise((resolve) => child.stdout.once('data', resolve));
      child.stdin.write('ready\n');
      await echoed;
      unlinkSync(program);
      const details = readProcessDetails();
      const pid = child.pid ?? 0;
      expect(details.exe(pid)).toBe(program);
      expect(details.cwd(pid)).toEqual({ status: 'known', value: root });
      expect(details.cmdline(pid)).toEqual([program, '-', '']);
      expect(details.environ(pid)).toEqual({
        status: 'known',
        value: new Map(Object.entries({ EMPTY: '', BIG: big, ODD: 'a=b\nc' })),
      });
      expect(details.fd0(pid)).toMatch(/^(socket|pipe):/);
    } finally {
      child.stdin.end();
    }
  });

  test.each([4095, 4096, 65_535, 65_536, 65_537, 131_072, 131_073])(
    'are whole where they take %d bytes',
    async (bytes) => {
      // By pieces of this size they are read; both end in a NUL.
      const args = ['-c', 'echo ready; read x', 'sh', 'y'.repeat(60_000), 'z'.repeat(60_000)];
      const env = { A: 'x'.repeat(Math.floor((bytes - 6) / 2)), B: 'y'.repeat(Math.ceil((bytes - 6) / 2)) };
      const child = spawn('/bin/sh', args, { env, stdio: 'pipe' });
      try {
        await new Promise((resolve) => child.stdout.once('data', resolve));
        const details = readProcessDetails();
        const pid = child.pid ?? 0;
        expect(readFileSync(`/proc/${pid}/environ`).length).toBe(bytes);
        const environ = details.environ(pid);
        const whole = environ.status === 'known' ? Object.fromEntries(environ.value) : environ;
        expect(JSON.stringify(whole) === JSON.stringify(env)).toBe(true);
        expect(details.cmdline(pid)?.map((word) => word.length)).toEqual([7, 2, 18, 2, 60_000, 60_000]);
      } finally {
        child.stdin.end();
      }
    },
  );

  test('are asked for once', () => {
    const proc = join(root, 'proc');
    mkdirSync(join(proc, '7'), { recursive: true });
    writeFileSync(join(proc, '7', 'cmdline'), 'a\0');
    const details = readProcessDetails(proc);
    expect(details.cmdline(7)).toEqual(['a']);
    writeFileSync(join(proc, '7', 'cmdline'), 'b\0');
    expect(details.cmdline(7)).toEqual(['a']);
  });

  test('that cannot be read are unknown, not empty', () => {
    const proc = join(root, 'unreadable');
    mkdirSync(join(proc, '7', 'environ'), { recursive: true });
    const details = readProcessDetails(proc);
    expect(details.environ(7)).toMatchObject({
      status: 'unknown',
      why: 'io',
      detail: expect.stringContaining('EISDIR'),
    });
    expect(details.cwd(7)).toMatchObject({ status: 'unknown', why: 'io', detail: expect.stringContaining('ENOENT') });
    mkdirSync(join(proc, '7', 'cmdline'));
    expect([details.exe(7), details.cmdline(7), details.fd0(7)]).toEqual([null, null, null]);
    // One that is gone has none, as a zombie has none.
    expect(details.cmdline(8)).toEqual([]);
  });

  test('of a zombie are how it ended, and of a living process are not', async () => {
    // They end when the shell, which would reap them, has become cat, which does not.
    const whenCat = 'until grep -q cat /proc/$PPID/comm; do :; done';
    const script = `sh -c '${whenCat}; exit 3' & echo $!; sh -c '${whenCat}; kill -9 $$' & echo $!; exec cat`;
    const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      let printed = '';
      child.stdout.on('data', (chunk) => {
        printed += chunk;
      });
      const pids = await vi.waitFor(() => {
        const numbers = printed.trim().split('\n').map(Number);
        for (const pid of numbers) expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z ');
        expect(numbers).toHaveLength(2);
        return numbers;
      }, 5_000);
      const details = readProcessDetails();
      expect(pids.map((pid) => details.ending(pid))).toEqual([
        { status: 3, signal: null },
        { status: null, signal: '9' },
      ]);
      expect(details.ending(child.pid ?? 0)).toBeNull();
    } finally {
      child.stdin.end();
    }
  });

  test('of a zombie that may not be asked say nothing, though the kernel prints 0', () => {
    const proc = join(root, 'denied');
    mkdirSync(join(proc, '7'), { recursive: true });
    writeFileSync(join(proc, '7', 'stat'), `7 (x) Z 1 ${'0 '.repeat(48)}`);
    // Stands for "denied": anything but "not there".
    symlinkSync('7', join(proc, '7', 'exe'));
    expect(readProcessDetails(proc).ending(7)).toBeNull();
  });

  test.skipIf(process.geteuid?.() === 0)('of another user are denied (skipped for root, who may read all)', () => {
    const details = readProcessDetails();
    expect(details.exe(1)).toBeNull();
    expect(details.environ(1)).toMatchObject({ status: 'unknown', why: 'denied' });
    expect(details.cwd(1)).toMatchObject({ status: 'unknown', why: 'denied' });
  });

  test('a title written over argv leaves its empty words', () => {
    expect(parseCmdline('pi\0\0\0\0')).toEqual(['pi', '', '', '']);
    expect(parseCmdline('')).toEqual([]);
    expect(parseCmdline('a b\0-x')).toEqual(['a b', '-x']);
  });

  test('of a variable that is there twice the first counts; words without = are none', () => {
    expect([...parseEnviron('A=1\0A=2\0junk\0=x\0B=a=b\0')]).toEqual([
      ['A', '1'],
      ['B', 'a=b'],
    ]);
    expect([...parseEnviron('__proto__=x\0').keys()]).toEqual(['__proto__']);
  });

  test('are read alike whatever was read before', () => {
    const one = (raw: string): readonly (readonly [string, string])[] =>
      raw.split('\0').flatMap((word) => {
        const equals = word.indexOf('=');
        return equals > 0 ? [[word.slice(0, equals), word.slice(equals + 1)] as const] : [];
      });
    const firsts = (raw: string) => {
      const all = one(raw);
      return all.filter(([name], i) => all.findIndex(([other]) => other === name) === i);
    };
    const word = fc
      .array(fc.constantFrom('A', 'AB', 'B', '=', 'x', ' '), { maxLength: 6 })
      .map((parts) => parts.join(''));
    const raw = fc.array(word, { maxLength: 8 }).map((words) => words.join('\0'));
    fc.assert(
      fc.property(fc.array(raw, { minLength: 1, maxLength: 5 }), (raws) => {
        for (const each of raws) expect([...parseEnviron(each)]).toEqual(firsts(each));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the package of a file', () => {
  const manifest = (directory: string, text: string): void => {
    mkdirSync(join(root, directory), { recursive: true });
    writeFileSync(join(root, directory, 'package.json'), text);
  };

  test('is the name in the nearest package.json that has one', () => {
    manifest('lib/@acme/agent', '{"name":"@acme/agent"}');
    manifest('lib/@acme/agent/dist', '{"type":"module"}');
    manifest('lib/@acme/agent/broken', '{"name":');
    const paths = readPathLookup();
    expect(paths.package(join(root, 'lib/@acme/agent/dist/esm/cli.js'))).toBe('@acme/agent');
    expect(paths.package(join(root, 'lib/@acme/agent/broken/cli.js'))).toBe('@acme/agent');
    expect(paths.package(join(root, 'lib/other/cli.js'))).toBe(null);
    expect(paths.package('relative/cli.js')).toBe(null);
  });

  test('is found through links by the real path', () => {
    manifest('real', '{"name":"agent"}');
    writeFileSync(join(root, 'real/cli.js'), '');
    symlinkSync('real/cli.js', join(root, 'linked'));
    const paths = readPathLookup();
    expect(paths.real(join(root, 'linked'))).toBe(join(root, 'real/cli.js'));
    expect(paths.real(join(root, 'nothing'))).toBe(null);
    expect(paths.package(paths.real(join(root, 'linked')) ?? '')).toBe('agent');
  });

  test('is never waited for: a FIFO is no package.json', () => {
    mkdirSync(join(root, 'fifo'));
    execFileSync('mkfifo', [join(root, 'fifo/package.json')]);
    expect(readPathLookup().package(join(root, 'fifo/cli.js'))).toBe(null);
  });
});
