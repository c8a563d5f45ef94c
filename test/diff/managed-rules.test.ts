/** Units and files by how their agent is managed, and what is somebody else's: told, kept, or left as it is. */
import { describe, expect, test } from 'vitest';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/diff/policy.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import { type Break, drop, lines, planOf, socket, source, unit } from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const CODER = 'fleet-agent@coder.service';
const HOLDER = 'fleet-tmux.service';
const manage = (how: string): string => FLEET.replace('agents:', `defaults: { manage: ${how} }\nagents:`);
const env =
  (name: string, fields: Readonly<Record<string, string | undefined>>): Break =>
  (o) => {
    const file = w.filesOf(o).env_files[name];
    if (file?.state !== 'present') throw new Error('no file');
    for (const [key, value] of Object.entries(fields)) {
      if (value === undefined) delete file.own[key];
      else file.own[key] = value;
    }
  };
const noFile: Break = (o) => {
  w.filesOf(o).env_files['coder'] = { state: 'absent' };
};
const unitFile =
  (name: string, content: string, link: string | null = null): Break =>
  (o) => {
    w.filesOf(o).unit_files[name] = { ...w.fileWith(content), link_target: link } as never;
  };

describe('an agent that is only watched', () => {
  const off = unit(CODER, { unit_file_state: 'disabled', active_state: 'inactive', need_daemon_reload: true });
  const all = [off, noFile, drop('coder')];

  test('`manage: observe`: nothing is said of its unit, its files or its session', () => {
    expect(lines({ yaml: coderWith('manage: observe'), breaks: all })).toEqual([]);
    expect(
      lines({
        yaml: manage('observe'),
        breaks: [...all, unitFile(HOLDER, ''), unit(HOLDER, { unit_file_state: 'disabled' })],
      }),
    ).toEqual([]);
  });

  test('`manage: warn`: all of it is told, and nothing is made', () => {
    const argv: Break = (o) => {
      w.filesOf(o).argv_files['coder'] = { state: 'absent' };
    };
    expect(
      lines({ yaml: coderWith('manage: warn'), breaks: [unit(CODER, { unit_file_state: 'disabled' }), noFile, argv] }),
    ).toEqual([
      'warning env-file/coder env-file-missing',
      'warning env-file/coder.argv env-file-missing',
      `warning unit/${CODER} boot-disabled`,
    ]);
    const edited: Break = (o) => {
      w.filesOf(o).argv_files['coder'] = w.fileWith('# fleet: owner=mosaic\nother\n');
    };
    expect(
      lines({ yaml: coderWith('manage: warn'), breaks: [edited, env('coder', { FLEET_AGENT_CLASS: 'x' })] }),
    ).toEqual(['warning env-file/coder env-file-changed', 'warning env-file/coder.argv env-file-changed']);
  });

  test('`manage: warn`: its unit is neither started nor waited for', () => {
    for (const fields of [{ active_state: 'inactive' }, { active_state: 'failed' }, { active_state: 'activating' }]) {
      expect(lines({ yaml: coderWith('manage: warn'), breaks: [unit(CODER, fields)] })).toEqual([]);
    }
  });

  test('`manage: warn`, its unit failed and its session gone: told of the session, for the unit is not started', () => {
    const breaks = [unit(CODER, { active_state: 'failed', result: 'exit-code' }), drop('coder')];
    expect(lines({ yaml: coderWith('manage: warn'), breaks })).toEqual(['warning session/coder session-missing']);
    expect(lines({ yaml: FLEET, breaks })).toEqual([`start unit/${CODER} unit-failed`]);
  });

  test('`manage: warn`, what stands in the way is told as to anybody', () => {
    expect(lines({ yaml: coderWith('manage: warn'), breaks: [unit(CODER, { unit_file_state: 'static' })] })).toEqual([
      `blocked(cannot-enable) unit/${CODER} unit-cannot-enable`,
    ]);
  });
});

