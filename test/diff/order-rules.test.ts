/** The order of a plan, what waits for what, and what goes or stays together. Source: docs/planning-rules.md, "Order". */
import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/diff/plan.ts';
import type { PlanMemory } from '../../src/diff/policy.ts';
import { FLEET } from './rosters.ts';
import { attached, type Break, busy, drop, lines, planOf, shell, unit } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const short = (address: string): string => address.replace('w-jarvis/jarvis/', '');
/** What each change waits for, by its address. */
const waits = (plan: Plan): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(plan.changes.map((c) => [`${c.action} ${short(c.address)}`, c.depends_on.map(short)]));

const agents = (...lines: readonly string[]): string =>
  `version: 1\nsupervisor: none\nagents:\n${lines.map((l) => `  - { ${l} }\n`).join('')}`;

const noUnitFiles: Break = (o) => {
  for (const name of ['fleet-tmux.service', 'fleet-agent@.service']) {
    w.filesOf(o).unit_files[name] = { state: 'absent' };
  }
};
const noServer: Break = (o) => {
  Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
};
const otherClass =
  (name: string): Break =>
  (o) => {
    const file = w.filesOf(o).env_files[name];
    if (file?.state === 'present') file.own['FLEET_AGENT_CLASS'] = 'other';
  };

describe('what waits for what', () => {
  test('a fresh host: files, reload, boot, server, agents; and nothing waits for what it does not need', () => {
    const plan = planOf({
      yaml: FLEET.replace('  - name: stub\n', '  - name: stub\n    depends_on: [coder]\n'),
      breaks: [
        noUnitFiles,
        noServer,
        otherClass('coder'),
        (o) => {
          w.filesOf(o).launcher = { state: 'absent' };
          w.filesOf(o).argv_files['stub'] = { state: 'absent' };
        },
        unit('fleet-agent@coder.service', { unit_file_state: 'disabled' }),
      ],
    });
    const files = ['unit-file/fleet-agent@.service', 'unit-file/fleet-tmux.service'];
    expect(waits(plan)).toEqual({
      'create env-file/fleet.launch': [],
      [`create ${files[0]}`]: [],
      [`create ${files[1]}`]: [],
      'update env-file/coder': [],
      'create env-file/stub.argv': [],
      [`reload ${files[1]}`]: [files[0]],
      'enable unit/fleet-agent@coder.service': files,
      'restart tmux-server/factory': ['env-file/fleet.launch', ...files],
      'start session/coder': ['env-file/fleet.launch', 'env-file/coder', ...files, 'tmux-server/factory'],
      'start session/stub': [
        ...['env-file/fleet.launch', 'env-file/stub.argv', ...files, 'tmux-server/factory', 'session/coder'],
      ],
    });
  });

  test("a dependent waits for its agent's session and unit, not for its files or whether it comes up at boot", () => {
    const plan = planOf({
      yaml: FLEET.replace('  - name: stub\n', '  - name: stub\n    depends_on: [coder]\n'),
      breaks: [
        otherClass('coder'),
        unit('fleet-agent@coder.service', { unit_file_state: 'disabled', active_state: 'inactive' }),
        shell('coder'),
        drop('stub'),
      ],
    });
    expect(waits(plan)['start session/stub']).toEqual(['unit/fleet-agent@coder.service', 'session/coder']);
  });

  test('a dependent of an agent with which nothing is wrong waits for nothing', () => {
    const yaml = agents('name: base, runtime: pi', 'name: user, runtime: pi, depends_on: [base]');
    expect(waits(planOf({ yaml, breaks: [drop('user')] }))).toEqual({ 'start session/user': [] });
  });

  test('each session waits for the server of its own socket alone', () => {
    const yaml = agents('name: one, runtime: pi, socket: zeta', 'name: two, runtime: pi, socket: alpha');
    const plan = planOf({
      yaml,
      breaks: [1, 2].map((i) => (o) => Object.assign(w.tmuxOf(o, i), { listening: [], server: { state: 'absent' } })),
    });
    expect(waits(plan)).toEqual({
      'start tmux-server/alpha': [],
      'start tmux-server/zeta': [],
      'start session/one': ['tmux-server/zeta'],
      'start session/two': ['tmux-server/alpha'],
    });
  });

  test('a stop waits for the stops of what stands on it, not for the restart of what lives on', () => {
    const yaml = (state: string): string =>
      agents(
        `name: base, runtime: pi${state}`,
        'name: lives, runtime: pi, depends_on: [base]',
        `name: goes, runtime: pi${state}, depends_on: [base]`,
        'name: well, runtime: pi, depends_on: [base]',
      );
    const plan = planOf({ yaml: yaml(', state: stopped'), was: yaml(''), breaks: [shell('lives')] });
    const { 'stop session/goes': goes, 'stop session/base': base } = waits(plan);
    expect([goes, base]).toEqual([[], ['session/goes']]);
  });

  test('what is put off above it holds no stop back but a stop', () => {
    const yaml = (state: string): string =>
      agents(`name: base, runtime: pi${state}`, 'name: lives, runtime: pi, depends_on: [base]');
    const row = { yaml: yaml(', state: stopped'), was: yaml(''), breaks: [shell('lives'), busy('lives', 2001)] };
    expect(lines(row)).toEqual([
      'stop session/base should-be-stopped',
      'deferred(busy) restart session/lives shell-left',
    ]);
  });
});

