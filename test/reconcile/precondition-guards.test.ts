/**
 * The last look before an effect, fact by fact. Each line is one world and one word of the guard: `holds`, or why not.
 * Nothing destructive is done on any other word than `holds`.
 */
import { describe, expect, test } from 'vitest';
import type { Change, Precondition, SessionIdentity } from '../../src/diff/plan.ts';
import type { Observed } from '../../src/observe/state.ts';
import {
  type CheckContext,
  evaluatePrecondition,
  sessionNameOf,
  socketOf,
  unitNameOf,
} from '../../src/reconcile/precondition.ts';
import { layoutOf } from '../../src/spec/layout.ts';
import type { Roster } from '../../src/spec/model.ts';
import { FLEET, MOSAIC } from '../diff/rosters.ts';
import * as w from '../diff/world.ts';

type World = w.Mutable<Observed>;
type Break = (o: World) => void;

const fleet = w.roster(FLEET);
const CODER: SessionIdentity = {
  server: { socket: 'factory', pid: 1000, start: 1_780_300_000 },
  id: '$1',
  created: (w.NOW - 3_600_000) / 1000,
  owner: 'mosaic',
  pane: '%2000',
  pane_pid: 2000,
};
const SERVER = CODER.server;

function contextOf(roster: Roster): CheckContext {
  return {
    roster,
    layout: layoutOf(roster.layout),
    agents: roster.agents,
    launcher: roster.layout === 'fleet',
    user: { home: w.HOME },
  };
}

interface Draft {
  readonly address?: string;
  readonly action?: Change['action'];
  readonly agent?: string | null;
}

function change(
  precondition: Precondition,
  { address = 'session/coder', action = 'restart', agent = 'coder' }: Draft = {},
) {
  const [kind] = address.split('/');
  const base = {
    host: 'w-jarvis',
    tenant: 'jarvis',
    reason: 'spec-changed',
    cause: 'corrective',
    before: {},
    after: {},
  };
  const rest = { patch: [], disruption: 'restart', live: { attached: 0, busy: false }, evidence: [], depends_on: [] };
  const more = { source: null, stage: 5, wave: 0, replan: false };
  // Complete but for what the guard does not read.
  return {
    ...base,
    ...rest,
    ...more,
    address: `w-jarvis/jarvis/${address}`,
    kind,
    action,
    agent,
    precondition,
  } as Change;
}

function judged(planned: Change, breakIt: Break = () => {}, roster: Roster = fleet): string {
  const observed = w.healthy(roster);
  breakIt(observed);
  const check = evaluatePrecondition(contextOf(roster), planned, observed as Observed);
  return check.check === 'holds' ? 'holds' : `${check.check}: ${check.detail}`;
}

const tmuxUnknown: Break = (o) => {
  o.sources.tmux = { status: 'unknown', why: 'timeout', detail: 'no answer' };
};
const serverUnknown: Break = (o) => {
  w.tmuxOf(o).server = { state: 'unknown', why: 'denied', detail: 'access not allowed' };
};
const serverGone: Break = (o) => {
  w.tmuxOf(o).server = { state: 'absent' };
};
const notLookedAt: Break = (o) => {
  w.tmuxOf(o).socket = 'other';
};
const unitsUnknown: Break = (o) => {
  o.sources.units = { status: 'unknown', why: 'no-bus', detail: 'nobody answers' };
};
const server = (o: World) => {
  const { server } = w.tmuxOf(o);
  if (server.state !== 'running') throw new Error('not running');
  return server;
};
const wrongRuntime: Break = (o) => {
  w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
};
const both =
  (...breaks: readonly Break[]): Break =>
  (o) => {
    for (const b of breaks) b(o);
  };