describe('a tombstone', () => {
  const yaml = coderWith('state: stopped');
  test('needs no unit that works, and none of its files', () => {
    for (const fields of [
      { unit_file_state: 'masked' },
      { load_state: 'not-found', unit_file_state: '' },
      { active_state: 'failed' },
    ]) {
      expect(lines({ yaml, breaks: [unit(CODER, fields)] })).toEqual([]);
    }
    expect(lines({ yaml, breaks: [noFile] })).toEqual([]);
  });

  test('alone needs no holder, no linger and no files that all share', () => {
    const all = FLEET.replace('agents:', 'defaults: { state: stopped }\nagents:');
    const noLinger: Break = (o) => {
      o.sources.linger = { status: 'known', value: { user: 'jarvis', enabled: false } };
    };
    const noLauncher: Break = (o) => {
      w.filesOf(o).launcher = { state: 'absent' };
    };
    expect(
      lines({
        yaml: all,
        breaks: [unit(HOLDER, { active_state: 'failed', unit_file_state: 'disabled' }), noLinger, noLauncher],
      }),
    ).toEqual([]);
  });
});

describe("an agent's unit is not started", () => {
  const failed = unit(CODER, { active_state: 'failed', result: 'x' });
  test('where its session cannot be seen, or is somebody else’s', () => {
    expect(lines({ yaml: FLEET, breaks: [failed, source('tmux')] }).filter((l) => l.startsWith('start'))).toEqual([]);
    const theirs: Break = (o) => {
      w.session(o, 'coder').mark = { owner: 'theirs', agent: 'coder', spec: null, pane: null };
    };
    expect(lines({ yaml: FLEET, breaks: [failed, theirs] })).toEqual([
      'blocked(other-owner) session/coder other-owner',
    ]);
  });

  test('but it is, with its session there, though it may live elsewhere too', () => {
    const blind = socket('hung', { state: 'unknown', why: 'timeout', detail: 'x' });
    expect(lines({ yaml: FLEET, breaks: [failed, blind] })).toEqual([`start unit/${CODER} unit-failed`]);
  });
});

describe("the holder's unit", () => {
  test('comes up at boot when any agent does, and not else', () => {
    const off = unit(HOLDER, { unit_file_state: 'disabled' });
    expect(lines({ yaml: coderWith('boot: false'), breaks: [off] })).toEqual([`enable unit/${HOLDER} boot-disabled`]);
    const none = FLEET.replace('agents:', 'defaults: { boot: false }\nagents:');
    expect(lines({ yaml: none, breaks: [off] })).toEqual([]);
  });

  test('that failed is started while every server it keeps lives, and not while one does not', () => {
    const failed = unit(HOLDER, { active_state: 'failed' });
    expect(lines({ yaml: FLEET, breaks: [failed] })).toEqual([`start unit/${HOLDER} unit-failed`]);
    const two = FLEET.replace('  - name: stub\n', '  - name: stub\n    socket: second\n');
    const gone: Break = (o) => Object.assign(w.tmuxOf(o, 1), { listening: [], server: { state: 'absent' } });
    expect(lines({ yaml: two, breaks: [failed, gone] }).filter((l) => l.includes(HOLDER))).toEqual([]);
    const unseen: Break = (o) => {
      if (o.sources.tmux.status === 'known') o.sources.tmux.value.servers.pop();
    };
    expect(lines({ yaml: two, breaks: [failed, unseen] }).filter((l) => l.includes(HOLDER))).toEqual([]);
  });

  test('was not looked at, and its server is missing: left alone', () => {
    const unseen: Break = (o) => {
      if (o.sources.units.status === 'known') delete o.sources.units.value.units[HOLDER];
    };
    const gone: Break = (o) => Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
    const plan = planOf({ yaml: FLEET, breaks: [unseen, gone] });
    expect(plan.changes).toEqual([]);
    expect(plan.unknown.map((u) => u.address)).toContain('w-jarvis/jarvis/tmux-server/factory');
  });

  test('layout mosaic: missing, and so is its server: blocked, and no session is started', () => {
    const gone: Break = (o) => Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
    const none = unit('mosaic-tmux-holder.service', {
      load_state: 'not-found',
      unit_file_state: '',
      active_state: 'inactive',
      wanted_by: [],
    });
    const plan = planOf({ yaml: MOSAIC, breaks: [gone, none] });
    expect(w.lines(plan)).toEqual([
      'blocked(missing) unit/mosaic-tmux-holder.service unit-missing',
      'blocked(missing) session/coder session-missing',
      'blocked(missing) session/stub session-missing',
    ]);
    expect(plan.blocked[0]?.evidence).toEqual(['mosaic-tmux-holder.service: not-found']);
  });

  test('all that are coupled to it are counted, and a rule of the roster covers it', () => {
    const coupled = ['coder', 'stub'].map((n) =>
      unit(`mosaic-agent@${n}.service`, { binds_to: ['mosaic-tmux-holder.service'] }),
    );
    const found = planOf({ yaml: MOSAIC, breaks: coupled });
    expect(found.warnings[0]?.evidence).toEqual([
      'mosaic-agent@coder.service and 1 more: stopped when mosaic-tmux-holder.service is restarted',
    ]);
    const rule = 'ignore:\n  - { target: unit/mosaic-tmux-holder.service, reason: known }\n';
    expect(lines({ yaml: `${MOSAIC}${rule}`, breaks: coupled })).toEqual([
      'ignored unit/mosaic-tmux-holder.service holder-coupled',
    ]);
  });
});

