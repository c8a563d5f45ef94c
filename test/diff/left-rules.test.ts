/** What is left of an agent that is no longer on the roster, part by part: what makes it ours, and what keeps it. */
import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type OwnedRecord, type PlanMemory } from '../../src/diff/policy.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import { type Break, drop, lines, planOf, running, socket, source, unit } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const GONE = 'agents:\n  - { name: gone, runtime: dogfood }\n';
const FLEET_UNIT = 'fleet-agent@gone.service';
const UNIT = 'mosaic-agent@gone.service';
const row = { yaml: FLEET, was: FLEET.replace('agents:\n', GONE), policy: { prune: true } };
const mosaic = { yaml: MOSAIC, was: MOSAIC.replace('agents:\n', GONE), policy: { prune: true } };
const owned = (yaml: string, changes: Partial<OwnedRecord> = {}): PlanMemory =>
  w.owning(w.roster(yaml), ['gone'], changes);
const only = (memory: PlanMemory, ...keys: readonly string[]): PlanMemory => ({
  ...memory,
  owned: Object.fromEntries(Object.entries(memory.owned).filter(([key]) => keys.includes(key))),
});

const noUnit = (name: string): Break =>
  unit(name, { active_state: 'inactive', unit_file_state: 'disabled', wanted_by: [] });
const noFiles: Break = (o) => {
  w.filesOf(o).env_files['gone'] = { state: 'absent' };
  w.filesOf(o).argv_files['gone'] = { state: 'absent' };
};
const noArgv: Break = (o) => {
  w.filesOf(o).argv_files['gone'] = { state: 'absent' };
};

describe('what makes it ours', () => {
  const alone = [drop('gone'), noFiles];
  const theirs =
    (content: string): Break =>
    (o) => {
      w.filesOf(o).unit_files['fleet-agent@.service'] = w.fileWith(content);
    };

  test("without any record: our mark in the file that its unit's template is", () => {
    expect(lines({ ...row, policy: {}, breaks: alone })).toEqual([`unmanaged unit/${FLEET_UNIT}`]);
    expect(lines({ ...row, breaks: alone })).toEqual([`blocked(not-ours) unit/${FLEET_UNIT} orphan-unit`]);
  });

  test.each<[string, readonly Break[]]>([
    ["the template is another fleet's", [theirs('[X-Fleet]\nOwner=theirs\n')]],
    ['the template bears no mark', [theirs('[Service]\n')]],
  ])('%s: not made by this fleet, and never removed', (_name, breaks) => {
    const found = planOf({ ...row, breaks: [...alone, ...breaks] });
    expect(found.changes.filter((c) => c.stage === 6)).toEqual([]);
    expect(found.unmanaged.map((u) => u.why)).toEqual(['not on the roster, and not made by this fleet']);
  });

  test.each<[string, string, string]>([
    ['ours', '# fleet: owner=mosaic\n', 'blocked(not-ours) env-file/gone orphan-unit'],
    ["another fleet's", '# fleet: owner=theirs\n', ''],
  ])('its argv file bears the mark of %s', (_name, content, expected) => {
    const argv: Break = (o) => {
      w.filesOf(o).argv_files['gone'] = w.fileWith(content);
    };
    const found = lines({ ...row, breaks: [drop('gone'), noUnit(FLEET_UNIT), argv] });
    expect(found).toEqual(expected === '' ? [] : [expected]);
    const listed = lines({ ...row, policy: {}, breaks: [drop('gone'), noUnit(FLEET_UNIT), argv] });
    expect(listed).toEqual(expected === '' ? [] : ['unmanaged env-file/gone']);
  });

  test('the record alone, where its files are all that is left', () => {
    const breaks = [drop('gone'), noUnit(UNIT)];
    expect(lines({ ...mosaic, memory: owned(MOSAIC), breaks })).toEqual(['destroy env-file/gone orphan-unit']);
    expect(lines({ ...mosaic, memory: owned(MOSAIC), breaks, policy: {} })).toEqual(['unmanaged env-file/gone']);
    expect(lines({ ...mosaic, breaks })).toEqual([]);
  });

  test('let go of: neither removed nor ours, whatever is left', () => {
    const memory = owned(MOSAIC, { how: 'forgotten' });
    expect(lines({ ...mosaic, memory, breaks: [drop('gone'), noUnit(UNIT)] })).toEqual([]);
  });

  test('a part that was let go of keeps the rest', () => {
    const memory = owned(FLEET);
    const session = memory.owned['session/gone'];
    if (session === undefined) throw new Error('no record');
    const partly = { ...memory, owned: { ...memory.owned, 'session/gone': { ...session, how: 'forgotten' as const } } };
    expect(lines({ ...row, memory: partly })).toEqual(['blocked(not-ours) session/gone orphan-session']);
  });

  test('a record of no agent is no agent', () => {
    const memory = owned(MOSAIC, { agent: null });
    expect(lines({ ...mosaic, memory, breaks: [drop('gone'), noUnit(UNIT)] })).toEqual([]);
  });
});

