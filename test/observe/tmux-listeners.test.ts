import { describe, expect, it } from 'vitest';
import { parseCgroup, parseListeningSockets } from '../../src/observe/tmux/listeners.ts';

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