describe('where a server lives', () => {
  const cgroup =
    (path: string): Break =>
    (o) => {
      w.tmuxOf(o).listening = [{ pid: 1000, start_time: 4000, cgroup: path }];
    };
  const foreign = 'warning tmux-server/factory server-in-foreign-cgroup';
  test.each<[string, readonly string[]]>([
    ['/user.slice/user-1000.slice/user@1000.service/tmux-spawn-1.scope', []],
    ['/user.slice/user-1000.slice/user@1000.service', []],
    ['/user.slice/user-1000.slice/user@1000.service/init.scope', []],
    ['/', []],
    ['/system.slice/my-user@1000.service', [foreign]],
    ['/system.slice/user@me.service', [foreign]],
    ['/system.slice/user@1000.service.scope', [foreign]],
    ['/system.slice/my-tmux-spawn-.scope', [foreign]],
  ])('%s', (path, expected) => {
    expect(lines({ yaml: FLEET, breaks: [cgroup(path)] })).toEqual(expected);
  });

  test('layout mosaic: the holder unit is restarted where none of the other servers lives in it', () => {
    const gone: Break = (o) => Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
    const server = { state: 'running', pid: 9, start: 9, sessions: [] } as const;
    for (const path of [null, '/user.slice/x-mosaic-tmux-holder.service']) {
      const other = socket('old', { ...server, sessions: [] }, path);
      expect(lines({ yaml: MOSAIC, breaks: [gone, other] })[0]).toBe('restart tmux-server/factory server-missing');
    }
  });

  test('none is made for those that are stopped, or only told about', () => {
    const yaml = coderWith('state: stopped').replace(
      '    runtime: dogfood\n',
      '    runtime: dogfood\n    manage: warn\n',
    );
    const gone: Break = (o) => Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
    expect(lines({ yaml, breaks: [gone] })).toEqual(['warning session/stub session-missing']);
    const two = FLEET.replace('    runtime: dogfood\n', '    runtime: dogfood\n    manage: warn\n    socket: second\n');
    const both = [0, 1].map(
      (i): Break =>
        (o) =>
          Object.assign(w.tmuxOf(o, i), { listening: [], server: { state: 'absent' } }),
    );
    expect(lines({ yaml: two, breaks: both }).filter((l) => l.includes('tmux-server'))).toEqual([
      'restart tmux-server/factory server-missing',
    ]);
  });

  test('layout mosaic: the holder is no matter of another socket', () => {
    const two = MOSAIC.replace('  - name: stub\n', '  - name: stub\n    socket: second\n');
    const none: Break = (o) => {
      w.sessionsOf(o, 1).shift();
    };
    expect(lines({ yaml: two, breaks: [none] })).toEqual([]);
  });
});

