import { describe, expect, test } from 'vitest';
import type { PlanMemory, RememberedSession } from '../../src/diff/policy.ts';
import type { Observed } from '../../src/observe/state.ts';
import type { Roster } from '../../src/spec/model.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import * as w from './world.ts';
import './findings-read.ts';

type World = w.Mutable<Observed>;
type Break = (o: World) => void;

const GONE = 'agents:\n  - { name: gone, runtime: dogfood }\n';
const LAYOUTS = { fleet: FLEET, mosaic: MOSAIC, none: NONE } as const;
type LayoutName = keyof typeof LAYOUTS;
const now = (layout: LayoutName): Roster => w.roster(LAYOUTS[layout]);
const before = (layout: LayoutName): Roster => w.roster(LAYOUTS[layout].replace('agents:\n', GONE));
const unitOf = (layout: LayoutName): string => `${layout}-agent@gone.service`;

/** The record that layout mosaic needs: this very session. */
function identityOf(o: World): RememberedSession {
  const { server, socket } = w.tmuxOf(o);
  if (server.state !== 'running') throw new Error('no server');
  const { id, created } = w.session(o, 'gone');
  const shared = { agent: 'gone', socket, boot_id: o.boot_id, done: false, plan: null };
  return { ...shared, server: { pid: server.pid, start: server.start }, id, created, spec: 'f'.repeat(32) };
}

interface Options {
  readonly breakIt?: Break;
  readonly memory?: (whole: PlanMemory) => PlanMemory;
  readonly prune?: boolean;
  readonly policy?: Partial<NonNullable<w.PlanOptions['policy']>>;
}

function plan(layout: LayoutName, { breakIt = () => {}, memory = (m) => m, prune = true, policy = {} }: Options = {}) {
  const observed = w.healthy(before(layout));
  const whole = { ...w.owning(now(layout), ['gone']), sessions: { gone: identityOf(observed) } };
  breakIt(observed);
  return w.planOf(now(layout), observed, { policy: { prune, ...policy }, memory: memory(whole) });
}

const planned = (layout: LayoutName, options: Options = {}): readonly string[] => w.lines(plan(layout, options));
const removal = (layout: 'fleet' | 'mosaic'): readonly string[] => [
  'stop session/gone orphan-session',
  `stop unit/${unitOf(layout)} orphan-unit`,
  `disable unit/${unitOf(layout)} orphan-unit`,
  'destroy env-file/gone orphan-unit',
  ...(layout === 'fleet' ? ['destroy env-file/gone.argv orphan-unit'] : []),
];
const without =
  (...keys: readonly string[]) =>
  (m: PlanMemory): PlanMemory => ({
    ...m,
    owned: Object.fromEntries(Object.entries(m.owned).filter(([key]) => !keys.includes(key))),
  });
const forgotten = (m: PlanMemory): PlanMemory => ({
  ...m,
  sessions: {},
  owned: Object.fromEntries(Object.entries(m.owned).map(([k, r]) => [k, { ...r, how: 'forgotten' as const }])),
});

