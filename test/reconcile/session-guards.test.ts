/** What stands between a plan and the end of a session: tmux's own guard, where servers live, what a session is. */
import { describe, expect, test } from 'vitest';
import type { SessionIdentity } from '../../src/diff/plan.ts';
import type { Observed, PaneRuns } from '../../src/observe/state.ts';
import { guardCondition } from '../../src/reconcile/effects/guarded-kill.ts';
import { holderMayRestart, unitHoldsServer } from '../../src/reconcile/effects/server-safety.ts';
import { type JudgeContext, judgeSession } from '../../src/reconcile/judge-session.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import type { Roster } from '../../src/spec/model.ts';
import { FLEET, MOSAIC } from '../diff/rosters.ts';
import * as w from '../diff/world.ts';

type World = w.Mutable<Observed>;
type Break = (o: World) => void;
const fleet = w.roster(FLEET);
const mosaic = w.roster(MOSAIC);

describe("tmux's own guard", () => {
  const identity: SessionIdentity = {
    server: { socket: 'factory', pid: 1000, start: 17 },
    id: '$1',
    created: 42,
    owner: 'mosaic',
    pane: '%2000',
    pane_pid: 2000,
  };
  const session = w.session(w.healthy(fleet), 'coder');
  const order = { name: 'coder', identity, mayInterruptAttached: false };

  test('compares server, session, creation, mark, and that nobody is attached', () => {
    expect(guardCondition(order, session)).toBe(
      '#{&&:#{&&:#{&&:#{&&:#{&&:#{==:#{pid},1000},#{==:#{start_time},17}},#{==:#{session_id},$1}},' +
        '#{==:#{session_created},42}},#{==:#{@fleet_mark},mosaic/coder/1000/$1/42}},#{==:#{session_attached},0}}',
    );
  });
  test('without a mark, and allowed to interrupt: the rest of it', () => {
    expect(guardCondition({ ...order, mayInterruptAttached: true }, { ...session, mark: null })).toBe(
      '#{&&:#{&&:#{&&:#{==:#{pid},1000},#{==:#{start_time},17}},#{==:#{session_id},$1}},#{==:#{session_created},42}}',
    );
  });
});