describe('an env file', () => {
  test('of which a key is missing, or is there and should not be: each is told, and only those change', () => {
    const plan = planOf({
      yaml: FLEET,
      breaks: [env('coder', { FLEET_AGENT_CLASS: undefined, FLEET_AGENT_COMMAND: 'x' })],
    });
    expect(w.lines(plan)).toEqual(['update env-file/coder env-file-changed']);
    expect(plan.changes[0]).toMatchObject({
      before: { FLEET_AGENT_COMMAND: 'x' },
      after: { FLEET_AGENT_CLASS: 'worker' },
    });
    expect(Object.keys(plan.changes[0]?.before ?? {})).toEqual(['FLEET_AGENT_COMMAND']);
    expect(Object.keys(plan.changes[0]?.after ?? {})).toEqual(['FLEET_AGENT_CLASS']);
    expect([...(plan.changes[0]?.evidence ?? [])].sort()).toEqual([
      'FLEET_AGENT_CLASS is missing, should be "worker"',
      'FLEET_AGENT_COMMAND is "x", should not be there',
    ]);
  });

  test('a rule for one of its keys covers that one', () => {
    const rule = 'ignore:\n  - { target: env-file/coder, path: /FLEET_AGENT_CLASS, reason: known }\n';
    const both = env('coder', { FLEET_AGENT_CLASS: 'x', FLEET_AGENT_MODEL: 'y' });
    const plan = planOf({ yaml: `${FLEET}${rule}`, breaks: [both] });
    expect(w.lines(plan)).toEqual([
      'update env-file/coder env-file-changed',
      'ignored env-file/coder env-file-changed',
    ]);
    expect(Object.keys(plan.changes[0]?.before ?? {})).toEqual(['FLEET_AGENT_MODEL']);
    expect(lines({ yaml: `${FLEET}${rule}`, breaks: [env('coder', { FLEET_AGENT_CLASS: 'x' })] })).toEqual([
      'ignored env-file/coder env-file-changed',
    ]);
  });

  test('that was not looked at, and a rendered command that was not: unobserved', () => {
    const unseen: Break = (o) => {
      delete w.filesOf(o).env_files['coder'];
      delete w.filesOf(o).argv_files['stub'];
    };
    expect(lines({ yaml: FLEET, breaks: [unseen] })).toEqual([
      'unknown(not-observed) env-file/coder',
      'unknown(not-observed) env-file/stub.argv',
    ]);
  });

  test('a rendered command that was edited or cannot be read', () => {
    const edited: Break = (o) => {
      w.filesOf(o).argv_files['coder'] = w.fileWith('# fleet: owner=mosaic\nother\n');
      w.filesOf(o).argv_files['stub'] = { state: 'unknown', why: 'denied', detail: 'EACCES' };
    };
    expect(lines({ yaml: NONE, breaks: [edited] })).toEqual([
      'update env-file/coder.argv env-file-changed',
      'unknown(denied) env-file/stub.argv',
      'unknown(denied) session/stub',
    ]);
  });
});