describe('a session that was planned for: this very one', () => {
  const cases: readonly (readonly [string, Break, string])[] = [
    ['is there', () => {}, 'holds'],
    ['tmux cannot be asked', tmuxUnknown, 'unknown: tmux: no answer (timeout)'],
    ['its socket was not looked at', notLookedAt, 'unknown: tmux socket factory was not looked at'],
    ['its server cannot be asked', serverUnknown, 'unknown: tmux socket factory: access not allowed (denied)'],
    ['its server is gone', serverGone, 'stale: session coder ($1) is gone'],
    ['it is gone', (o) => w.dropSession(o, 'coder'), 'stale: session coder ($1) is gone'],
    [
      'another server (pid), what runs there not as wanted',
      both(wrongRuntime, (o) => Object.assign(server(o), { pid: 7 })),
      'stale: session coder lives in another server (pid 7, planned 1000)',
    ],
    [
      'another server of the same pid (start)',
      both(wrongRuntime, (o) => Object.assign(server(o), { start: 7 })),
      'stale: session coder lives in another server (pid 1000, planned 1000)',
    ],
    [
      'another id',
      both(wrongRuntime, (o) => Object.assign(w.session(o, 'coder'), { id: '$9' })),
      'stale: session coder is another one ($9, planned $1)',
    ],
    [
      'another creation time',
      both(wrongRuntime, (o) => Object.assign(w.session(o, 'coder'), { created: 7 })),
      'stale: session coder is another one ($1, planned $1)',
    ],
    [
      'its mark is gone',
      (o) => Object.assign(w.session(o, 'coder'), { mark: null }),
      'stale: session coder bears another mark (none)',
    ],
    [
      "another fleet's mark",
      (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { owner: 'theirs' }),
      'stale: session coder bears another mark (theirs)',
    ],
    [
      'another pane',
      both(
        wrongRuntime,
        (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { pane: null }),
        (o) => Object.assign(w.paneOf(o, 'coder'), { id: '%3' }),
      ),
      'stale: session coder has another pane (%3)',
    ],
    [
      'its pane is gone',
      (o) => Object.assign(w.paneOf(o, 'coder'), { id: '%3' }),
      'stale: session coder has another pane (none)',
    ],
    [
      'another process in its pane',
      both(wrongRuntime, (o) => Object.assign(w.paneOf(o, 'coder'), { pid: 7 })),
      'stale: pane %2000 runs another process (7, planned 2000)',
    ],
    [
      'no process in its pane',
      both(wrongRuntime, (o) => Object.assign(w.paneOf(o, 'coder'), { pid: null })),
      'stale: pane %2000 runs another process (none, planned 2000)',
    ],
    [
      'another one, as it should be: somebody repaired it',
      (o) => Object.assign(w.session(o, 'coder'), { id: '$9' }),
      'already-satisfied: session coder was replaced already',
    ],
  ];
  test.each(cases)('%s', (_, breakIt, word) => {
    expect(judged(change({ session: CODER }), breakIt)).toBe(word);
  });

  test('a planned process that was none, and a planned pane that was none', () => {
    expect(judged(change({ session: { ...CODER, pane_pid: null } }), wrongRuntime)).toBe(
      'stale: pane %2000 runs another process (2000, planned none)',
    );
    const gone: Break = (o) => Object.assign(w.paneOf(o, 'coder'), { id: '%3' });
    expect(judged(change({ session: { ...CODER, pane: '', pane_pid: null } }), gone)).toBe('holds');
  });

  test.each(['stop', 'destroy'] as const)(
    'to %s: gone already is as wanted, another one is stale however right',
    (action) => {
      const planned = change({ session: CODER }, { action });
      expect(judged(planned, (o) => w.dropSession(o, 'coder'))).toBe(
        'already-satisfied: session coder is gone already',
      );
      expect(judged(planned, (o) => Object.assign(w.session(o, 'coder'), { id: '$9' }))).toBe(
        'stale: session coder is another one ($9, planned $1)',
      );
    },
  );

  test('of an agent that is not on the roster: another one is never as wanted', () => {
    const planned = change({ session: CODER }, { agent: 'nobody' });
    expect(judged(planned, (o) => Object.assign(w.session(o, 'coder'), { id: '$9' }))).toBe(
      'stale: session coder is another one ($9, planned $1)',
    );
  });
});

