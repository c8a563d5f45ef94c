/** What `node:fs` calls itself, held against `node:fs`: the same answers, the same errors. */
import { execFileSync } from 'node:child_process';
import fs, { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as calls from '../../src/observe/system-calls.ts';
import { nodeBinding } from '../../src/spec/node-own.ts';

const { isDirectory, isFifo, isFile, isLink, isSocket, ownCalls, PUBLIC, sys } = calls;
const OWN = ownCalls(nodeBinding('fs'));
const ways = OWN === null ? [] : [['its own calls', OWN] as const];

let root: string;
const server = createServer();
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'fleet-calls-'));
  writeFileSync(join(root, 'file'), 'what is in it\n', { mode: 0o640 });
  utimesSync(join(root, 'file'), 1_700_000_000.25, 1_600_000_000.123_456);
  writeFileSync(join(root, 'größe ✓'), '');
  writeFileSync(join(root, 'run-me'), '');
  chmodSync(join(root, 'run-me'), 0o4755);
  mkdirSync(join(root, 'directory'));
  symlinkSync('file', join(root, 'link'));
  symlinkSync('nowhere', join(root, 'dangling'));
  symlinkSync('circle', join(root, 'circle'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
});
afterAll(() => {
  server.close();
  rmSync(root, { recursive: true });
});

const PLACES = ['file', 'größe ✓', 'run-me', 'directory', 'link', 'dangling', 'circle', 'fifo', 'socket', 'nothing'];
const BAD = ['file/below', 'circle/below', 'f\0ile', '\0', 'n'.repeat(256)];
const paths = (): readonly string[] => [
  ...[...PLACES, ...BAD].map((name) => `${root}/${name}`),
  '',
  '/',
  '/dev/null',
  `/proc/${process.pid}`,
  `/proc/${process.pid}/stat`,
  `/proc/${process.pid}/exe`,
];

/** What came of it, and nothing that differs from one moment to the next. */
function outcome<T>(act: () => T): unknown {
  try {
    return act();
  } catch (error) {
    const { code, syscall, path, errno, message } = error as NodeJS.ErrnoException;
    // The public one names the argument.
    return { code, syscall, path, errno, message: code === 'ERR_INVALID_ARG_VALUE' ? null : message };
  }
}

function picked(inode: calls.Inode | null): unknown {
  if (inode === null) return null;
  const { dev, ino, mode, uid, size, mtimeMs, ctimeMs } = inode;
  const kinds = [isFile, isDirectory, isLink, isFifo, isSocket].map((is) => is(inode));
  return { dev, ino, mode, uid, size, mtimeMs, ctimeMs, kinds };
}

test('node:fs itself is what is used with every other Node', () => {
  expect(sys).toBe(sys);
  expect(ownCalls(null)).toBeNull();
  expect(ownCalls({ open: () => 3 })).toBeNull();
  if (/^20\.(?:19|20)\./.test(process.versions.node)) expect(OWN).not.toBeNull();
  else expect(OWN).toBeNull();
});

test('kinds are told as node:fs tells them', () => {
  for (const name of ['file', 'directory', 'link', 'fifo', 'socket']) {
    const stats = fs.lstatSync(join(root, name));
    const kinds = [stats.isFile(), stats.isDirectory(), stats.isSymbolicLink(), stats.isFIFO(), stats.isSocket()];
    expect(picked(PUBLIC.lstat(join(root, name)))).toMatchObject({ kinds });
  }
});

describe.each(ways)('%s', (_what, own) => {
  test.each(['stat', 'lstat'] as const)('%s', (name) => {
    for (const path of paths()) {
      const [ours, theirs] = [own, PUBLIC].map((way) => outcome(() => picked(way[name](path))));
      expect(ours, path).toEqual(theirs);
    }
  });

  test('what was told of one file stays when another is asked about', () => {
    const first = own.lstat(join(root, 'file'));
    const before = picked(first);
    own.lstat(join(root, 'directory'));
    fs.statSync('/');
    expect(picked(first)).toEqual(before);
    expect(first?.mtimeMs).toBeCloseTo(1_600_000_000_123.456, 2);
  });

  test('readlink', () => {
    for (const path of paths()) {
      const [ours, theirs] = [own, PUBLIC].map((way) => outcome(() => way.readlink(path)));
      expect(ours, path).toEqual(theirs);
    }
  });

  test('open, fstat, read, close', () => {
    const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW;
    const read = (way: calls.SystemCalls, path: string): unknown =>
      outcome(() => {
        const fd = way.open(path, flags);
        try {
          const buffer = Buffer.alloc(64, 'x');
          const counts = [way.read(fd, buffer, 2, 5, null), way.read(fd, buffer, 20, 4, null)];
          const again = way.read(fd, buffer, 40, 24, 0);
          // Of /proc/PID/stat some numbers change from read to read.
          const text = path.endsWith('/stat') ? null : buffer.toString('latin1');
          return { inode: path.startsWith('/proc') ? null : picked(way.fstat(fd)), counts, again, text };
        } finally {
          way.close(fd);
        }
      });
    for (const path of paths()) expect(read(own, path), path).toEqual(read(PUBLIC, path));
  });

  test('a descriptor that is not open', () => {
    const fd = PUBLIC.open('/', fs.constants.O_RDONLY);
    PUBLIC.close(fd);
    for (const act of [
      (way: calls.SystemCalls) => way.fstat(fd),
      (way: calls.SystemCalls) => way.read(fd, Buffer.alloc(1), 0, 1, null),
      (way: calls.SystemCalls) => way.close(fd),
    ]) {
      const [ours, theirs] = [own, PUBLIC].map((way) => outcome(() => act(way)));
      expect(ours).toEqual(theirs);
      expect(ours).toMatchObject({ code: 'EBADF' });
    }
  });

  test('what was opened is not handed on to children', () => {
    const fd = own.open(join(root, 'file'), fs.constants.O_RDONLY);
    try {
      const flags = /^flags:\s+(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
      expect(Number.parseInt(flags, 8) & 0o2000000).not.toBe(0);
    } finally {
      own.close(fd);
    }
  });
});
