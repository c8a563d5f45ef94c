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
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EMPTY_MEMORY, type RememberedSession } from '../../src/diff/policy.ts';
import { diskFiles } from '../../src/reconcile/files/disk.ts';
import { inventoryPath, type KnownInventories, readInventory } from '../../src/reconcile/inventory.ts';
import { changeRecords } from '../../src/reconcile/journal.ts';
import { kept } from '../../src/spec/kept.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'fleet-files-'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const mode = (path: string) => statSync(path).mode & 0o7777;
const NO_MOUNT = 'a tmpfs cannot be mounted here (not root)';
const NEW = { ifNew: 0o600 } as const;

test('a new file gets its mode, and directories that were missing are private', () => {
  const path = join(home, 'a/b/new.env');
  expect(diskFiles.write(path, 'X=1\n', NEW)).toEqual({ ok: true, value: null });
  expect(readFileSync(path, 'utf8')).toBe('X=1\n');
  expect([mode(path), mode(join(home, 'a')), mode(join(home, 'a/b'))]).toEqual([0o600, 0o700, 0o700]);
});

test('a file where a directory should be is an error, and stays', () => {
  writeFileSync(join(home, 'a'), 'mine');
  for (const made of [
    diskFiles.write(join(home, 'a/b/x'), 'x', NEW),
    diskFiles.makeDirectory(join(home, 'a'), 0o700),
  ]) {
    expect(!made.ok && made.error.detail).toMatch(/ENOTDIR|EEXIST/);
  }
  expect(readFileSync(join(home, 'a'), 'utf8')).toBe('mine');
});

test('an existing file keeps its mode; a mode that is forced is set', () => {
  const path = join(home, 'x');
  writeFileSync(path, 'old', { mode: 0o640 });
  diskFiles.write(path, 'new', NEW);
  expect([readFileSync(path, 'utf8'), mode(path)]).toEqual(['new', 0o640]);
  diskFiles.write(path, 'new', { always: 0o700 });
  expect(mode(path)).toBe(0o700);
});

test('a symbolic link is neither written through nor replaced nor removed', () => {
  const target = join(home, 'target');
  const link = join(home, 'link');
  writeFileSync(target, 'mine');
  symlinkSync(target, link);
  const write = diskFiles.write(link, 'theirs', NEW);
  expect(!write.ok && write.error.code).toBe('symbolic-link');
  const remove = diskFiles.remove(link);
  expect(!remove.ok && remove.error.code).toBe('symbolic-link');
  expect(diskFiles.read(link)).toMatchObject({ state: 'failed', failure: { code: 'symbolic-link' } });
  expect(readFileSync(target, 'utf8')).toBe('mine');
  expect(statSync(link).isFile()).toBe(true);
});

test('a FIFO does not block, and is no file', () => {
  const path = join(home, 'fifo');
  execFileSync('mkfifo', [path]);
  expect(diskFiles.read(path)).toMatchObject({ state: 'failed', failure: { code: 'not-regular' } });
  const write = diskFiles.write(path, 'x', NEW);
  expect(!write.ok && write.error.code).toBe('not-regular');
});

test('bytes that are no text are not taken for text', () => {
  const path = join(home, 'x.env');
  writeFileSync(path, Buffer.from([0x41, 0x3d, 0xff, 0x0a]));
  expect(diskFiles.read(path)).toMatchObject({ state: 'failed', failure: { code: 'not-text' } });
});

test('a byte order mark comes back as it was', () => {
  const path = join(home, 'x.env');
  writeFileSync(path, '\uFEFFA=1\n');
  const read = diskFiles.read(path);
  expect(read.state === 'present' && read.content).toBe('\uFEFFA=1\n');
});

test('a full disk is said in so many words, the old content stays, nothing is left beside it', ({ skip }) => {
  const mounted = mountTinyDisk(home);
  if (mounted === null) return skip(NO_MOUNT);
  try {
    const path = join(mounted, 'x.env');
    writeFileSync(path, 'old');
    const write = diskFiles.write(path, 'n'.repeat(1 << 20), NEW);
    expect(!write.ok && write.error).toMatchObject({ code: 'disk-full', remedy: expect.stringContaining('df -h') });
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(mounted)).toEqual(['x.env']);
  } finally {
    execFileSync('umount', [mounted]);
  }
});

test('a read-only disk is said in so many words', ({ skip }) => {
  const mounted = mountTinyDisk(home);
  if (mounted === null) return skip(NO_MOUNT);
  try {
    execFileSync('mount', ['-o', 'remount,ro', mounted]);
    const write = diskFiles.write(join(mounted, 'x.env'), 'x', NEW);
    expect(!write.ok && write.error.code).toBe('read-only');
    const deep = diskFiles.write(join(mounted, 'a/b/c/x.env'), 'x', NEW);
    expect(!deep.ok && deep.error).toMatchObject({ code: 'read-only', detail: expect.stringContaining('EROFS') });
    const made = diskFiles.makeDirectory(join(mounted, 'a/b'), 0o700);
    expect(!made.ok && made.error.code).toBe('read-only');
  } finally {
    execFileSync('umount', [mounted]);
  }
});

