import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ProcessEntry, parseStat } from '../../src/observe/proc/entry.ts';
import { buildTable } from '../../src/observe/proc/table.ts';
import {
  findServers,
  parseCgroup,
  parseListeningSockets,
  readListeningSockets,
} from '../../src/observe/tmux/listeners.ts';

const HEAD = 'Num       RefCount Protocol Flags    Type St Inode Path\n';

describe('listening sockets', () => {
  it('are those that accept, by path, whatever the path holds', () => {
    const text =
      `${HEAD}ffff888100000000: 00000002 00000000 00010000 0001 01 11 /tmp/tmux-1000/main\n` +
      'ffff888100000001: 00000003 00000000 00000000 0001 03 12 /tmp/tmux-1000/main\n' +
      'ffff888100000002: 00000002 00000000 00010000 0001 01    13 /tmp/tmux-1000/with space \n' +
      'ffff888100000003: 00000002 00000000 00010000 0001 01 14 @abstract\n' +
      'ffff888100000004: 00000002 00000000 00010000 0001 01 15\n' +
      'ffff888100000005: 00000002 00000000 00010000 0001 01 16 /tmp/tmux-1000/main\n';
    expect(parseListeningSockets(text)).toEqual(
      new Map([
        ['/tmp/tmux-1000/main', ['11', '16']],
        ['/tmp/tmux-1000/with space ', ['13']],
      ]),
    );
  });
});

describe('the control group', () => {
  it.each([
    ['unified', '0::/user.slice/user-1000.slice/session-3.scope\n', '/user.slice/user-1000.slice/session-3.scope'],
    ['hybrid', '1:name=systemd:/system.slice/x:y.service\n0::/system.slice/x:y.service\n', '/system.slice/x:y.service'],
    ['legacy', '2:cpu:/\n1:name=systemd:/user.slice\n0::/\n', '/user.slice'],
    ['at the root', '0::/\n', '/'],
    ['not there', '2:cpu:/\n', null],
  ])('is read in a hierarchy that is %s', (_, text, path) => {
    expect(parseCgroup(text)).toBe(path);
  });
});

const UID = 1000;
const PATH = '/tmp/tmux-1000/main';
/** /proc/net/unix of a namespace in which these listen. */
const listens = (...inodes: readonly number[]) =>
  HEAD + inodes.map((i) => `ffff8881: 00000002 00000000 00010000 0001 01 ${i} ${PATH}\n`).join('');

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'fleet-proc-'));
});
afterEach(() => rmSync(proc, { recursive: true, force: true }));

function file(path: string, text: string): void {
  mkdirSync(dirname(join(proc, path)), { recursive: true });
  writeFileSync(join(proc, path), text);
}
function link(path: string, target: string): void {
  mkdirSync(dirname(join(proc, path)), { recursive: true });
  symlinkSync(target, join(proc, path));
}
function processes(...comms: readonly string[]) {
  const entries = comms.map((comm, i): [number, ProcessEntry] => {
    const pid = 100 + i;
    const line = parseStat(`${pid} (${comm}) S 1 ${pid} ${pid} 0 -1${' 0'.repeat(13)} ${pid}${' 0'.repeat(8)}`);
    if (line === null) throw new Error('not a stat line');
    return [pid, { ...line, uid: UID }];
  });
  return buildTable(0, new Map(entries));
}

describe('network namespaces of tmux processes', () => {
  const inodesIn = (...comms: readonly string[]) => {
    const sockets = readListeningSockets(proc, processes(...comms), UID);
    return sockets.status === 'known' ? (sockets.value.get(PATH) ?? []) : sockets;
  };
  beforeEach(() => {
    file('self/net/unix', listens(1));
    link('self/ns/net', 'net:[1]');
  });

  it('are each read once, our own by ourselves', () => {
    link('100/ns/net', 'net:[1]');
    for (const pid of [101, 102]) link(`${pid}/ns/net`, 'net:[2]');
    file('101/net/unix', listens(2));
    expect(inodesIn('tmux: server', 'tmux: server', 'tmux: client')).toEqual(['1', '2']);
  });

  it('are those of a wrapped tmux too', () => {
    link('100/ns/net', 'net:[2]');
    file('100/net/unix', listens(2));
    expect(inodesIn('.tmux-wrapped: s')).toEqual(['1', '2']);
  });

  it('are read through the next process of one where the first has ended', () => {
    for (const pid of [100, 101]) link(`${pid}/ns/net`, 'net:[2]');
    file('101/net/unix', listens(2));
    expect(inodesIn('tmux: client', 'tmux: server')).toEqual(['1', '2']);
  });

  it('hold nobody where all processes of one have ended', () => {
    link('100/ns/net', 'net:[2]');
    expect(inodesIn('tmux: client')).toEqual(['1']);
  });

  it('are read where it cannot be told which it is, and what is listed twice is one socket', () => {
    file('100/ns', 'in the way of ns/net');
    file('100/net/unix', listens(2, 1));
    expect(inodesIn('tmux: server')).toEqual(['1', '2']);
  });

  it('are unknown where one cannot be read', () => {
    for (const pid of [100, 101]) link(`${pid}/ns/net`, 'net:[2]');
    file('100/net', 'in the way of net/unix');
    file('101/net/unix', listens(2));
    expect(inodesIn('tmux: server', 'tmux: server')).toMatchObject({ status: 'unknown', why: 'io' });
  });
});

describe('who holds a listening socket', () => {
  const serversOf = (...comms: readonly string[]) => findServers(['7'], processes(...comms), UID, proc);

  it('is nobody where every process was seen, and files were closed meanwhile', () => {
    link('100/fd/5', 'socket:[6]');
    expect(serversOf('tmux: server', 'ended')).toEqual({ status: 'known', value: [] });
  });

  it('is unknown where a file of a tmux process cannot be told, unless another holds it', () => {
    // No link: readlink fails with EINVAL, as it may with EMFILE or EIO.
    file('100/fd/5', '');
    expect(serversOf('tmux: server')).toMatchObject({ status: 'unknown', why: 'io' });
    link('101/fd/7', 'socket:[7]');
    expect(serversOf('tmux: server', 'tmux: server')).toMatchObject({ status: 'known', value: [{ pid: 101 }] });
  });

  it('is unknown where the files of a tmux process cannot be listed', () => {
    file('100/fd', 'in the way of the directory');
    expect(serversOf('.tmux-wrapped:')).toMatchObject({ status: 'unknown', why: 'io' });
  });

  it('is somebody else where only what is no tmux shows no files: anybody may bind such a name', () => {
    file('100/fd', 'in the way of the directory');
    expect(serversOf('(sd-pam)')).toEqual({ status: 'known', value: [] });
    link('101/fd/7', 'socket:[7]');
    expect(serversOf('(sd-pam)', 'renamed')).toMatchObject({ status: 'known', value: [{ pid: 101 }] });
  });
});