describe('a session that was planned for: none', () => {
  const planned = change({ session: null }, { action: 'start' });
  test.each<readonly [string, Break, string]>([
    ['there is none', (o) => w.dropSession(o, 'coder'), 'holds'],
    ['no server either', serverGone, 'holds'],
    ['not looked at', notLookedAt, 'unknown: tmux socket factory was not looked at'],
    ['one appeared that is right', () => {}, 'already-satisfied: session coder runs already ($1)'],
    ['one appeared that is not', wrongRuntime, 'stale: a session coder ($1) appeared since'],
  ])('%s', (_, breakIt, word) => {
    expect(judged(planned, breakIt)).toBe(word);
  });

  test('a holder: made only where there is none', () => {
    const holder = change({}, { address: 'tmux-server/factory', action: 'create', agent: null });
    expect(judged(holder)).toBe('already-satisfied: session _holder is there already ($0)');
    expect(judged(holder, (o) => w.dropSession(o, '_holder'))).toBe('holds');
    // What is not to be created says nothing of the holder's session.
    expect(judged(change({}, { address: 'tmux-server/factory', action: 'start', agent: null }))).toBe('holds');
    expect(judged(change({}, { action: 'create' }))).toBe('holds');
  });
});

describe('a server', () => {
  const planned = change({ server: SERVER });
  test.each<readonly [string, Break, string]>([
    ['this very one', () => {}, 'holds'],
    ['tmux cannot be asked', tmuxUnknown, 'unknown: tmux: no answer (timeout)'],
    ['not looked at', notLookedAt, 'unknown: tmux socket factory was not looked at'],
    ['cannot be asked', serverUnknown, 'unknown: tmux socket factory: access not allowed (denied)'],
    ['gone', serverGone, 'stale: the server of factory (pid 1000) is gone'],
    [
      'another pid',
      (o) => Object.assign(server(o), { pid: 7 }),
      'stale: another server runs on factory (pid 7, planned 1000)',
    ],
    [
      'another start',
      (o) => Object.assign(server(o), { start: 7 }),
      'stale: another server runs on factory (pid 1000, planned 1000)',
    ],
  ])('planned for: %s', (_, breakIt, word) => {
    expect(judged(planned, breakIt)).toBe(word);
  });

  test('planned for none: started since is as wanted for the server itself, stale for anything else', () => {
    const start = change({ server: null }, { address: 'tmux-server/factory', action: 'start', agent: null });
    expect(judged(start, serverGone)).toBe('holds');
    expect(judged(start)).toBe('already-satisfied: a server runs on factory since (pid 1000)');
    expect(judged(change({ server: null }, { action: 'start' }))).toBe(
      'stale: a server runs on factory since (pid 1000)',
    );
    expect(judged(start, notLookedAt)).toBe('unknown: tmux socket factory was not looked at');
  });
});

describe('a server to be signalled', () => {
  const deleted: Break = (o) => {
    w.tmuxOf(o).server = { state: 'unknown', why: 'socket-deleted', detail: 'its socket is gone' };
  };
  const planned = change(
    { process: { pid: 1000, start_time: 4000 } },
    { address: 'tmux-server/factory', action: 'signal', agent: null },
  );
  const listen =
    (...listening: readonly object[]): Break =>
    (o) =>
      Object.assign(w.tmuxOf(o), { listening });
  test.each<readonly [string, Break, string]>([
    ['still without its socket', deleted, 'holds'],
    ['tmux cannot be asked', tmuxUnknown, 'unknown: tmux: no answer (timeout)'],
    ['not looked at', both(deleted, notLookedAt), 'unknown: tmux socket factory was not looked at'],
    ['answers again', () => {}, 'already-satisfied: the server of factory answers again'],
    ['nobody listens', both(deleted, listen()), 'stale: nobody listens on /tmp/tmux-1000/factory any more'],
    [
      'two listen, the planned one first',
      both(deleted, listen({ pid: 1000, start_time: 4000 }, { pid: 7, start_time: 1 })),
      'stale: 2 servers listen on /tmp/tmux-1000/factory',
    ],
    [
      'another process',
      both(deleted, listen({ pid: 7, start_time: 4000 })),
      'stale: another process listens on /tmp/tmux-1000/factory (pid 7, planned 1000)',
    ],
    [
      'its pid was given to another',
      both(deleted, listen({ pid: 1000, start_time: 1 })),
      'stale: another process listens on /tmp/tmux-1000/factory (pid 1000, planned 1000)',
    ],
  ])('%s', (_, breakIt, word) => {
    expect(judged(planned, breakIt)).toBe(word);
  });
});

