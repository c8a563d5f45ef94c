/** Whether an agent's unit lets its session be started or replaced: unit by unit what stands in the way. */
import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/diff/policy.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import { type Break, drop, lines, planOf, shell, unit } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const CODER = 'fleet-agent@coder.service';
const THEIRS = 'mosaic-agent@coder.service';
const HOLDER = 'mosaic-tmux-holder.service';
const NOT_THERE = { load_state: 'not-found', unit_file_state: '' };

/** As after `fleet adopt unit-file/NAME`, the file as it was then and still is. */
const adopted = (name: string): PlanMemory => ({
  ...EMPTY_MEMORY,
  owned: {
    [`unit-file/${name}`]: {
      ...({ kind: 'unit-file', name, agent: null, how: 'adopted', state: 'made', protect: false } as const),
      ...{ since: '2026-05-01T00:00:00.000Z', plan: null, content: '[Service]\nExecStart=/bin/true\n' },
    },
  },
});
const file =
  (name: string): Break =>
  (o) => {
    w.filesOf(o).unit_files[name] = w.fileWith('[Service]\nExecStart=/bin/true\n');
  };

describe('a unit that is masked', () => {
  test.each([
    ['by its word alone, loaded from before', { unit_file_state: 'masked', load_state: 'loaded' }],
    ['until the next reboot', { unit_file_state: 'masked-runtime', load_state: 'loaded' }],
    ['and systemd has no word for its file', { unit_file_state: '', load_state: 'masked' }],
  ])('%s: nothing of it is started or replaced', (_name, fields) => {
    const row = { yaml: FLEET, breaks: [unit(CODER, fields)] };
    expect(lines({ ...row, breaks: [...row.breaks, drop('coder')] })).toEqual([
      `blocked(masked) unit/${CODER} unit-masked`,
    ]);
    expect(lines({ ...row, breaks: [...row.breaks, shell('coder')] })).toEqual([
      `blocked(masked) unit/${CODER} unit-masked`,
      'blocked(masked) session/coder shell-left',
    ]);
  });
});

describe('a unit that is not there', () => {
  test.each([
    ['not found', NOT_THERE],
    ['a dangling link', { unit_file_state: 'bad' }],
    ['its file deleted since it was loaded', { unit_file_state: '', need_daemon_reload: true }],
  ])('layout mosaic, %s: nothing is started or replaced, and what helps is named', (_name, fields) => {
    const wrong = unit(THEIRS, fields);
    expect(lines({ yaml: MOSAIC, breaks: [wrong, drop('coder')] }).filter((l) => !l.startsWith('reload'))).toEqual([
      `blocked(missing) unit/${THEIRS} unit-missing`,
    ]);
    const plan = planOf({ yaml: MOSAIC, breaks: [wrong, shell('coder')] });
    expect(w.lines(plan).filter((l) => !l.startsWith('reload'))).toEqual([
      `blocked(missing) unit/${THEIRS} unit-missing`,
      'blocked(missing) session/coder shell-left',
    ]);
    expect(plan.blocked[1]?.remedy).toBe(
      `install the unit file of ${THEIRS} in ~/.config/systemd/user, then: systemctl --user daemon-reload`,
    );
  });

  test.each([
    ["the agent's own", THEIRS],
    ["the template's", 'mosaic-agent@.service'],
  ])('layout mosaic, %s file adopted: it is put back, and the session is replaced', (_name, name) => {
    const memory = adopted(name);
    expect(lines({ yaml: MOSAIC, memory, breaks: [unit(THEIRS, NOT_THERE), file(name), shell('coder')] })).toEqual([
      `enable unit/${THEIRS} boot-disabled`,
      'restart session/coder shell-left',
    ]);
  });

  test("layout mosaic: the template's file puts no holder back, the holder's own does", () => {
    const gone = [unit(HOLDER, { ...NOT_THERE, active_state: 'inactive' })];
    const template = {
      yaml: MOSAIC,
      memory: adopted('mosaic-agent@.service'),
      breaks: [...gone, file('mosaic-agent@.service')],
    };
    expect(lines(template)).toEqual([`blocked(missing) unit/${HOLDER} unit-missing`]);
    expect(lines({ yaml: MOSAIC, memory: adopted(HOLDER), breaks: [...gone, file(HOLDER)] })).toEqual([
      `enable unit/${HOLDER} boot-disabled`,
      `warning unit/${HOLDER} unit-inactive`,
    ]);
  });
});

