/** The row on `depends_on`: who stands on an agent that is down and stays down is not started. */
import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/diff/policy.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { type Break, drop, ended, lines, planOf, type Row, shell, socket, source, unit } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const agents = (...list: readonly string[]): string =>
  `version: 1\nagents:\n${list.map((l) => `  - { ${l} }\n`).join('')}`;
const BASE = 'name: base, runtime: pi';
const USER = 'name: user, runtime: pi, depends_on: [base]';
const TOP = 'name: top, runtime: pi, depends_on: [user]';
const UNIT = 'fleet-agent@base.service';
const masked = unit(UNIT, { unit_file_state: 'masked', load_state: 'masked' });
const noDirectory: Break = (o) => {
  w.filesOf(o).commands['base'] = { state: 'missing', detail: 'none' };
};

/** Of the dependents alone. */
const ofUsers = (row: Row): readonly string[] => lines(row).filter((line) => /session\/(user|top)/.test(line));

const pauses = [{ target: 'base', reason: 'r', until: null, since: '2026-06-01T11:00:00.000Z', by: 'ada' }];
const paused: PlanMemory = { ...EMPTY_MEMORY, holds: { crash_loops: {}, contested: [], pauses } };
const looped: Row['memory'] = (_o, r) => {
  const [base] = r.agents;
  if (base === undefined) throw new Error('no agent');
  const loop = { spec: fingerprint(base, w.HOME), since: '2026-06-01T11:50:00.000Z', restarts: 5, window: 900_000 };
  return { ...EMPTY_MEMORY, holds: { crash_loops: { base: loop }, contested: [], pauses: [] } };
};

describe('an agent whose prerequisite is down', () => {
  const both = [drop('base'), drop('user')];

  test('is started after it where that is started too', () => {
    expect(ofUsers({ yaml: agents(BASE, USER), breaks: both })).toEqual(['start session/user session-missing']);
  });

  test.each<[string, Row]>([
    ['its unit is masked', { yaml: agents(BASE, USER), breaks: [...both, masked] }],
    ['its command is missing', { yaml: agents(BASE, USER), breaks: [...both, noDirectory] }],
    ['it is in a crash loop', { yaml: agents(BASE, USER), breaks: both, memory: looped }],
    [
      'it is in a crash loop, its dead pane is kept',
      { yaml: agents(BASE, USER), breaks: [ended('base'), drop('user')], memory: looped },
    ],
    ['it is paused', { yaml: agents(BASE, USER), breaks: both, memory: paused }],
    ['it is only watched', { yaml: agents(`${BASE}, manage: observe`, USER), breaks: both }],
    ['it is only warned of', { yaml: agents(`${BASE}, manage: warn`, USER), breaks: both }],
    ['its absence is ignored', { yaml: `${agents(BASE, USER)}ignore: [{ target: base, reason: r }]\n`, breaks: both }],
  ])('is not started where nothing brings that up: %s', (_why, row) => {
    expect(ofUsers(row)).toEqual(['blocked(prerequisite) session/user session-missing']);
  });

  test('is told what to see to', () => {
    const plan = planOf({ yaml: agents(BASE, USER), breaks: [...both, masked] });
    const held = plan.blocked.find((b) => b.agent === 'user');
    expect(held?.evidence.at(-1)).toBe('it stands on base, which is down and which this plan does not start');
    expect(held?.remedy).toContain('fleet explain session/base');
  });

  test('holds up in its turn who stands on it, which are told of the first of the chain', () => {
    const yaml = agents(BASE, USER, TOP);
    const plan = planOf({ yaml, breaks: [...both, drop('top'), masked] });
    expect(plan.changes).toEqual([]);
    expect(plan.blocked.find((b) => b.agent === 'top')?.evidence.at(-1)).toContain('stands on base');
    // The one between them lives: nothing is in the way of what stands on it.
    expect(ofUsers({ yaml, breaks: [drop('base'), drop('top'), masked] })).toEqual([
      'start session/top session-missing',
    ]);
  });

  test('is not restarted either, and left alone where nothing is wrong with it', () => {
    const row = { yaml: agents(BASE, USER), breaks: [drop('base'), masked] };
    expect(ofUsers(row)).toEqual([]);
    expect(ofUsers({ ...row, breaks: [...row.breaks, shell('user')] })).toEqual([
      'blocked(prerequisite) session/user shell-left',
    ]);
  });

  test('is put off as long as that is', () => {
    const starting = unit(UNIT, { active_state: 'activating', sub_state: 'start' });
    expect(ofUsers({ yaml: agents(BASE, USER), breaks: [...both, starting] })).toEqual([
      'deferred(in-transition) start session/user session-missing',
    ]);
  });
});