describe('a session that is the same, and is not what was planned for', () => {
  const restart = (reason: Change['reason'], action: Change['action'] = 'restart') =>
    ({ ...change({ session: CODER, may_interrupt: { attached: true, busy: true } }, { action }), reason }) as Change;
  const runs =
    (runs: object): Break =>
    (o) =>
      Object.assign(w.paneOf(o, 'coder'), { runs });
  test.each<readonly [string, Change, Break, string]>([
    [
      'it was renamed',
      restart('spec-changed'),
      (o) => Object.assign(w.session(o, 'coder'), { name: 'mine' }),
      'stale: session coder ($1) is called mine by now',
    ],
    [
      'it was renamed: its stop is not done already',
      restart('should-be-stopped', 'stop'),
      (o) => Object.assign(w.session(o, 'coder'), { name: 'mine' }),
      'stale: session coder ($1) is called mine by now',
    ],
    [
      'its mark names another agent',
      restart('spec-changed'),
      (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { agent: 'stub' }),
      'stale: session coder bears the mark of stub, planned coder',
    ],
    ['the shell is left still', restart('shell-left'), wrongRuntime, 'holds'],
    [
      'the agent was started again in the shell that was left',
      restart('shell-left'),
      () => {},
      'already-satisfied: session coder runs what it should by now',
    ],
    [
      'somebody works in the shell that was left',
      restart('shell-left'),
      runs({ verdict: 'other', pid: 2000, program: 'vim' }),
      'stale: the shell that was left in session coder runs something by now (other)',
    ],
    [
      'the right runtime runs where another did',
      restart('runtime-mismatch'),
      () => {},
      'already-satisfied: session coder runs what it should by now',
    ],
    [
      'another runtime still',
      restart('runtime-mismatch'),
      runs({ verdict: 'other', pid: 2000, program: 'vim' }),
      'holds',
    ],
    ['the right runtime, but its environment is what was planned for', restart('env-mismatch'), () => {}, 'holds'],
  ])('%s', (_, planned, breakIt, word) => {
    expect(judged(planned, breakIt)).toBe(word);
  });

  test('an ephemeral agent that ran since and ended well is done; one that failed is not', () => {
    const once = w.roster(FLEET.replace('    runtime: pi\n', '    runtime: pi\n    lifecycle: ephemeral\n'));
    const start = change({ session: null }, { action: 'start' });
    const ended = (status: number) => runs({ verdict: 'dead', status, signal: null });
    expect(judged(start, ended(0), once)).toBe('already-satisfied: coder ran already, and ended well ($1)');
    expect(judged(start, ended(1), once)).toBe('stale: a session coder ($1) appeared since');
    expect(judged(start, ended(0))).toBe('stale: a session coder ($1) appeared since');
  });
});