describe('an agent that is no longer on the roster', () => {
  test.each(['fleet', 'mosaic'] as const)('layout %s: session, unit, boot, files go in this order', (layout) => {
    const found = plan(layout);
    expect(w.lines(found)).toEqual(removal(layout));
    for (const [i, c] of found.changes.entries()) {
      const earlier = new Set(found.changes.slice(0, i).map((e) => e.address));
      earlier.delete(c.address);
      expect(c.depends_on).toEqual([...earlier]);
    }
  });

  test('supervisor none: its session and its files', () => {
    expect(planned('none')).toEqual([
      'stop session/gone orphan-session',
      'destroy env-file/gone orphan-unit',
      'destroy env-file/gone.argv orphan-unit',
    ]);
  });

  test.each(['fleet', 'mosaic'] as const)('layout %s: without --prune it is listed alone', (layout) => {
    expect(planned(layout, { prune: false })).toEqual(['unmanaged session/gone', `unmanaged unit/${unitOf(layout)}`]);
  });

  test('of the env file only our keys go: with none of them left there is nothing to do', () => {
    const foreign: Break = (o) => {
      const env = w.filesOf(o).env_files['gone'];
      if (env?.state === 'present') Object.assign(env, { own: {}, keys: ['OPERATORS_OWN'] });
    };
    expect(planned('mosaic', { breakIt: foreign })).toEqual(removal('mosaic').slice(0, -1));
  });

  test.each(['masked', 'masked-runtime'])('a unit that is %s cannot be disabled: nothing of it goes', (state) => {
    const found = planned('fleet', {
      breakIt: (o) => Object.assign(w.unit(o, unitOf('fleet')), { load_state: 'masked', unit_file_state: state }),
    });
    expect(found).toEqual([`blocked(masked) unit/${unitOf('fleet')} orphan-unit`]);
  });

  test('a unit that is masked and linked nowhere is stopped, and goes with the rest', () => {
    const found = planned('fleet', {
      breakIt: (o) =>
        Object.assign(w.unit(o, unitOf('fleet')), { load_state: 'masked', unit_file_state: 'masked', wanted_by: [] }),
    });
    expect(found).toEqual(removal('fleet').filter((line) => !line.startsWith('disable')));
  });

  test('what is gone by itself already is not planned', () => {
    const found = planned('fleet', {
      breakIt: (o) => {
        w.dropSession(o, 'gone');
        Object.assign(w.unit(o, unitOf('fleet')), { active_state: 'inactive', sub_state: 'dead' });
      },
    });
    expect(found).toEqual(removal('fleet').slice(2));
  });

  test('with nothing left of it the inventory alone plans nothing', () => {
    const roster = now('fleet');
    const memory = w.owning(roster, ['gone']);
    expect(w.lines(w.planOf(roster, w.healthy(roster), { policy: { prune: true }, memory }))).toEqual([]);
  });
});