describe('a unit is there', () => {
  const memory = owned(FLEET);
  const files = ['destroy env-file/gone orphan-unit', 'destroy env-file/gone.argv orphan-unit'];
  const stop = `stop unit/${FLEET_UNIT} orphan-unit`;
  const disable = `disable unit/${FLEET_UNIT} orphan-unit`;
  test.each<[string, Parameters<typeof unit>[1], readonly string[]]>([
    ['active, not enabled', { unit_file_state: 'disabled', wanted_by: [] }, [stop]],
    ['failed', { active_state: 'failed', unit_file_state: 'disabled', wanted_by: [] }, [stop]],
    ['enabled only', { active_state: 'inactive' }, [disable]],
    [
      'enabled until the next reboot only',
      { active_state: 'inactive', unit_file_state: 'enabled-runtime', wanted_by: [] },
      [disable],
    ],
    ['linked from a target only', { active_state: 'inactive', unit_file_state: 'bad' }, [disable]],
    ['neither', { active_state: 'inactive', unit_file_state: 'disabled', wanted_by: [] }, []],
  ])('%s', (_name, fields, expected) => {
    expect(lines({ ...row, memory, breaks: [drop('gone'), unit(FLEET_UNIT, fields)] })).toEqual([
      ...expected,
      ...files,
    ]);
  });

  test('counts as one removal, with nothing else of it left', () => {
    const policy = { prune: true, maxDestroy: { value: 0, unit: 'count' } as const };
    const found = planOf({
      ...mosaic,
      memory: only(owned(MOSAIC), `unit/${UNIT}`),
      policy,
      breaks: [drop('gone'), noFiles],
    });
    expect(w.lines(found)).toEqual([`blocked(max-destroy) unit/${UNIT} orphan-unit`]);
  });
});

describe('its env file', () => {
  test('of nobody but us goes, with none of our keys left in it too', () => {
    const empty: Break = (o) => {
      const env = w.filesOf(o).env_files['gone'];
      if (env?.state === 'present') Object.assign(env, { own: {}, keys: [] });
    };
    const found = lines({ ...mosaic, memory: owned(MOSAIC), breaks: [drop('gone'), noUnit(UNIT), empty] });
    expect(found).toEqual(['destroy env-file/gone orphan-unit']);
  });

  test('that cannot be read keeps all of it', () => {
    const unread: Break = (o) => {
      w.filesOf(o).env_files['gone'] = { state: 'unknown', why: 'denied', detail: 'EACCES' };
    };
    expect(lines({ ...row, memory: owned(FLEET), breaks: [unread] })).toEqual(['unknown(denied) env-file/gone']);
  });

  const strayed = (name: string): Break =>
    socket(name, running(w.sessionNamed(w.roster(MOSAIC), 'gone', '$4', 44, false)));
  const says =
    (value: string): Break =>
    (o) => {
      const env = w.filesOf(o).env_files['gone'];
      if (env?.state === 'present') env.own['MOSAIC_TMUX_SOCKET'] = value;
    };
  test.each<[string, string, string]>([
    ['names', 'theirs', 'theirs'],
    ['leaves empty', '', 'default'],
  ])('says where its unit reaches: the socket that it %s', (_name, value, name) => {
    const breaks = [drop('gone'), says(value), strayed(name)];
    const found = planOf({ ...mosaic, memory: owned(MOSAIC), breaks });
    expect(found.blocked.map((b) => b.guard)).toEqual(['not-ours']);
    expect(found.blocked[0]?.evidence.join()).toContain(`on socket ${name} is not known to be ours`);
    expect(found.blocked[0]?.remedy).toContain('or, if it is the agent: fleet adopt gone');
    const free = lines({ ...mosaic, memory: owned(MOSAIC), breaks: [drop('gone'), says(value), strayed('free')] });
    expect(free[0]).toBe(`stop unit/${UNIT} orphan-unit`);
  });

  test('and where fleet started it', () => {
    const session = {
      agent: 'gone',
      server: { pid: 1, start: 1 },
      id: '$1',
      created: 1,
      spec: null,
      done: false,
      plan: null,
    };
    const memory = { ...owned(MOSAIC), sessions: { gone: { ...session, socket: 'started', boot_id: 'earlier' } } };
    const found = planOf({ ...mosaic, memory, breaks: [drop('gone'), strayed('started')] });
    expect(found.blocked.map((b) => b.guard)).toEqual(['not-ours']);
  });
});