describe('a unit', () => {
  const UNIT = 'fleet-agent@coder.service';
  const set =
    (fields: object): Break =>
    (o) =>
      Object.assign(w.unit(o, UNIT), fields);
  const on = (action: Change['action'], precondition: Precondition): Change =>
    change(precondition, { address: `unit/${UNIT}`, action });
  test.each<readonly [string, Change, Break, string]>([
    ['as planned', on('enable', { unit_file_state: 'disabled' }), set({ unit_file_state: 'disabled' }), 'holds'],
    [
      'units cannot be asked',
      on('enable', { unit_file_state: 'disabled' }),
      unitsUnknown,
      'unknown: units: nobody answers (no-bus)',
    ],
    [
      'units cannot be asked, of its activity',
      on('stop', { active_state: 'active' }),
      unitsUnknown,
      'unknown: units: nobody answers (no-bus)',
    ],
    [
      'not looked at',
      change({ active_state: 'active' }, { address: 'unit/other.service', action: 'stop' }),
      () => {},
      'unknown: unit other.service was not looked at',
    ],
    [
      'enabled since',
      on('enable', { unit_file_state: 'disabled' }),
      () => {},
      `already-satisfied: ${UNIT} is enabled already`,
    ],
    [
      'wrong links, enabled still: done again',
      on('enable', { unit_file_state: 'enabled' }),
      set({ wanted_by: ['nowhere.target'] }),
      'holds',
    ],
    [
      'wrong links, by now the right ones',
      on('enable', { unit_file_state: 'enabled' }),
      () => {},
      `already-satisfied: ${UNIT} is enabled already`,
    ],
    [
      'disabled when planned, enabled for another target by now',
      on('enable', { unit_file_state: 'disabled' }),
      set({ wanted_by: ['nowhere.target'] }),
      `stale: ${UNIT} is enabled, planned disabled`,
    ],
    [
      'not there when planned, enabled by now',
      on('enable', {}),
      () => {},
      `already-satisfied: ${UNIT} is enabled already`,
    ],
    [
      'not there when planned, not looked at',
      change({}, { address: 'unit/other.service', action: 'enable' }),
      () => {},
      'holds',
    ],
    [
      'disabled since',
      on('disable', { unit_file_state: 'enabled' }),
      set({ unit_file_state: 'disabled' }),
      `already-satisfied: ${UNIT} is disabled already`,
    ],
    [
      'masked since, to be disabled',
      on('disable', { unit_file_state: 'enabled' }),
      set({ unit_file_state: 'masked' }),
      `stale: ${UNIT} is masked, planned enabled`,
    ],
    [
      'without state since',
      on('enable', { unit_file_state: 'disabled' }),
      set({ unit_file_state: '' }),
      `stale: ${UNIT} is without state, planned disabled`,
    ],
    [
      'active since, to be started',
      on('start', { active_state: 'inactive' }),
      () => {},
      `already-satisfied: ${UNIT} is active already`,
    ],
    [
      'failed since, to be started',
      on('start', { active_state: 'inactive' }),
      set({ active_state: 'failed' }),
      `stale: ${UNIT} is failed, planned inactive`,
    ],
    [
      'inactive since, to be stopped',
      on('stop', { active_state: 'active' }),
      set({ active_state: 'inactive' }),
      `already-satisfied: ${UNIT} is inactive already`,
    ],
    [
      'inactive since, to be restarted',
      on('restart', { active_state: 'active' }),
      set({ active_state: 'inactive' }),
      `stale: ${UNIT} is inactive, planned active`,
    ],
    [
      'enabled, to be started: its activity is what counts',
      on('start', { active_state: 'inactive' }),
      set({ active_state: 'inactive' }),
      'holds',
    ],
    [
      'disabled, to be enabled and not planned so',
      on('stop', { active_state: 'active', unit_file_state: 'enabled' }),
      set({ unit_file_state: 'disabled' }),
      `stale: ${UNIT} is disabled, planned enabled`,
    ],
    ['nothing was planned of it', on('enable', {}), set({ unit_file_state: 'masked' }), 'holds'],
  ])('%s', (_, planned, breakIt, word) => {
    expect(judged(planned, breakIt)).toBe(word);
  });

  test("behind a session: the agent's, never satisfied by it", () => {
    const planned = change({ active_state: 'inactive' }, { action: 'start' });
    expect(judged(planned)).toBe(`stale: ${UNIT} is active, planned inactive`);
    expect(judged(planned, set({ active_state: 'inactive' }))).toBe('holds');
  });

  test('the unit behind each kind of change', () => {
    const ctx = contextOf(fleet);
    expect(unitNameOf(ctx, on('stop', {}))).toBe(UNIT);
    expect(unitNameOf(ctx, change({}))).toBe(UNIT);
    expect(unitNameOf(ctx, change({}, { agent: null }))).toBeNull();
    expect(unitNameOf(ctx, change({}, { address: 'tmux-server/factory', agent: null }))).toBe('fleet-tmux.service');
    expect(unitNameOf(ctx, change({}, { address: 'env-file/coder' }))).toBeNull();
    expect(unitNameOf(ctx, { ...on('stop', {}), address: 'torn' })).toBeNull();
  });
});