describe('mark and inventory must agree', () => {
  test.each([
    ['session/gone', 'session/gone', 'fleet adopt session/gone'],
    ['unit/fleet-agent@gone.service', 'unit/fleet-agent@gone.service', 'fleet adopt unit/fleet-agent@gone.service'],
    ['env-file/gone.argv', 'env-file/gone.argv', 'fleet adopt env-file/gone.argv'],
  ])('layout fleet: marked, and %s is not in the inventory: nothing of it goes', (key, address, command) => {
    const found = plan('fleet', { memory: without(key) });
    expect(w.lines(found)).toEqual([
      `blocked(not-ours) ${address} ${address.startsWith('session') ? 'orphan-session' : 'orphan-unit'}`,
    ]);
    expect(found.blocked[0]?.remedy).toBe(`if it is this fleet's, then: ${command}`);
  });

  test('layout fleet: the whole inventory is lost: one refusal, one command', () => {
    const found = plan('fleet', { memory: () => w.owning(now('fleet'), []) });
    expect(w.lines(found)).toEqual(['blocked(not-ours) session/gone orphan-session']);
    expect(found.blocked[0]?.remedy).toBe("if it is this fleet's, then: fleet adopt gone");
    expect(found.blocked[0]?.agent).toBe('gone');
  });

  test('layout mosaic: the whole inventory is lost: nothing bears a mark, so it is listed', () => {
    const found = planned('mosaic', { memory: () => w.owning(now('mosaic'), []) });
    expect(found).toEqual(['unmanaged session/gone', `unmanaged unit/${unitOf('mosaic')}`]);
  });

  test.each<[string, (r: RememberedSession) => RememberedSession]>([
    ['another server pid', (r) => ({ ...r, server: { ...r.server, pid: r.server.pid + 1 } })],
    ['another start of the server', (r) => ({ ...r, server: { ...r.server, start: r.server.start + 1 } })],
    ['another id', (r) => ({ ...r, id: '$99' })],
    ['another creation time', (r) => ({ ...r, created: r.created + 1 })],
    ['another socket', (r) => ({ ...r, socket: 'elsewhere' })],
    ['a spec that was written down before fleet changed its env file', (r) => ({ ...r, spec: 'env-file:abc' })],
  ])('layout mosaic: a session of its name with %s is not its own, and its unit is not stopped', (_name, other) => {
    const memory = (m: PlanMemory): PlanMemory => {
      const record = m.sessions['gone'];
      return record === undefined ? m : { ...m, sessions: { gone: other(record) } };
    };
    const found = plan('mosaic', { memory });
    expect(w.lines(found)).toEqual(['blocked(not-ours) session/gone orphan-session', 'unmanaged session/gone']);
    expect(found.blocked[0]?.evidence.join()).toContain('would end it too');
  });

  test('layout mosaic: a session that fleet only meant to replace is not its own', () => {
    const intended = (m: PlanMemory): PlanMemory => {
      const session = m.owned['session/gone'];
      if (session === undefined) return m;
      return { ...m, owned: { ...m.owned, 'session/gone': { ...session, state: 'intended' } } };
    };
    expect(planned('mosaic', { memory: intended })[0]).toBe('blocked(not-ours) session/gone orphan-session');
  });

  test("layout mosaic: without its env file its unit's stop would end what bears its name on the default server", () => {
    const strayed: Break = (o) => {
      w.filesOf(o).env_files['gone'] = { state: 'absent' };
      if (o.sources.tmux.status !== 'known') return;
      const session = structuredClone(w.sessionNamed(now('mosaic'), 'gone', '$4', 44, false)) as never;
      const server = { state: 'running' as const, pid: 1700, start: 1, sessions: [session] };
      o.sources.tmux.value.servers.push({ socket: 'default', path: '/tmp/tmux-1000/default', listening: [], server });
    };
    const found = plan('mosaic', { breakIt: strayed });
    expect(found.changes).toEqual([]);
    expect(found.blocked[0]?.evidence.join()).toContain('on socket default is not known to be ours');
  });

  test('layout mosaic: adopted, it bears a mark, which with the record is enough', () => {
    const adopted: Break = (o) => {
      w.session(o, 'gone').mark = { owner: 'mosaic', agent: 'gone', spec: null, pane: null };
    };
    const lost = (m: PlanMemory): PlanMemory => ({ ...m, sessions: {} });
    expect(planned('mosaic', { breakIt: adopted, memory: lost })).toEqual(removal('mosaic'));
  });

  test('layout fleet: a session without the mark is not its own, however it is recorded', () => {
    const unmarked: Break = (o) => {
      w.session(o, 'gone').mark = null;
    };
    expect(planned('fleet', { breakIt: unmarked })).toEqual([
      'blocked(not-ours) session/gone orphan-session',
      'unmanaged session/gone',
    ]);
  });

  test("another fleet's session of its name", () => {
    const other: Break = (o) => {
      w.session(o, 'gone').mark = { owner: 'another', agent: 'gone', spec: null, pane: null };
    };
    for (const layout of ['fleet', 'mosaic', 'none'] as const) {
      expect(planned(layout, { breakIt: other })).toEqual([
        'blocked(not-ours) session/gone orphan-session',
        'unmanaged session/gone',
      ]);
    }
  });

  test('let go of by a person: listed, also with the mark and with --prune', () => {
    for (const prune of [true, false]) {
      expect(planned('fleet', { memory: forgotten, prune })).toEqual([
        'unmanaged session/gone',
        `unmanaged unit/${unitOf('fleet')}`,
      ]);
    }
  });
});

describe('protect outlives the roster', () => {
  const kept = (m: PlanMemory): PlanMemory => {
    const session = m.owned['session/gone'];
    return session === undefined ? m : { ...m, owned: { ...m.owned, 'session/gone': { ...session, protect: true } } };
  };

  test.each(['fleet', 'mosaic', 'none'] as const)('%s: nothing of it goes, and both ways out are named', (layout) => {
    const found = plan(layout, { memory: kept });
    expect(w.lines(found)).toEqual(['blocked(protect) session/gone orphan-session']);
    expect(found.blocked[0]?.remedy).toBe(
      'put gone back with `protect: false` and apply; or let go of it: fleet forget gone',
    );
  });

  test('also when its session has ended', () => {
    const ended: Break = (o) => w.dropSession(o, 'gone');
    expect(planned('fleet', { memory: kept, breakIt: ended })).toEqual([
      `blocked(protect) unit/${unitOf('fleet')} orphan-unit`,
    ]);
  });

  test('without --prune it is listed as protected', () => {
    expect(w.text(plan('fleet', { memory: kept, prune: false }))).toContain(
      'protected when it was (fleet forget gone lets go of it)',
    );
  });
});

