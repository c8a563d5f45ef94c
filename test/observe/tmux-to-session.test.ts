import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LastLook, lastLook } from '../../src/observe/last-look.ts';
import type { PaneRuns } from '../../src/observe/state.ts';
import type { ListedPane } from '../../src/observe/tmux/listing-row.ts';
import { toSession } from '../../src/observe/tmux/to-session.ts';

let last: LastLook;
beforeEach(() => {
  last = lastLook();
});
afterEach(() => last.close());

const PANE: ListedPane = {
  id: '%0',
  window_id: '@0',
  window_activity: 1,
  pid: 7,
  tty: '/dev/pts/0',
  dead: false,
  dead_status: null,
  dead_signal: null,
  in_mode: false,
  alternate_on: false,
  width: 80,
  height: 24,
  current_command: 'claude',
  title: '',
};
const SESSION = { id: '$0', name: 'a', created: 1, attached: 0, activity: 1, mark: null, panes: [PANE] };
const runtime = (pid: number): PaneRuns => ({
  verdict: 'runtime',
  runtime: 'claude',
  strength: 'strong',
  pid,
  evidence: '',
});
const TRUST = ['Do you trust the files in this folder?', '❯ 1. Yes, proceed', 'Enter to confirm'];

test('what was seen in a pane, and on its screen, is told as it is now, where tmux lists the very same', () => {
  const told = (runs: PaneRuns, screen: readonly string[] = [], path = '/s') => {
    const seen = { session: SESSION, panes: [{ pane: PANE, runs }] };
    const screens = new Map([['%0', screen]]);
    const session = toSession(seen, screens, last.server(path));
    expect(session).toEqual(toSession(seen, screens, undefined));
    return session;
  };
  const first = told(runtime(7));
  expect(told(runtime(7))).toBe(first);
  const suspended: PaneRuns = { verdict: 'suspended', pid: 7, runtime: 'claude' };
  for (const other of [suspended, runtime(8), { ...runtime(7), also: ['pi'] }]) {
    const now = told(other);
    expect(now).not.toBe(first);
    expect(now.panes[0]?.runs).toEqual(other);
  }
  expect(told(runtime(7), TRUST).panes[0]?.prompt).not.toBeNull();
  expect(told(runtime(7), TRUST)).toBe(told(runtime(7), TRUST));
  expect(told(runtime(7)).panes[0]?.prompt).toBeNull();
  expect(told(runtime(7), [], '/other')).not.toBe(told(runtime(7)));
});