describe('who goes first', () => {
  test('in the order of the roster, whatever their names', () => {
    const yaml = agents('name: zeta, runtime: pi', 'name: alpha, runtime: pi', 'name: mid, runtime: pi');
    expect(planOf({ yaml, breaks: ['zeta', 'alpha', 'mid'].map(drop) }).changes.map((c) => c.agent)).toEqual([
      ...['zeta', 'alpha', 'mid'],
    ]);
  });

  test('after the longest chain below it, not the shortest', () => {
    const yaml = agents(
      'name: top, runtime: pi, depends_on: [base, user]',
      'name: user, runtime: pi, depends_on: [base]',
      'name: base, runtime: pi',
    );
    expect(planOf({ yaml, breaks: ['top', 'user', 'base'].map(drop) }).changes.map((c) => c.agent)).toEqual([
      ...['base', 'user', 'top'],
    ]);
  });

  test('one that stands on an agent of another host waits here for nothing', () => {
    const yaml = agents('name: away, runtime: pi, host: dragon', 'name: here, runtime: pi, depends_on: [away]').replace(
      'agents:',
      'hosts: { w-jarvis: {}, dragon: { ssh: jw@dragon } }\nagents:',
    );
    expect(waits(planOf({ yaml, breaks: [drop('here')] }))).toEqual({ 'start session/here': [] });
  });
});

describe('two agents that are no longer on the roster', () => {
  const GONE = 'agents:\n  - { name: gone, runtime: dogfood }\n  - { name: left, runtime: dogfood }\n';
  const was = FLEET.replace('agents:\n', GONE);
  const roster = w.roster(FLEET);
  const memory = w.owning(roster, ['gone', 'left']);
  const removal = (name: string): readonly string[] => [
    `stop session/${name} orphan-session`,
    `stop unit/fleet-agent@${name}.service orphan-unit`,
    `disable unit/fleet-agent@${name}.service orphan-unit`,
    `destroy env-file/${name} orphan-unit`,
    `destroy env-file/${name}.argv orphan-unit`,
  ];
  const row = { yaml: FLEET, was, memory, policy: { prune: true } };
  const paused = (target: string): PlanMemory => {
    const pause = { target, by: 'ann', since: '2026-05-31T00:00:00.000Z', until: null, reason: 'mine' };
    return { ...memory, holds: { crash_loops: {}, contested: [], pauses: [pause] } };
  };
  const planned = (plan: Plan): readonly string[] => w.lines(plan).filter((l) => !l.startsWith('ignored'));

  test('go after all else, each in its own order and waiting only for its own', () => {
    const plan = planOf({ ...row, breaks: [drop('stub')] });
    expect(w.lines(plan)).toEqual([
      'start session/stub session-missing',
      ...['gone', 'left'].map((n) => `stop session/${n} orphan-session`),
      ...['gone', 'left'].map((n) => `stop unit/fleet-agent@${n}.service orphan-unit`),
      ...['gone', 'left'].map((n) => `disable unit/fleet-agent@${n}.service orphan-unit`),
      ...['gone', 'gone.argv', 'left', 'left.argv'].map((n) => `destroy env-file/${n} orphan-unit`),
    ]);
    expect(waits(plan)['stop unit/fleet-agent@left.service']).toEqual(['session/left']);
  });

  test.each(['session/gone', 'env-file/gone.argv'])(
    'a pause of %s: all of that one stays, and nothing else does',
    (target) => {
      const found = planOf({ ...row, memory: paused(target), breaks: [drop('stub'), attached('coder')] });
      expect(planned(found)).toEqual(['start session/stub session-missing', ...removal('left')]);
    },
  );

  test('a pause of what is put off: all of it stays too', () => {
    const found = planOf({ ...row, memory: paused('session/gone'), breaks: [attached('gone')] });
    expect(planned(found)).toEqual(removal('left'));
  });

  test('--exclude of a part of one leaves that one, --target of a part brings that one alone', () => {
    const breaks = [drop('stub')];
    const start = 'start session/stub session-missing';
    expect(lines({ ...row, breaks, policy: { prune: true, excludes: ['env-file/gone.argv'] } })).toEqual([
      start,
      ...removal('left'),
    ]);
    expect(lines({ ...row, breaks, policy: { prune: true, targets: ['unit/fleet-agent@gone.service'] } })).toEqual(
      removal('gone'),
    );
    expect(lines({ ...row, breaks, policy: { prune: true, targets: ['stub'] } })).toEqual([start]);
  });

  test('one of them protected: the other goes', () => {
    const record = memory.owned['session/gone'];
    if (record === undefined) throw new Error('no record');
    const kept = { ...memory, owned: { ...memory.owned, 'session/gone': { ...record, protect: true } } };
    expect(lines({ ...row, memory: kept })).toEqual([
      ...removal('left'),
      'blocked(protect) session/gone orphan-session',
    ]);
  });

  test('one of them busy: the other does not wait for it', () => {
    const found = planOf({ ...row, breaks: [busy('gone', 2000)] });
    expect(w.lines(found).filter((l) => !l.startsWith('deferred'))).toEqual(removal('left'));
  });
});