describe('what could not be seen is not removed', () => {
  const unknown = { status: 'unknown', why: 'timeout', detail: 'x' } as const;

  test.each<[string, Break, string]>([
    ['tmux', (o) => Object.assign(o.sources, { tmux: unknown }), 'session/gone'],
    [
      'its server',
      (o) => Object.assign(w.tmuxOf(o), { server: { state: 'unknown', why: 'timeout', detail: 'x' } }),
      'session/gone',
    ],
    ['processes', (o) => Object.assign(o.sources, { processes: unknown }), 'session/gone'],
    [
      'what runs in its pane',
      (o) => Object.assign(w.paneOf(o, 'gone'), { runs: { verdict: 'unknown', why: 'timeout', detail: 'x' } }),
      'session/gone',
    ],
    ['units', (o) => Object.assign(o.sources, { units: unknown }), 'unit/fleet-agent@gone.service'],
    ['files', (o) => Object.assign(o.sources, { files: unknown }), 'env-file/gone'],
    [
      'its argv file',
      (o) => Object.assign(w.filesOf(o).argv_files, { gone: { state: 'unknown', why: 'denied', detail: 'x' } }),
      'env-file/gone.argv',
    ],
  ])('%s', (_name, breakIt, address) => {
    const found = plan('fleet', { breakIt });
    expect(found.changes.filter((c) => c.stage === 6)).toEqual([]);
    expect(found.unknown.filter((u) => u.agent === 'gone').map((u) => u.address)).toEqual([
      `w-jarvis/jarvis/${address}`,
    ]);
    expect(found.complete).toBe(false);
  });

  test('its session is not there, and another socket, where it may be, cannot be read', () => {
    const blind: Break = (o) => {
      w.dropSession(o, 'gone');
      if (o.sources.tmux.status !== 'known') return;
      const server = { state: 'unknown', why: 'timeout', detail: 'x' } as const;
      o.sources.tmux.value.servers.push({ socket: 'hung', path: '/tmp/tmux-1000/hung', listening: [], server });
    };
    expect(planned('fleet', { breakIt: blind })).toEqual(['unknown(timeout) session/gone']);
  });

  test('its server lives in the directory of another TMUX_TMPDIR', () => {
    const away: Break = (o) => {
      w.dropSession(o, 'gone');
      if (o.sources.tmux.status !== 'known') return;
      Object.assign(w.tmuxOf(o).server, { pid: 999 });
      o.sources.tmux.value.elsewhere = [{ path: '/run/x/tmux-1000/factory', pid: 1000 }];
    };
    const found = plan('fleet', { breakIt: away });
    expect(w.lines(found)).toEqual(['blocked(wrong-socket) session/gone orphan-session']);
    expect(found.blocked[0]?.remedy).toContain('TMUX_TMPDIR=/run/x fleet apply --prune');
  });
});