describe('a unit file', () => {
  const name = 'fleet-agent@.service';
  test.each<[string, Break, readonly string[]]>([
    ['that is a link', unitFile(name, '[Service]\n', '/dev/null'), []],
    ['that is empty', unitFile(name, ' \n'), []],
    ['without a mark', unitFile(name, '[Service]\n'), [`blocked(other-owner) unit-file/${name} other-owner`]],
    [
      "of another fleet's",
      unitFile(name, '[X-Fleet]\nOwner=theirs\n'),
      [`blocked(other-owner) unit-file/${name} other-owner`],
    ],
  ])('%s is not written over', (_name, breakIt, expected) => {
    expect(lines({ yaml: FLEET, breaks: [breakIt] })).toEqual(expected);
  });

  test('without a mark: both ways out are named', () => {
    expect(planOf({ yaml: FLEET, breaks: [unitFile(name, '[Service]\n')] }).blocked[0]).toMatchObject({
      evidence: [`${name} bears no mark of any fleet`],
      remedy: `move the file away; or, to have fleet write it: fleet adopt unit-file/${name}`,
    });
  });

  const adopted = (file: string, content: string): PlanMemory => ({
    ...EMPTY_MEMORY,
    owned: {
      [`unit-file/${file}`]: {
        ...({ kind: 'unit-file', name: file, agent: null, how: 'adopted', state: 'made', protect: false } as const),
        ...{ since: '2026-05-01T00:00:00.000Z', plan: null, content },
      },
    },
  });
  const TEXT = '[Service]\nExecStart=/bin/true\n';
  test.each(['mosaic-agent@.service', 'mosaic-tmux-holder.service', 'mosaic-agent@coder.service'])(
    'layout mosaic, adopted: %s is kept at its text, and never written through a mask or a link',
    (file) => {
      const memory = adopted(file, TEXT);
      expect(lines({ yaml: MOSAIC, memory, breaks: [unitFile(file, `${TEXT}# x\n`)] })).toEqual([
        `update unit-file/${file} unit-file-changed`,
        `reload unit-file/${file} daemon-reload-needed`,
      ]);
      expect(lines({ yaml: MOSAIC, memory, breaks: [unitFile(file, TEXT)] })).toEqual([]);
      expect(lines({ yaml: MOSAIC, memory, breaks: [unitFile(file, '', null)] })).toEqual([]);
      expect(lines({ yaml: MOSAIC, memory, breaks: [unitFile(file, `${TEXT}# x\n`, '/dev/null')] })).toEqual([]);
      expect(lines({ yaml: MOSAIC, memory, breaks: [unitFile(file, TEXT, '/etc/x')] })).toEqual([]);
      expect(lines({ yaml: MOSAIC, memory, breaks: [unitFile(file, `${TEXT}# x\n`, '/etc/x')] })).toEqual([
        `blocked(not-ours) unit-file/${file} unit-file-changed`,
      ]);
    },
  );

  test('layout mosaic: an adopted instance that is not among what was seen is not there; a template was not looked at', () => {
    const instance = 'mosaic-agent@coder.service';
    expect(lines({ yaml: MOSAIC, memory: adopted(instance, TEXT) })[0]).toBe(
      `create unit-file/${instance} unit-missing`,
    );
    const template = 'mosaic-agent@.service';
    expect(lines({ yaml: MOSAIC, memory: adopted(template, TEXT) })).toEqual([
      `unknown(not-observed) unit-file/${template}`,
    ]);
  });

  test('layout mosaic: what is adopted and is no unit of the layout is not kept', () => {
    expect(lines({ yaml: MOSAIC, memory: adopted('ssh.service', TEXT) })).toEqual([]);
  });

  test('what was edited is told line by line, long ones cut, six at most', () => {
    const long = 'x'.repeat(170);
    const edit: Break = (o) => {
      const file = w.filesOf(o).unit_files[name];
      if (file?.state === 'present')
        Object.assign(file, { content: `${file.content.replace(/^KillMode=.*$/m, '')}\n${long}\n` });
    };
    const evidence = planOf({ yaml: FLEET, breaks: [edit] }).changes[0]?.evidence;
    expect(evidence).toEqual([`reads: ${'x'.repeat(150)}...`, 'lacks: KillMode=process']);
    const many: Break = (o) => {
      const file = w.filesOf(o).unit_files[name];
      if (file?.state === 'present') Object.assign(file, { content: `${file.content}\na\nb\nc\nd\ne\nf\ng\n` });
    };
    expect(planOf({ yaml: FLEET, breaks: [many] }).changes[0]?.evidence).toHaveLength(6);
    const turned: Break = (o) => {
      const file = w.filesOf(o).unit_files[name];
      if (file?.state === 'present') Object.assign(file, { content: `${file.content}\nKillMode=process\n` });
    };
    expect(planOf({ yaml: FLEET, breaks: [turned] }).changes[0]?.evidence).toEqual(['the order of its lines differs']);
  });
});