function mountTinyDisk(under: string): string | null {
  const at = join(under, 'disk');
  mkdirSync(at);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'fleet-test', at], { stdio: 'ignore' });
    return at;
  } catch {
    return null;
  }
}

test('what a killed fleet left beside the file goes with the next write; that of a living one stays', () => {
  const path = join(home, 'x.env');
  const abandoned = join(home, '.x.env.fleet-4194304999.tmp');
  const living = join(home, `.x.env.fleet-1.tmp`);
  for (const p of [abandoned, living]) writeFileSync(p, 'half');
  diskFiles.write(path, 'X=1\n', NEW);
  expect([existsSync(abandoned), existsSync(living)]).toEqual([false, true]);
});

test('removing what is not there is no failure', () => {
  expect(diskFiles.remove(join(home, 'nothing'))).toEqual({ ok: true, value: null });
});

const RECORD = {
  agent: 'coder',
  socket: 'default',
  server: { pid: 1, start: 2 },
  id: '$3',
  created: 4,
  spec: 'abc',
  boot_id: null,
  done: false,
  plan: null,
};

function remember(path: string, record: RememberedSession) {
  const input = { files: diskFiles, path, fence: 0, now: Date.now };
  return changeRecords(input, () => ({ sessions: { [record.agent]: record } }));
}

test('no inventory is an empty memory, and reading makes nothing', () => {
  expect(readInventory(inventoryPath(home, 'W-Jarvis', 'mosaic'))).toEqual({ ok: true, value: EMPTY_MEMORY });
  expect(readdirSync(home)).toEqual([]);
});

test('what was read of the same texts before is the same memory, and nothing is that of others', () => {
  const path = inventoryPath(home, 'W-Jarvis', 'mosaic');
  const known: KnownInventories = kept();
  const read = () => readInventory(path, undefined, known);
  expect(read()).toEqual({ ok: true, value: EMPTY_MEMORY });
  remember(path, RECORD);
  const first = read();
  expect(first).toEqual(readInventory(path));
  const again = read();
  expect(first.ok && again.ok && again.value === first.value).toBe(true);
  remember(path, { ...RECORD, spec: 'def' });
  expect(read()).toEqual(readInventory(path));
  writeFileSync(path, 'nonsense');
  expect(read().ok).toBe(false);
  rmSync(path);
  expect(read()).toEqual(readInventory(path));
});

test('records are kept under the host in lower case and the fleet, private, and read back', () => {
  const path = inventoryPath(home, 'W-Jarvis', 'mosaic');
  expect(path).toBe(join(home, '.local/state/fleet/w-jarvis/mosaic/inventory.json'));
  remember(path, RECORD);
  remember(path, { ...RECORD, agent: 'other' });
  remember(path, { ...RECORD, spec: 'def' });
  const read = readInventory(path);
  expect(read).toEqual({
    ok: true,
    value: { ...EMPTY_MEMORY, sessions: { coder: { ...RECORD, spec: 'def' }, other: { ...RECORD, agent: 'other' } } },
  });
  expect([mode(path), mode(join(home, '.local/state/fleet'))]).toEqual([0o600, 0o700]);
});

test.each([
  ['torn', '{"format_version": "1.0", "kind": "fleet.inv', 'torn'],
  ['of another kind', '{}', 'not a fleet inventory'],
  [
    'a broken record',
    JSON.stringify({ format_version: '1.0', kind: 'fleet.inventory', sessions: { a: {} } }),
    '"a" is broken',
  ],
  [
    'of a later major',
    JSON.stringify({ format_version: '2.0', kind: 'fleet.inventory', sessions: {} }),
    'format is "2.0"',
  ],
])('an inventory that is %s is an error that says what to do, and is not overwritten', (_what, text, said) => {
  const path = inventoryPath(home, 'h', 'f');
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  const read = readInventory(path);
  if (read.ok) throw new Error('read');
  expect(read.error.detail).toContain(said);
  expect(read.error.remedy).toBeTruthy();
  expect(remember(path, RECORD).ok).toBe(false);
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('an inventory of a later minor version is read', () => {
  const path = inventoryPath(home, 'h', 'f');
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(
    path,
    JSON.stringify({ format_version: '1.7', kind: 'fleet.inventory', sessions: { coder: { ...RECORD, more: 1 } } }),
  );
  expect(readInventory(path)).toEqual({ ok: true, value: { ...EMPTY_MEMORY, sessions: { coder: RECORD } } });
});

test('an inventory that cannot be read is an error, not an empty memory', () => {
  const path = inventoryPath(home, 'h', 'f');
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o700);
  expect(readInventory(path).ok).toBe(false);
});