describe('nothing else goes with it', () => {
  const rename: Break = (o) => {
    w.session(o, 'gone').name = 'kept-by-ann';
  };

  test('a session that somebody renamed is wanted by somebody', () => {
    const found = plan('fleet', { breakIt: rename });
    expect(w.lines(found)).toEqual(['blocked(not-ours) session/gone orphan-session']);
    expect(found.blocked[0]?.remedy).toBe("if it may go, first: tmux -L factory rename-session -t '$1' gone");
  });

  test('two sessions with its mark: which is which, neither removed', () => {
    const twice: Break = (o) => {
      const copy = structuredClone(w.session(o, 'gone'));
      w.sessionsOf(o).push({ ...copy, id: '$77', name: 'gone-2' });
    };
    const found = plan('fleet', { breakIt: twice });
    expect(w.lines(found)).toEqual(['blocked(duplicate) session/gone orphan-session']);
    expect(found.blocked[0]?.evidence).toHaveLength(3);
  });

  test('the tmux server lives in its unit', () => {
    const inside: Break = (o) => {
      const [listening] = w.tmuxOf(o).listening;
      if (listening !== undefined)
        listening.cgroup = `/user.slice/app.slice/app-fleet\\x2dagent.slice/${unitOf('fleet')}`;
    };
    expect(planned('fleet', { breakIt: inside })).toContain(
      `blocked(server-in-unit) unit/${unitOf('fleet')} orphan-unit`,
    );
    expect(planned('fleet', { breakIt: inside }).filter((l) => !/blocked|warning/.test(l))).toEqual([]);
  });

  test.each([
    ['an ignore rule on its session', 'session/gone'],
    ['an ignore rule on its unit', 'unit/fleet-agent@gone.service'],
    ['an ignore rule on one of its files', 'env-file/gone.argv'],
  ])('%s: all of it stays', (_name, target) => {
    // Where it names one of another host of the same roster, say.
    const rule = { target, path: null, reason: 'hands off', until: null, source: { file: 'f', line: 1, col: 1 } };
    const roster = { ...now('fleet'), ignore: [rule] };
    const observed = w.healthy(before('fleet'));
    const memory = w.owning(roster, ['gone']);
    const found = w.planOf(roster, observed, { policy: { prune: true }, memory });
    expect(found.changes).toEqual([]);
    expect(found.summary.ignored).toBeGreaterThan(0);
  });

  test('--exclude of a part leaves all of it, --target of a part brings all of it', () => {
    expect(planned('fleet', { policy: { excludes: ['env-file/gone.argv'] } })).toEqual([]);
    expect(planned('fleet', { policy: { targets: ['session/gone'] } })).toEqual(removal('fleet'));
  });

  test('a pause of its session: all of it stays', () => {
    const pause = { target: 'session/gone', by: 'ann', since: '2026-05-31T00:00:00.000Z', until: null, reason: 'mine' };
    const memory = (m: PlanMemory): PlanMemory => ({
      ...m,
      holds: { crash_loops: {}, contested: [], pauses: [pause] },
    });
    expect(plan('fleet', { memory }).changes).toEqual([]);
  });

  test('somebody attached to a session that shares its windows: deferred', () => {
    const grouped: Break = (o) => {
      const view = structuredClone(w.session(o, 'gone'));
      w.sessionsOf(o).push({ ...view, id: '$90', name: 'ann', mark: null, attached: 1 });
    };
    expect(planned('fleet', { breakIt: grouped })[0]).toBe('deferred(attached) stop session/gone orphan-session');
  });

  test('somebody attached, or busy: deferred, and all that comes after it', () => {
    const attached: Break = (o) => {
      w.session(o, 'gone').attached = 1;
    };
    const deferred = removal('fleet').map((l) => `deferred(attached) ${l}`);
    expect(planned('fleet', { breakIt: attached })).toEqual(deferred);
    const busy: Break = (o) => {
      w.heartbeatsOf(o, 'gone').beat = w.beat(2000, 200, 'busy');
    };
    expect(planned('fleet', { breakIt: busy })[0]).toBe('deferred(busy) stop session/gone orphan-session');
  });

  test('a unit in transition: deferred', () => {
    const moving: Break = (o) => Object.assign(w.unit(o, unitOf('fleet')), { active_state: 'deactivating' });
    expect(planned('fleet', { breakIt: moving }).every((l) => l.startsWith('deferred(in-transition)'))).toBe(true);
  });

  test('--max-destroy and --max-disrupt leave all of it, not a half', () => {
    const none = { value: 0, unit: 'count' } as const;
    for (const policy of [{ maxDestroy: none }, { maxDisrupt: none }]) {
      const found = plan('fleet', { policy });
      expect(found.changes).toEqual([]);
      expect(found.blocked.map((b) => b.address.replace('w-jarvis/jarvis/', ''))).toEqual([
        'session/gone',
        `unit/${unitOf('fleet')}`,
        'env-file/gone',
        'env-file/gone.argv',
      ]);
      expect(found.blocked[0]?.remedy).toContain('fleet apply --prune --max-d');
    }
  });
});

describe('not an agent', () => {
  test("the holder's session of a former name is left alone", () => {
    const former: Break = (o) => {
      const holder = structuredClone(w.session(o, '_holder'));
      const mark = { owner: 'mosaic', agent: '_keep', spec: null, pane: null };
      w.sessionsOf(o).push({ ...holder, id: '$50', name: '_keep', mark });
    };
    expect(planned('fleet', { breakIt: former })).toEqual([...removal('fleet'), 'unmanaged session/_keep']);
  });
});