describe('where servers live', () => {
  const twoSockets = w.roster(MOSAIC.replace('  - name: stub\n', '  - name: stub\n    socket: second\n'));
  const fleetSockets = w.roster(FLEET.replace('  - name: stub\n', '  - name: stub\n    socket: second\n'));
  const contextOf = (roster: Roster) => ({ roster, layout: layoutOf(roster.layout), agents: roster.agents });
  const gone =
    (index: number): Break =>
    (o) => {
      w.tmuxOf(o, index).server = { state: 'absent' };
      w.tmuxOf(o, index).listening = [];
    };
  const inUnit =
    (unit: string, index = 0): Break =>
    (o) =>
      Object.assign(w.tmuxOf(o, index).listening[0] ?? {}, { cgroup: `/user.slice/app.slice/${unit}` });
  const asked = (ask: (o: Observed) => ReturnType<typeof unitHoldsServer>, roster: Roster, ...breaks: Break[]) => {
    const observed = w.healthy(roster);
    for (const b of breaks) b(observed);
    const found = ask(observed as Observed);
    return found === null ? null : `${found.code}: ${found.summary}: ${found.detail}: ${found.remedy}`;
  };
  const holds = (roster: Roster, unit: string, ...breaks: Break[]) =>
    asked((o) => unitHoldsServer(contextOf(roster), o, unit), roster, ...breaks);
  const mayRestart = (roster: Roster, socket: string, ...breaks: Break[]) =>
    asked((o) => holderMayRestart(contextOf(roster), o, socket), roster, ...breaks);
  const unasked: Break = (o) => {
    o.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'no answer' };
  };
  const UNOBSERVED = 'unobserved: Where the tmux server lives could not be read: no answer: null';
  const alive = (path: string) =>
    `server-alive: The holder unit is left alone while its server lives: the server of ${path} lives, or cannot be told to be gone: look again: fleet plan`;
  const inside = (pid: number, path: string, unit: string, socket = path.split('/').at(-1)) =>
    `server-in-unit: The tmux server lives in this unit: tmux server ${pid} (${path}) lives in ${unit}: stopping it would end every session: end the whole server when nobody works in it (tmux -L ${socket} list-sessions shows who does), then: fleet apply`;

  test("an agent's unit that holds none may be stopped; one that holds a server may not", () => {
    const unit = 'fleet-agent@coder.service';
    expect(holds(fleet, unit)).toBeNull();
    expect(holds(fleet, unit, inUnit(unit))).toBe(inside(1000, '/tmp/tmux-1000/factory', unit));
    expect(holds(fleet, unit, inUnit('fleet-agent@coder.service.d'))).toBeNull();
    expect(holds(fleet, unit, inUnit('xfleet-agent@coder.service'))).toBeNull();
    // As systemd writes the slice of an instance.
    expect(holds(fleet, unit, inUnit('fleet\\x2dagent@coder.service/x'))).toBe(
      inside(1000, '/tmp/tmux-1000/factory', unit),
    );
    expect(holds(fleet, unit, (o) => Object.assign(w.tmuxOf(o).listening[0] ?? {}, { cgroup: null }))).toBeNull();
    expect(holds(fleet, unit, unasked)).toBe(UNOBSERVED);
  });
  test('a second server in it counts as well', () => {
    expect(holds(twoSockets, 'mosaic-agent@stub.service', inUnit('mosaic-agent@stub.service', 1))).toBe(
      inside(1001, '/tmp/tmux-1000/second', 'mosaic-agent@stub.service'),
    );
  });
  test('the holder unit may be stopped only when no server of the roster lives', () => {
    const unit = 'mosaic-tmux-holder.service';
    expect(holds(twoSockets, unit)).toBe(alive('/tmp/tmux-1000/factory'));
    expect(holds(twoSockets, unit, gone(0))).toBe(alive('/tmp/tmux-1000/second'));
    expect(holds(twoSockets, unit, gone(0), gone(1))).toBeNull();
    expect(holds(mosaic, unit, unasked)).toBe(UNOBSERVED);
    // Absent by its own words and yet somebody listens: it lives.
    expect(holds(mosaic, unit, (o) => (w.tmuxOf(o).server = { state: 'absent' }))).toBe(
      alive('/tmp/tmux-1000/factory'),
    );
    // Nobody listens and yet it answers: so does this one.
    expect(holds(mosaic, unit, (o) => (w.tmuxOf(o).listening = []))).toBe(alive('/tmp/tmux-1000/factory'));
  });
  test("somebody else's server does not keep the holder unit, unless it lives in it", () => {
    const unit = 'mosaic-tmux-holder.service';
    const stranger: Break = (o) => (w.tmuxOf(o).socket = 'theirs');
    const elsewhere: Break = (o) => Object.assign(w.tmuxOf(o).listening[0] ?? {}, { cgroup: '/' });
    expect(holds(mosaic, unit, stranger, elsewhere)).toBeNull();
    expect(holds(mosaic, unit, stranger)).toBe(inside(1000, '/tmp/tmux-1000/factory', unit, 'theirs'));
  });
  test('the holder unit is restarted for a missing server, unless that of another socket would end with it', () => {
    expect(mayRestart(mosaic, 'factory')).toBe(alive('/tmp/tmux-1000/factory'));
    expect(mayRestart(mosaic, 'factory', gone(0))).toBeNull();
    expect(mayRestart(twoSockets, 'factory', gone(0))).toBe(
      inside(1001, '/tmp/tmux-1000/second', 'mosaic-tmux-holder.service'),
    );
    // Layout fleet's own unit ends nothing when it is restarted.
    expect(mayRestart(fleetSockets, 'factory', gone(0))).toBeNull();
    expect(mayRestart(fleetSockets, 'second', gone(0))).toBe(alive('/tmp/tmux-1000/second'));
    expect(mayRestart(mosaic, 'factory', unasked)).toBe(UNOBSERVED);
  });
});