describe('what keeps it', () => {
  const remembered = (pid: number, boot_id: string): PlanMemory => ({
    ...owned(FLEET),
    sessions: {
      gone: {
        ...{ agent: 'gone', socket: 'factory', server: { pid, start: 1 }, id: '$1', created: 1, spec: null },
        ...{ boot_id, done: false, plan: null },
      },
    },
  });
  const elsewhere: Break = (o) => {
    if (o.sources.tmux.status === 'known') o.sources.tmux.value.elsewhere = [{ path: '/run/x/tmux-1000/f', pid: 4242 }];
  };

  test('its server lives in another TMUX_TMPDIR; not one of another pid, nor of an earlier boot, nor where it is here', () => {
    const first = (memory: PlanMemory, ...more: readonly Break[]) =>
      lines({ ...row, memory, breaks: [elsewhere, ...more] })[0];
    expect(first(remembered(4242, 'b00t'), drop('gone'))).toBe('blocked(wrong-socket) session/gone orphan-session');
    expect(first(remembered(77, 'b00t'), drop('gone'))).toBe(`stop unit/${FLEET_UNIT} orphan-unit`);
    expect(first(remembered(4242, 'earlier'), drop('gone'))).toBe(`stop unit/${FLEET_UNIT} orphan-unit`);
    expect(first(owned(FLEET), drop('gone'))).toBe(`stop unit/${FLEET_UNIT} orphan-unit`);
    expect(first(remembered(4242, 'b00t'))).toBe('stop session/gone orphan-session');
  });

  test('its session was seen, and another socket was not: that one is its own all the same', () => {
    const blind = socket('hung', { state: 'unknown', why: 'timeout', detail: 'x' });
    expect(lines({ ...row, memory: owned(FLEET), breaks: [blind] })[0]).toBe('stop session/gone orphan-session');
  });

  test('its session is not there, so that no process need be seen', () => {
    const breaks = [drop('gone'), source('processes')];
    expect(lines({ ...row, memory: owned(FLEET), breaks })).toContain(`stop unit/${FLEET_UNIT} orphan-unit`);
  });

  test('a session of its name on a socket that nobody asked about stays somebody else’s', () => {
    const breaks = [socket('theirs', running(w.sessionNamed(w.roster(FLEET), 'gone', '$4', 44, false)))];
    const found = lines({ ...row, memory: owned(FLEET), breaks });
    expect(found[0]).toBe('stop session/gone orphan-session');
    expect(found).toContain('unmanaged session/gone');
  });

  test('a server of two that listen lives in its unit', () => {
    const inside: Break = (o) => {
      w.tmuxOf(o).listening.push(
        { pid: 8, start_time: 8, cgroup: `/app.slice/${FLEET_UNIT}` },
        { pid: 9, start_time: 9, cgroup: null },
      );
    };
    expect(lines({ ...row, memory: owned(FLEET), breaks: [inside] })).toContain(
      `blocked(server-in-unit) unit/${FLEET_UNIT} orphan-unit`,
    );
  });

  test('somebody is attached, and a rule of the roster covers it: nothing of it is announced', () => {
    const memory = owned(FLEET);
    const kept = {
      ...w.roster(FLEET),
      ignore: [
        { target: 'session/gone', path: null, reason: 'mine', until: null, source: { file: 'f', line: 1, col: 1 } },
      ],
    };
    const observed = w.healthy(w.roster(row.was));
    w.session(observed, 'gone').attached = 1;
    expect(w.lines(w.planOf(kept, observed, { policy: { prune: true }, memory }))).toEqual([
      'ignored session/gone orphan-session',
    ]);
  });

  test('without its argv file it goes as it is', () => {
    expect(lines({ ...row, memory: owned(FLEET), breaks: [noArgv] }).at(-1)).toBe('destroy env-file/gone orphan-unit');
  });
});

describe('units from before `supervisor: none`', () => {
  const madeBefore = (changes: Partial<OwnedRecord> = {}): PlanMemory => ({
    ...EMPTY_MEMORY,
    owned: Object.fromEntries(
      [
        ['fleet-tmux.service', null],
        ['fleet-agent@coder.service', 'coder'],
        ['fleet-agent@gone.service', 'gone'],
      ].map(([name, agent]) => [
        `unit/${name}`,
        {
          ...({ kind: 'unit', name: name ?? '', agent: agent ?? null, how: 'made', state: 'made' } as const),
          ...{ protect: false, since: '2026-05-01T00:00:00.000Z', plan: null, content: null, ...changes },
        },
      ]),
    ),
  });

  test('are warned of, also those of former agents, with the commands that end it', () => {
    const plan = planOf({ yaml: NONE, memory: madeBefore() });
    expect(w.lines(plan)).toEqual([
      'warning unit/fleet-tmux.service unit-left',
      'warning unit/fleet-agent@coder.service unit-left',
      'warning unit/fleet-agent@gone.service unit-left',
    ]);
    expect(plan.warnings.map(({ agent }) => agent)).toEqual([null, 'coder', null]);
    expect(plan.warnings[1]?.evidence.at(-1)).toBe(
      'systemctl --user disable fleet-agent@coder.service && fleet forget unit/fleet-agent@coder.service',
    );
  });

  test('not those that a person let go of, and none while systemd supervises', () => {
    expect(lines({ yaml: NONE, memory: madeBefore({ how: 'forgotten' }) })).toEqual([]);
    const told = lines({ yaml: FLEET, memory: madeBefore() });
    expect(told.filter((line) => line.includes('unit-left'))).toEqual([]);
  });
});