describe('nothing is in the way', () => {
  test.each<[string, Row]>([
    [
      'of who stands on one that is meant to be stopped',
      { yaml: agents(`${BASE}, state: stopped`, USER), breaks: [drop('base'), drop('user')] },
    ],
    [
      'of who stands on one that lives, whatever is wrong with it',
      { yaml: agents(BASE, USER), breaks: [shell('base'), masked, drop('user')] },
    ],
    [
      'of who stands on nobody',
      { yaml: agents(BASE, 'name: user, runtime: pi', TOP), breaks: [drop('base'), drop('user'), masked] },
    ],
  ])('%s', (_who, row) => {
    expect(ofUsers(row)).toEqual(['start session/user session-missing']);
  });

  test('of who stands on an ephemeral agent that has run', () => {
    const memory: Row['memory'] = (_o, r) => {
      const [base] = r.agents;
      if (base === undefined) throw new Error('no agent');
      const spec = fingerprint(base, w.HOME);
      const server = { pid: 1, start: 1 };
      const session = {
        agent: 'base',
        socket: 'default',
        server,
        id: '$1',
        created: 1,
        spec,
        boot_id: null,
        done: true,
        plan: 'p',
      };
      return { ...EMPTY_MEMORY, sessions: { base: session } };
    };
    const yaml = agents(`${BASE}, lifecycle: ephemeral`, USER);
    expect(ofUsers({ yaml, breaks: [drop('base'), drop('user')], memory })).toEqual([
      'start session/user session-missing',
    ]);
  });
});

describe('of who stands on an ephemeral agent whose session is there still', () => {
  const yaml = agents(`${BASE}, lifecycle: ephemeral`, USER);
  const endedWith =
    (status: number): Break =>
    (o) => {
      Object.assign(w.paneOf(o, 'base'), { dead: true, runs: { verdict: 'dead', status, signal: null } });
    };

  test('nothing is in the way where that ended well', () => {
    const plan = planOf({ yaml, breaks: [endedWith(0), drop('user')] });
    expect(plan.changes.map((c) => `${c.action} ${c.agent}`)).toEqual(['start user']);
    expect(plan.blocked).toEqual([]);
  });

  test('it waits for it where that did not', () => {
    const plan = planOf({ yaml, breaks: [endedWith(1), drop('user')] });
    expect(plan.changes.map((c) => `${c.action} ${c.agent}`)).toEqual(['restart base', 'start user']);
    expect(ofUsers({ yaml, breaks: [endedWith(1), drop('user'), masked] })).toEqual([
      'blocked(prerequisite) session/user session-missing',
    ]);
  });
});

test('where it cannot be told whether the prerequisite lives, nothing is said of it but that', () => {
  const blind = socket('hung', { state: 'unknown', why: 'timeout', detail: 'x' });
  const row = { yaml: agents(BASE, USER), breaks: [drop('base'), shell('user'), blind] };
  expect(lines(row)).toEqual(['restart session/user shell-left', 'unknown(timeout) session/base']);
  expect(lines({ ...row, breaks: [shell('user'), source('tmux')] }).filter((l) => l.includes('prerequisite'))).toEqual(
    [],
  );
});

test('one on a socket that cannot be asked is no agent that is down', () => {
  const yaml = agents(`${BASE}, socket: other`, USER);
  const hung: Break = (o) => {
    const other =
      o.sources.tmux.status === 'known' ? o.sources.tmux.value.servers.find((s) => s.socket === 'other') : null;
    Object.assign(other ?? {}, { server: { state: 'unknown', why: 'timeout', detail: 'x' } });
  };
  expect(ofUsers({ yaml, breaks: [hung, shell('user')] })).toEqual(['restart session/user shell-left']);
});
