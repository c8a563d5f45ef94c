/** Holders that are processes of their own: killed, stopped, and on disks that take nothing. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LeaseBench, outcomeOf } from './bench.ts';

const directory = mkdtempSync(join(tmpdir(), 'fleet-holder-'));
const holder = join(directory, 'holder.mjs');
const children: ChildProcess[] = [];
let bench: LeaseBench;

beforeAll(() => {
  const entry = join(import.meta.dirname, 'holder.ts');
  buildSync({ entryPoints: [entry], outfile: holder, bundle: true, platform: 'node', format: 'esm' });
});
beforeEach(() => {
  bench = new LeaseBench();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  bench.remove();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The process, and the first line that it says. */
async function start(program: string, args: readonly string[]): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [chunk] = await once(child.stdout, 'data');
  return { child, said: String(chunk).trimEnd() };
}

const hold = (timeout = 0) => start(process.execPath, [holder, bench.path, String(timeout)]);

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a live holder in another process is named', async () => {
  const { child } = await hold();
  expect((await hold()).said).toBe(`held by pid ${child.pid}`);
  expect(outcomeOf(await bench.take())).toBe('held by apply');
});

test('a holder that was killed -9 is found at once', async () => {
  const { child } = await hold();
  await kill(child);
  const taken = await bench.got();
  expect(bench.record().pid).toBe(process.pid);
  taken.lease.release();
});

test('a holder that is stopped still holds it, for as long as it is waited for', async () => {
  const { child } = await hold();
  child.kill('SIGSTOP');
  expect((await hold(300)).said).toBe(`held by pid ${child.pid}`);
  child.kill('SIGCONT');
});

test('who waits gets it when the holder is killed', async () => {
  const { child } = await hold();
  const waiting = bench.take({ timeoutMs: 60_000 });
  await expect.poll(() => bench.told, { timeout: 20_000 }).toEqual(['apply']);
  await kill(child);
  const taken = await waiting;
  expect([outcomeOf(taken), taken.ok && taken.value.moved]).toEqual(['got', true]);
  if (taken.ok) taken.value.lease.release();
});

/** Runs a shell line in a mount namespace of its own, then a holder; says what came of it. */
function onDisk(mount: string): { readonly command: string; readonly args: readonly string[] } {
  const flags = process.getuid?.() === 0 ? '-m' : '-rm';
  return { command: 'unshare', args: [flags, 'sh', '-ec', mount, 'sh', dirname(bench.path)] };
}

const canMount = spawnSync('unshare', [
  process.getuid?.() === 0 ? '-m' : '-rm',
  'sh',
  '-c',
  'mount -t tmpfs none /mnt',
]);
const mounted = canMount.status === 0 ? describe : describe.skip;

mounted('on a disk of its own (skipped where none may be mounted)', () => {
  const run = async (mount: string): Promise<string> => {
    mkdirSync(dirname(bench.path), { recursive: true });
    const { command, args } = onDisk(`${mount}\nexec ${process.execPath} ${holder} ${bench.path}`);
    return (await start(command, args)).said;
  };

  test('that is full, it is refused with what to do', async () => {
    const full =
      'mount -t tmpfs -o size=4k none "$1"; : > "$1/lease"; head -c 1000000 /dev/zero > "$1/fill" 2> /dev/null || true';
    expect(await run(full)).toMatch(/^disk-full: make room/);
  });

  test('that has no room for a file, it is refused too', async () => {
    expect(await run('mount -t tmpfs -o nr_inodes=1 none "$1"')).toMatch(/^disk-full: make room/);
  });

  test('that is read-only, it is refused with what to do', async () => {
    expect(await run('mount -t tmpfs -o ro none "$1"')).toMatch(/^read-only: remount it writable/);
  });

  test('that has room, it is had', async () => {
    expect(await run('mount -t tmpfs none "$1"')).toBe('got');
  });
});