describe('a session as a started one must be', () => {
  const contextOf = (roster: Roster): JudgeContext => ({
    roster,
    launcher: roster.layout === 'fleet',
    user: { home: w.HOME },
  });
  function judged(roster: Roster, ...breaks: readonly Break[]): string {
    const observed = w.healthy(roster);
    for (const b of breaks) b(observed);
    const [agent] = roster.agents;
    if (agent === undefined) throw new Error('no agent');
    const found = judgeSession(contextOf(roster), observed as Observed, agent);
    switch (found.judged) {
      case 'unknown':
      case 'foreign':
        return `${found.judged}: ${found.detail}`;
      case 'absent':
        return 'absent';
      case 'ended':
        return `ended: ${found.status} ${found.signal} ${found.pane} ${found.session.id}`;
      case 'not-yet':
        return `${found.code}: ${found.detail}`;
      case 'right':
        return `right: ${found.pid} ${found.startTime} ${found.evidence} ${found.server.pid}`;
    }
  }
  const runs =
    (what: PaneRuns): Break =>
    (o) => {
      w.paneOf(o, 'coder').runs = what as w.Mutable<PaneRuns>;
    };
  const mark =
    (fields: object): Break =>
    (o) =>
      Object.assign(w.session(o, 'coder').mark ?? {}, fields);
  const RIGHT = 'right: 2000 8000000 pi runs as process 2000 (package) 1000';

  test.each<readonly [string, Break, string]>([
    ['as it should be', () => {}, RIGHT],
    ['gone', (o) => w.dropSession(o, 'coder'), 'absent'],
    [
      'not to be asked',
      (o) => (o.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'no answer' }),
      'unknown: tmux: no answer (timeout)',
    ],
    [
      'without mark',
      (o) => Object.assign(w.session(o, 'coder'), { mark: null }),
      "foreign: session coder does not bear fleet's mark",
    ],
    ["with another fleet's mark", mark({ owner: 'theirs' }), 'foreign: session coder bears the mark of theirs/coder'],
    ["with another agent's mark", mark({ agent: 'stub' }), 'foreign: session coder bears the mark of mosaic/stub'],
    ['of another spec', mark({ spec: 'old' }), 'foreign: session coder was started from another spec (old)'],
    ['of a spec that is not told', mark({ spec: null }), RIGHT],
    ['its pane gone', mark({ pane: '%9' }), 'ended: null null null $1'],
    ['its pane dead', runs({ verdict: 'dead', status: 3, signal: '9' }), 'ended: 3 9 %2000 $1'],
    ['its process gone', runs({ verdict: 'gone' }), 'ended: null null %2000 $1'],
    [
      'a shell',
      runs({ verdict: 'shell', pid: 2000, program: 'bash' }),
      'wrong-program: the pane runs the shell bash, wanted pi',
    ],
    [
      'another program',
      runs({ verdict: 'other', pid: 2000, program: 'vim' }),
      'wrong-program: the pane runs vim, wanted pi',
    ],
    [
      'one of two',
      runs({ verdict: 'ambiguous', runtimes: ['pi', 'claude'], evidence: 'both' }),
      'not-recognised: the pane could be running pi or claude: both',
    ],
    [
      'ssh',
      runs({ verdict: 'opaque', program: 'ssh' }),
      'not-recognised: the pane runs ssh, which cannot be seen into',
    ],
    [
      'stopped',
      runs({ verdict: 'suspended', pid: 2000, runtime: 'pi' }),
      'suspended: process 2000 is stopped (state T)',
    ],
    [
      'not readable',
      runs({ verdict: 'unknown', why: 'denied', detail: 'EACCES' }),
      'not-recognised: what the pane runs could not be read: EACCES (denied)',
    ],
    [
      'another runtime',
      runs({ verdict: 'runtime', runtime: 'claude', strength: 'strong', pid: 2000, evidence: 'package' }),
      'wrong-program: the pane runs claude (package), wanted pi',
    ],
    [
      'a process that was not looked at',
      (o) => {
        if (o.sources.processes.status === 'known') o.sources.processes.value.processes = {};
      },
      'not-recognised: process 2000 could not be looked at',
    ],
    [
      'processes that could not be read',
      (o) => (o.sources.processes = { status: 'unknown', why: 'io', detail: 'EIO' }),
      'not-recognised: process 2000 could not be looked at',
    ],
    [
      'a directory that could not be read',
      (o) => (w.processOf(o, 2000).cwd = { status: 'unknown', why: 'denied', detail: 'EACCES' }),
      'wrong-directory: the directory of process 2000 could not be read: EACCES',
    ],
    [
      'another directory',
      (o) => (w.processOf(o, 2000).cwd = w.known('/tmp')),
      'wrong-directory: process 2000 is in /tmp, wanted /home/jarvis/src',
    ],
    [
      'the directory by its real name',
      (o) => {
        w.filesOf(o).directories['~/src'] = { state: 'found', real: '/data/src' };
        w.processOf(o, 2000).cwd = w.known('/data/src');
      },
      RIGHT,
    ],
    [
      'the directory not looked at: as the roster writes it',
      (o) => {
        w.filesOf(o).directories = {};
      },
      RIGHT,
    ],
    [
      'the directory missing by now: as the roster writes it',
      (o) => {
        w.filesOf(o).directories['~/src'] = { state: 'missing', detail: 'ENOENT' };
      },
      RIGHT,
    ],
    ['files not looked at', (o) => (o.sources.files = { status: 'unknown', why: 'io', detail: 'EIO' }), RIGHT],
    [
      'at a prompt',
      (o) => (w.paneOf(o, 'coder').prompt = { id: 'trust', text: 'Trust this folder?' }),
      'parked: it waits at a prompt (trust): Trust this folder?',
    ],
  ])('%s', (_, breakIt, word) => {
    expect(judged(fleet, breakIt)).toBe(word);
  });

  test('layout mosaic: no mark is looked for', () => {
    expect(judged(mosaic)).toMatch(/^right: 2000 /);
  });
});