describe('linger and reload', () => {
  const linger = (wanted: boolean) =>
    change({ linger: wanted }, { address: 'linger/jarvis', action: 'enable', agent: null });
  const lingers =
    (enabled: boolean): Break =>
    (o) => {
      o.sources.linger = w.known({ user: 'jarvis', enabled });
    };
  test('linger', () => {
    expect(judged(linger(false), lingers(false))).toBe('holds');
    expect(judged(linger(false))).toBe('already-satisfied: linger of jarvis is on already');
    expect(judged(linger(true), lingers(false))).toBe('already-satisfied: linger of jarvis is off already');
    const unknown: Break = (o) => {
      o.sources.linger = { status: 'unknown', why: 'io', detail: 'EIO' };
    };
    expect(judged(linger(false), unknown)).toBe('unknown: linger: EIO (io)');
  });

  const dirty: Break = (o) => Object.assign(w.unit(o, 'fleet-agent@stub.service'), { need_daemon_reload: true });
  const reload = (wanted: boolean, address = 'unit-file/fleet-agent@.service') =>
    change({ need_daemon_reload: wanted }, { address, action: 'reload', agent: null });
  test('reload, over all units', () => {
    expect(judged(reload(true), dirty)).toBe('holds');
    expect(judged(reload(true))).toBe('already-satisfied: systemd has read its unit files again already');
    expect(judged(reload(false))).toBe('holds');
    expect(judged(reload(false), dirty)).toBe('stale: a unit file changed since');
    expect(judged(reload(true), unitsUnknown)).toBe('unknown: units: nobody answers (no-bus)');
  });

  test('reload, of one unit', () => {
    expect(judged(reload(false, 'unit/fleet-agent@coder.service'), dirty)).toBe('holds');
    expect(judged(reload(true, 'unit/fleet-agent@stub.service'), dirty)).toBe('holds');
    expect(judged(reload(true, 'unit/other.service'), dirty)).toBe('unknown: unit other.service was not looked at');
  });
});

