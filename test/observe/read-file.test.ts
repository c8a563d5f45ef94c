import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDirectory, readFileSafely } from '../../src/observe/read-file.ts';

const uid = process.getuid?.() ?? 0;
const rules = { maxBytes: 1000, owners: [uid] };
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'fleet-read-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

const path = (name: string) => join(dir, name);

describe('reading a file that others write', () => {
  it('gives bytes, mode and time', () => {
    writeFileSync(path('a'), 'text\n', { mode: 0o640 });
    const read = readFileSafely(path('a'), rules);
    expect(read).toMatchObject({ state: 'read', mode: 0o640 });
    expect(read.state === 'read' && read.bytes.toString()).toBe('text\n');
  });

  it('tells absent from unreadable', () => {
    expect(readFileSafely(path('none'), rules)).toEqual({ state: 'absent' });
    expect(readFileSafely(path('no/directory'), rules)).toEqual({ state: 'absent' });
    writeFileSync(path('file'), '');
    expect(readFileSafely(path('file/under'), rules)).toMatchObject({ state: 'unknown', why: 'not-regular' });
  });

  it('refuses a link, also as the directory, and follows one in the last place only when told to', () => {
    mkdirSync(path('real'));
    writeFileSync(path('real/a'), 'x');
    symlinkSync(path('real'), path('linked'));
    symlinkSync(path('real/a'), path('link'));
    symlinkSync(path('nowhere'), path('dangling'));
    expect(readFileSafely(path('link'), rules)).toMatchObject({ state: 'unknown', why: 'not-regular' });
    expect(readFileSafely(path('linked/a'), rules)).toMatchObject({ state: 'unknown', why: 'not-regular' });
    expect(readFileSafely(path('link'), { ...rules, followsLink: true })).toMatchObject({ state: 'read' });
    expect(readFileSafely(path('dangling'), { ...rules, followsLink: true })).toEqual({ state: 'absent' });
  });

  it('never blocks at a FIFO, a link to one, a socket or a device', async () => {
    execFileSync('mkfifo', [path('fifo')]);
    symlinkSync(path('fifo'), path('to-fifo'));
    symlinkSync('/dev/zero', path('zero'));
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(path('socket'), resolve));
    try {
      for (const name of ['fifo', 'socket', '']) {
        expect(readFileSafely(path(name), rules), name).toMatchObject({ state: 'unknown', why: 'not-regular' });
      }
      for (const name of ['to-fifo', 'zero']) {
        const read = readFileSafely(path(name), { maxBytes: 1000, owners: null, followsLink: true });
        expect(read, name).toMatchObject({ state: 'unknown', why: 'not-regular' });
      }
    } finally {
      server.close();
    }
  });

  it('reads up to the limit and nothing that is larger', () => {
    writeFileSync(path('just'), 'x'.repeat(1000));
    writeFileSync(path('more'), 'x'.repeat(1001));
    writeFileSync(path('huge'), '');
    truncateSync(path('huge'), 1024 ** 4);
    expect(readFileSafely(path('just'), rules)).toMatchObject({ state: 'read' });
    expect(readFileSafely(path('more'), rules)).toMatchObject({ state: 'unknown', why: 'too-large' });
    expect(readFileSafely(path('huge'), rules)).toMatchObject({ state: 'unknown', why: 'too-large' });
  });

  it('reads files whose size says nothing', () => {
    const read = readFileSafely(`/proc/${process.pid}/status`, { maxBytes: 65_536, owners: null });
    expect(read.state === 'read' && read.bytes.toString()).toContain('Uid:');
  });

  it.runIf(uid === 0)('refuses the files and directories of another user (needs root to make them)', () => {
    writeFileSync(path('theirs'), 'x');
    chownSync(path('theirs'), 12345, 12345);
    mkdirSync(path('dir'));
    chownSync(path('dir'), 12345, 12345);
    expect(readFileSafely(path('theirs'), rules)).toMatchObject({ state: 'unknown', why: 'denied' });
    expect(openDirectory(path('dir'), [uid])).toMatchObject({ state: 'unknown', why: 'denied' });
  });

  it.runIf(uid !== 0)('tells what may not be read (root may read everything)', () => {
    writeFileSync(path('closed'), 'x');
    chmodSync(path('closed'), 0);
    expect(readFileSafely(path('closed'), rules)).toMatchObject({ state: 'unknown', why: 'denied' });
  });

  it('lists a directory and reads in it, also after its path was taken by another', () => {
    mkdirSync(path('d'));
    writeFileSync(path('d/a'), 'first');
    const opened = openDirectory(path('d'), [uid]);
    if (opened.state !== 'open') throw new Error(opened.state);
    try {
      execFileSync('mv', [path('d'), path('moved')]);
      mkdirSync(path('d'));
      writeFileSync(path('d/a'), 'second');
      expect(opened.names()).toMatchObject({ state: 'listed', names: ['a'] });
      const read = opened.read('a', rules);
      expect(read.state === 'read' && read.bytes.toString()).toBe('first');
    } finally {
      opened.close();
    }
  });
});
