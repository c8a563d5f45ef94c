import { describe, expect, it } from 'vitest';
import type { PaneRuns, TmuxPane, TmuxServerObserved } from '../../src/observe/state.ts';
import { planSecondLook } from '../../src/observe/tmux/second-look.ts';
import { makeAgent } from '../spec/make-agent.ts';

const AGENT = makeAgent({ name: 'coder', runtime: 'pi', socket: 'main' });

function pane(runs: PaneRuns, pid: number | null = 10): TmuxPane {
  const facts = { id: '%0', window_id: '@0', window_activity: null, pid, tty: null, width: 80, height: 24 };
  const flags = { dead: runs.verdict === 'dead', dead_status: null, dead_signal: null };
  return { ...facts, ...flags, in_mode: false, alternate_on: false, current_command: 'node', runs, prompt: null };
}

function server(runs: PaneRuns, name = 'coder', socket = 'main'): TmuxServerObserved {
  const session = { id: '$0', name, created: 1, attached: 0, activity: 1, mark: null, panes: [pane(runs)] };
  const state = { state: 'running', pid: 1, start: 1, sessions: [session] } as const;
  return { socket, path: `/x/${socket}`, listening: [], server: state };
}

const look = (servers: readonly TmuxServerObserved[], ages: Readonly<Record<number, number>>) =>
  planSecondLook(servers, [AGENT], (pid) => ages[pid] ?? null);

const PI: PaneRuns = { verdict: 'runtime', runtime: 'pi', strength: 'strong', pid: 10, evidence: '' };
const CODEX: PaneRuns = { ...PI, runtime: 'codex' };
const NODE: PaneRuns = { verdict: 'other', pid: 10, program: 'node' };

describe('a second look', () => {
  it('is taken after a second at a young process that is not what the roster wants', () => {
    const again = { sockets: ['main'], afterMs: 1_000 };
    expect(look([server(NODE)], { 10: 4_999 })).toEqual(again);
    expect(look([server(CODEX)], { 10: 0 })).toEqual(again);
    expect(look([server({ verdict: 'shell', pid: 10, program: 'bash' })], { 10: 100 })).toEqual(again);
    expect(look([server({ verdict: 'ambiguous', runtimes: ['pi', 'codex'], evidence: '' })], { 10: 100 })).toEqual(
      again,
    );
  });

  it('is taken where the process that was recognised is young in an old pane', () => {
    expect(look([server({ ...NODE, pid: 11 })], { 10: 60_000, 11: 300 })).toMatchObject({ afterMs: 1_000 });
  });

  it('is not taken at an old one, at the right one, or at sessions that are not the agents', () => {
    expect(look([server(NODE)], { 10: 5_000 })).toBeNull();
    expect(look([server(PI)], { 10: 10 })).toBeNull();
    expect(look([server(NODE, 'coder-2')], { 10: 10 })).toBeNull();
    expect(look([server(NODE, 'coder', 'other')], { 10: 10 })).toBeNull();
  });

  it('is taken at a dead pane only where neither status nor signal is known', () => {
    expect(look([server({ verdict: 'dead', status: null, signal: null })], {})).toMatchObject({ afterMs: 200 });
    expect(look([server({ verdict: 'dead', status: 0, signal: null })], {})).toBeNull();
    expect(look([server({ verdict: 'dead', status: null, signal: '9' })], {})).toBeNull();
  });

  it('is taken at a pane whose processes ended while they were looked at, however old they were', () => {
    const ended: PaneRuns = { verdict: 'unknown', why: 'io', detail: 'ended' };
    expect(look([server(ended)], { 10: 60_000 })).toEqual({ sockets: ['main'], afterMs: 200 });
    expect(look([server({ ...ended, why: 'denied' })], { 10: 60_000 })).toBeNull();
  });

  it('is one for all, after the longest wait', () => {
    const deleted: TmuxServerObserved = {
      ...server(PI, 'x', 'other'),
      server: { state: 'unknown', why: 'socket-deleted', detail: '' },
    };
    const servers = [server(NODE), deleted, { ...server(PI, 'y', 'third') }];
    expect(look(servers, { 10: 1 })).toEqual({ sockets: ['main', 'other'], afterMs: 1_000 });
  });

  it('is not taken where nothing could be seen', () => {
    const hung: TmuxServerObserved = { ...server(PI), server: { state: 'unknown', why: 'timeout', detail: '' } };
    expect(look([hung, { ...hung, server: { state: 'absent' } }], {})).toBeNull();
  });
});