describe('an interruption', () => {
  const may = (attached: boolean, busy: boolean) => change({ session: CODER, may_interrupt: { attached, busy } });
  const attached: Break = (o) => Object.assign(w.session(o, 'coder'), { attached: 2 });
  const busy: Break = (o) => {
    w.heartbeatsOf(o, 'coder').beat = w.beat(2000, 5, 'busy');
  };
  const active: Break = (o) => Object.assign(w.paneOf(o, 'coder'), { window_activity: w.NOW / 1000 - 1 });
  const BUSY =
    /^deferred-busy: coder is busy by now: its heartbeat says busy \(.+\); even so: fleet apply .*--even-if-busy$/;
  const ATTACHED = /^deferred-attached: 2 attached to session coder by now; even so: fleet apply .*--even-if-attached/;
  test('nobody there, idle', () => {
    expect(judged(may(false, false))).toBe('holds');
  });
  test('someone attached', () => {
    expect(judged(may(false, true), attached)).toMatch(ATTACHED);
    expect(judged(may(true, false), attached)).toBe('holds');
  });
  test('live processes in other panes count as attached, and are told', () => {
    const other: Break = (o) => {
      const [pane] = w.session(o, 'coder').panes;
      if (pane !== undefined) w.session(o, 'coder').panes.push({ ...pane, id: '%77', pid: 77 });
    };
    expect(judged(may(false, true), other)).toContain(
      '1 attached to session coder by now (1 of them in other panes); even',
    );
    const shown: Break = (o) => {
      other(o);
      const panes = w.session(o, 'coder').panes.slice(1);
      w.sessionsOf(o).push({ ...w.session(o, 'coder'), id: '$78', name: 'view', panes });
    };
    expect(judged(may(false, true), shown)).toContain(
      '(1 of them in other panes; 1 shown by view too, and only unlinked with its end); even',
    );
  });
  test('busy', () => {
    expect(judged(may(true, false), busy)).toMatch(BUSY);
    expect(judged(may(false, true), busy)).toBe('holds');
  });
  test('both: the person first', () => {
    expect(judged(may(false, false), both(attached, busy))).toMatch(ATTACHED);
  });
  test('nothing said of interruption, or no session planned for', () => {
    expect(judged(change({ session: CODER }), both(attached, busy))).toBe('holds');
    expect(judged(change({ may_interrupt: { attached: false, busy: false } }), both(attached, busy))).toBe('holds');
    const none = change({ session: null, may_interrupt: { attached: false, busy: false } }, { action: 'start' });
    expect(judged(none, (o) => w.dropSession(o, 'coder'))).toBe('holds');
  });
  test("by the agent's own heartbeat interval where it has one", () => {
    const slow = w.roster(FLEET.replace('    runtime: pi\n', '    runtime: pi\n    heartbeat: { interval: 60s }\n'));
    const beats: Break = both(active, (o) => {
      w.heartbeatsOf(o, 'coder').beat = w.beat(2000, 100);
    });
    expect(judged(may(false, false), beats, slow)).toBe('holds');
    expect(judged(may(false, false), beats)).toContain('deferred-busy');
  });
  test('of an agent that left the roster: its heartbeat by the defaults', () => {
    const planned = (o: Draft) => change({ session: CODER, may_interrupt: { attached: false, busy: false } }, o);
    const nobodys: Break = (o) => Object.assign(w.session(o, 'coder').mark ?? {}, { agent: 'nobody' });
    expect(judged(planned({ agent: 'nobody' }), both(nobodys, attached))).toMatch(ATTACHED);
    // Its window was active just now, and no heartbeat of a nobody is there to say that it is idle.
    expect(judged(planned({ agent: 'nobody' }), both(nobodys, active))).toContain(
      'deferred-busy: coder is busy by now: no fresh heartbeat, window active 1 s ago',
    );
    // No agent said: the session's own name tells whose heartbeat it is.
    expect(judged(planned({ agent: null }), busy)).toMatch(BUSY);
    // Its own interval is not known: what said busy is believed for longer than what says idle.
    const busyAgo = (age: number): Break => {
      return (o) => {
        w.heartbeatsOf(o, 'coder').beat = w.beat(2000, age, 'busy');
      };
    };
    expect(judged(planned({ agent: null }), busyAgo(300))).toContain('deferred-busy');
    expect(judged(planned({ agent: null }), busyAgo(301))).toBe('holds');
    // 45 s are three intervals of 15 s: still fresh. More is not.
    const beats = (age: number): Break =>
      both(active, (o) => {
        w.heartbeatsOf(o, 'coder').beat = w.beat(2000, age);
      });
    expect(judged(planned({ agent: null }), beats(44))).toBe('holds');
    expect(judged(planned({ agent: null }), beats(46))).toContain('deferred-busy');
  });
});

describe('what a change is about', () => {
  const mosaic = w.roster(MOSAIC.replace('  - name: stub\n', "  - name: stub\n    socket: ''\n"));
  test('its socket: as the plan saw it, else the agent’s, else the roster’s', () => {
    const ctx = contextOf(mosaic);
    expect(socketOf(ctx, change({ session: { ...CODER, server: { ...SERVER, socket: 'seen' } } }))).toBe('seen');
    expect(socketOf(ctx, change({ server: { ...SERVER, socket: 'seen' } }))).toBe('seen');
    expect(socketOf(ctx, change({ session: null }, { agent: 'stub' }))).toBe('default');
    expect(socketOf(ctx, change({}))).toBe('factory');
    expect(socketOf(ctx, change({}, { agent: null }))).toBe('factory');
    expect(socketOf(ctx, change({ session: CODER }, { address: 'tmux-server/default', agent: null }))).toBe('default');
    expect(socketOf(ctx, { ...change({}, { address: 'tmux-server/x' }), address: 'torn' })).toBe('');
  });
  test('its session', () => {
    const ctx = contextOf(mosaic);
    expect(sessionNameOf(ctx, change({}, { address: 'tmux-server/factory', agent: null }))).toBe('_holder');
    expect(sessionNameOf(ctx, change({}, { address: 'session/other' }))).toBe('other');
    expect(sessionNameOf(ctx, change({}, { address: 'unit/x.service' }))).toBe('coder');
    expect(sessionNameOf(ctx, change({}, { address: 'unit/x.service', agent: null }))).toBe('');
    expect(sessionNameOf(ctx, { ...change({}), address: 'torn' })).toBe('');
  });
});