describe('a unit that is moving', () => {
  test.each([
    ['activating', { active_state: 'activating' }],
    ['deactivating', { active_state: 'deactivating' }],
    ['inactive, a start of it queued', { active_state: 'inactive', job: 'start' }],
    ['active, a restart of it queued', { job: 'restart' }],
  ])('%s: what would be started or replaced waits for it', (_name, fields) => {
    expect(lines({ yaml: FLEET, breaks: [unit(CODER, fields), drop('coder')] })).toEqual([
      'deferred(in-transition) start session/coder session-missing',
    ]);
    const plan = planOf({ yaml: FLEET, breaks: [unit(CODER, fields), shell('coder')] });
    expect(w.lines(plan)).toEqual([
      `deferred(in-transition) start unit/${CODER} unit-in-transition`,
      'deferred(in-transition) restart session/coder shell-left',
    ]);
    expect(plan.deferred[1]?.remedy).toBe('when systemd has finished: fleet plan');
  });

  test('failed, and a shell left in its pane: the unit is started, then the session replaced', () => {
    expect(
      lines({ yaml: FLEET, breaks: [unit(CODER, { active_state: 'failed', result: 'timeout' }), shell('coder')] }),
    ).toEqual([`start unit/${CODER} unit-failed`, 'restart session/coder shell-left']);
  });

  test.each([
    ['activating', { active_state: 'activating', sub_state: 'start' }],
    ['deactivating', { active_state: 'deactivating', sub_state: 'stop' }],
    ['inactive, a start of it queued', { active_state: 'inactive', job: 'start' }],
  ])('layout mosaic, %s: whose the session of its name is waits for it too', (_name, fields) => {
    const breaks = [unit(THEIRS, fields), shell('coder')];
    const plan = planOf({ yaml: MOSAIC, breaks });
    expect(w.lines(plan)).toEqual(['deferred(in-transition) start session/coder unit-in-transition']);
    const [moving, whose] = plan.deferred[0]?.evidence ?? [];
    expect(moving).toContain(`${THEIRS} is ${fields.active_state}`);
    expect(whose).toBe('whether session coder ($1) is its can be told when that is over');
    expect(plan.deferred[0]?.remedy).toBe('when systemd has finished: fleet plan');
    const but = (field: string): string => MOSAIC.replace('    runtime: pi\n', `    runtime: pi\n    ${field}\n`);
    const off = { unit_file_state: 'disabled', wanted_by: [] };
    const stopped = { yaml: but('state: stopped'), was: MOSAIC, breaks: [...breaks, unit(THEIRS, off)] };
    expect(lines(stopped)).toEqual(['deferred(in-transition) stop session/coder unit-in-transition']);
    expect(lines({ yaml: but('manage: warn'), breaks })).toEqual(['warning session/coder unit-in-transition']);
  });

  test('layout mosaic, between two starts of it: nothing of it runs, so the session is not its', () => {
    const waits = unit(THEIRS, { active_state: 'activating', sub_state: 'auto-restart' });
    const queued = unit(THEIRS, { active_state: 'activating', sub_state: 'auto-restart-queued' });
    for (const unit of [waits, queued]) {
      expect(lines({ yaml: MOSAIC, breaks: [unit, shell('coder')] })).toEqual([
        'blocked(not-ours) session/coder not-adopted',
      ]);
    }
  });
});

describe('a unit in which the tmux server lives', () => {
  const inside =
    (cgroup: string | null): Break =>
    (o) => {
      w.tmuxOf(o).listening = [{ pid: 1000, start_time: 4000, cgroup }];
    };
  const yaml = FLEET.replaceAll('coder', 'co-der');
  const told = 'warning tmux-server/factory server-in-unit';

  test.each([
    ['as it is', '/app.slice/fleet-agent@co-der.service'],
    ['below it', '/app.slice/fleet-agent@co-der.service/tmux'],
    ['as systemd escapes it', '/app.slice/fleet-agent@co\\x2dder.service'],
  ])('written %s: its session is not replaced, nor its failed unit started', (_name, cgroup) => {
    const found = lines({ yaml, breaks: [inside(cgroup), shell('co-der')] });
    expect(found).toContain('blocked(server-in-unit) session/co-der shell-left');
    expect(found.filter((l) => l.startsWith('restart'))).toEqual([]);
    const failed = unit('fleet-agent@co-der.service', { active_state: 'failed' });
    expect(lines({ yaml, breaks: [inside(cgroup), failed] }).filter((l) => l.startsWith('start'))).toEqual([]);
  });

  test('its session is missing: not started either', () => {
    expect(lines({ yaml: FLEET, breaks: [inside(`/app.slice/${CODER}`), drop('coder')] })).toEqual([
      'blocked(server-in-unit) session/coder session-missing',
      told,
    ]);
  });

  test.each([
    ['another agent of which the name begins alike', '/app.slice/fleet-agent@coder-2.service'],
    ['another unit that ends alike', `/app.slice/other-${CODER}`],
    ['a place that cannot be told', null],
  ])('of %s: nothing of it stands in the way', (_name, cgroup) => {
    expect(lines({ yaml: FLEET, breaks: [inside(cgroup), shell('coder')] })[0]).toBe(
      'restart session/coder shell-left',
    );
  });
});

describe('supervisor none', () => {
  test('has no unit that could stand in the way, or be said to be active', () => {
    const plan = planOf({ yaml: NONE, breaks: [drop('coder')] });
    expect(plan.changes[0]?.evidence).toEqual(['no session coder on socket factory']);
  });
});

describe('what waits for what is put off', () => {
  const yaml = (base: string, user: string): string => `version: 1
supervisor: none
agents:
  - { name: base, runtime: pi${base} }
  - { name: calm, runtime: pi${user}, depends_on: [base] }
  - { name: user, runtime: pi${user}, depends_on: [base] }
`;
  const busyUser: Break = (o) => {
    w.heartbeatsOf(o, 'user').beat = w.beat(2002, 5, 'busy');
  };

  test('of two that stand on it one is busy, whichever: its stop waits for that one', () => {
    const found = lines({
      yaml: yaml(', state: stopped', ', state: stopped'),
      was: yaml('', ''),
      breaks: [busyUser],
    });
    expect(found).toEqual([
      'stop session/calm should-be-stopped',
      'deferred(busy) stop session/base should-be-stopped',
      'deferred(busy) stop session/user should-be-stopped',
    ]);
  });

  test('its own restart does not wait for the stop of what stands on it', () => {
    const found = lines({
      yaml: yaml('', ', state: stopped'),
      was: yaml('', ''),
      breaks: [busyUser, shell('base')],
    });
    expect(found).toContain('restart session/base shell-left');
  });
});

test('`protect: true` is named before anything about its unit', () => {
  const masked = unit(CODER, { unit_file_state: 'masked', load_state: 'masked' });
  expect(lines({ yaml: coderWith('protect: true'), breaks: [masked, shell('coder')] })).toEqual([
    `blocked(masked) unit/${CODER} unit-masked`,
    'blocked(protect) session/coder shell-left',
  ]);
});
