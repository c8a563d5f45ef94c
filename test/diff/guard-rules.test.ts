/** Who is disturbed, what is held back, and what a choice of targets leaves: each guard where another would answer for it. */
import { describe, expect, test } from 'vitest';
import type { Contested, CrashLoop, Pause, PlanHolds } from '../../src/diff/plan-holds.ts';
import { EMPTY_MEMORY, type PlanMemory } from '../../src/diff/policy.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import type { Roster } from '../../src/spec/model.ts';
import { coderWith, FLEET, MOSAIC, NONE } from './rosters.ts';
import {
  attached,
  type Break,
  busy,
  drop,
  ended,
  lines,
  olderSpec,
  planOf,
  running,
  runs,
  shell,
  socket,
  source,
  unit,
  type World,
} from './rows.ts';
import * as w from './world.ts';
import './findings-read.ts';

const CODER = 'fleet-agent@coder.service';
const withHolds =
  (holds: (r: Roster) => Partial<PlanHolds>) =>
  (_o: World, r: Roster): PlanMemory => ({
    ...EMPTY_MEMORY,
    holds: { crash_loops: {}, contested: [], pauses: [], ...holds(r) },
  });
const looped = withHolds((r): Partial<PlanHolds> => {
  const [agent] = r.agents;
  if (agent === undefined) throw new Error('no agent');
  const loop: CrashLoop = {
    spec: fingerprint(agent, w.HOME),
    since: '2026-06-01T11:50:00Z',
    restarts: 5,
    window: 900_000,
  };
  return { crash_loops: { coder: loop } };
});
const paused = (...pauses: readonly Partial<Pause>[]) =>
  withHolds(() => ({
    pauses: pauses.map((p) => ({
      target: 'coder',
      by: 'ann',
      since: '2026-06-01T11:00:00Z',
      until: null,
      reason: 'mine',
      ...p,
    })),
  }));
const otherClass =
  (name: string): Break =>
  (o) => {
    const file = w.filesOf(o).env_files[name];
    if (file?.state === 'present') file.own['FLEET_AGENT_CLASS'] = 'other';
  };

describe('an interruption', () => {
  test('`protect: true`, to be stopped: refused also where its pane is dead', () => {
    const off = unit(CODER, { unit_file_state: 'disabled', wanted_by: [] });
    const row = { yaml: coderWith('state: stopped', 'protect: true'), was: FLEET, breaks: [off, ended('coder')] };
    expect(lines(row)).toEqual(['blocked(protect) session/coder should-be-stopped']);
  });

  test('whether its unit lets it happen cannot be told: nothing', () => {
    expect(lines({ yaml: FLEET, breaks: [source('units'), shell('coder')] })).toContain(
      'unknown(timeout) session/coder',
    );
  });

  test.each<[string, Break, readonly string[]]>([
    ['a client of a session that shares its window', () => {}, ['deferred(attached) restart session/coder shell-left']],
    [
      'nobody is attached to it',
      (o) => Object.assign(w.session(o, 'ann'), { attached: 0 }),
      ['restart session/coder shell-left'],
    ],
    [
      'it shares none of its windows',
      (o) => {
        for (const pane of w.session(o, 'ann').panes) pane.id = '%77';
      },
      ['restart session/coder shell-left'],
    ],
    [
      'it shares one of its two windows',
      (o) => {
        w.session(o, 'ann').panes.push({ ...w.paneOf(o, 'stub'), id: '%77' });
      },
      ['deferred(attached) restart session/coder shell-left'],
    ],
  ])('%s', (_name, breakIt, expected) => {
    const beside: Break = (o) => {
      const view = structuredClone(w.session(o, 'coder'));
      w.sessionsOf(o).push({ ...view, id: '$90', name: 'ann', mark: null, attached: 2 });
    };
    const found = planOf({ yaml: FLEET, breaks: [shell('coder'), beside, breakIt] });
    expect(w.lines(found).filter((l) => !l.startsWith('unmanaged'))).toEqual(expected);
  });

  test('a session on another server has windows of its own, whatever their ids', () => {
    const other: Break = (o) => {
      const view = structuredClone(w.session(o, 'coder'));
      socket('another', running({ ...view, name: 'ann', mark: null, attached: 2 }))(o);
      if (o.sources.tmux.status === 'known') o.sources.tmux.value.servers.reverse();
    };
    expect(lines({ yaml: FLEET, breaks: [shell('coder'), other] })[0]).toBe('restart session/coder shell-left');
    const none = socket('none', { state: 'absent' });
    const first: Break = (o) => {
      none(o);
      if (o.sources.tmux.status === 'known') o.sources.tmux.value.servers.reverse();
    };
    expect(lines({ yaml: FLEET, breaks: [shell('coder'), first] })[0]).toBe('restart session/coder shell-left');
  });

  const old: Break = (o) => {
    w.heartbeatsOf(o, 'coder').beat = { state: 'absent' };
    w.paneOf(o, 'coder').window_activity = w.NOW / 1000 - 3;
  };
  test.each<[string, Break, boolean]>([
    ['dead', ended('coder'), false],
    ['dead by what was found in it', runs('coder', { verdict: 'dead', status: 1, signal: null }), false],
    ['without its process', runs('coder', { verdict: 'gone' }), false],
    ['with a program that cannot be told', runs('coder', { verdict: 'other', pid: 2000, program: 'vim' }), true],
  ])('a pane %s, its window active a moment ago: busy %s', (_name, breakIt, isBusy) => {
    const found = lines({ yaml: FLEET, breaks: [old, breakIt, olderSpec('coder')] });
    expect(found.some((l) => l.startsWith('deferred(busy)'))).toBe(isBusy);
  });

  test.each<[string, number, boolean]>([
    ['ten seconds ago to the second', 10, true],
    ['longer ago', 11, false],
  ])('a window that was active %s', (_name, seconds, isBusy) => {
    const at: Break = (o) => {
      w.paneOf(o, 'coder').window_activity = w.NOW / 1000 - seconds;
    };
    const found = lines({ yaml: FLEET, breaks: [old, at, olderSpec('coder')] });
    expect(found[0]).toBe(`${isBusy ? 'deferred(busy) ' : ''}restart session/coder spec-changed`);
  });

  test('a stale heartbeat that said busy is not believed, one that said ok no more', () => {
    for (const status of ['busy', 'ok'] as const) {
      const stale: Break = (o) => {
        w.heartbeatsOf(o, 'coder').beat = w.beat(2000, 100, status);
      };
      expect(lines({ yaml: FLEET, breaks: [stale, olderSpec('coder')] })[0]).toBe('restart session/coder spec-changed');
    }
  });

  test.each<[string, number, 'busy' | 'ok', boolean]>([
    ['busy, within five minutes', 300, 'busy', true],
    ['busy, longer ago', 301, 'busy', false],
    ['ok', 200, 'ok', false],
  ])('of one that left the roster a stale heartbeat is believed: %s', (_name, ago, status, isBusy) => {
    const was = FLEET.replace('agents:\n', 'agents:\n  - { name: gone, runtime: dogfood }\n');
    const stale: Break = (o) => {
      w.heartbeatsOf(o, 'gone').beat = w.beat(2000, ago, status);
    };
    const found = lines({
      yaml: FLEET,
      was,
      policy: { prune: true },
      memory: w.owning(w.roster(FLEET), ['gone']),
      breaks: [stale],
    });
    expect(found[0]).toBe(`${isBusy ? 'deferred(busy) ' : ''}stop session/gone orphan-session`);
  });

  test('the pane with the lowest number is the agent’s where no mark names one', () => {
    const two: Break = (o) => {
      const pane = w.paneOf(o, 'coder');
      const s = w.session(o, 'coder');
      s.panes = [{ ...structuredClone(pane), id: '%10000', runs: { verdict: 'shell', pid: 9, program: 'sh' } }, pane];
    };
    expect(lines({ yaml: MOSAIC, breaks: [two] })).toEqual([]);
  });
});

describe('a crash loop', () => {
  test('is told instead of what would be put off', () => {
    expect(lines({ yaml: FLEET, memory: looped, breaks: [ended('coder'), attached('coder')] })).toEqual([
      'blocked(crash-loop) session/coder crash-loop',
    ]);
  });

  test('of one that is to be stopped is told to nobody', () => {
    const yaml = coderWith('state: stopped');
    expect(lines({ yaml, memory: looped })).toEqual([]);
  });

  test('counts no stop, no enabling and no unit that is started beside its living session', () => {
    const off = unit(CODER, { active_state: 'inactive', unit_file_state: 'disabled' });
    expect(lines({ yaml: FLEET, memory: looped, breaks: [off] })).toEqual([
      `enable unit/${CODER} boot-disabled`,
      `start unit/${CODER} unit-inactive`,
      'warning session/coder crash-loop',
    ]);
  });

  test('does not hold back the start of a failed unit whose session works: it restarts nothing', () => {
    const failed = unit(CODER, { active_state: 'failed', result: 'x' });
    const plan = planOf({ yaml: FLEET, memory: looped, breaks: [failed] });
    expect(w.lines(plan)).toEqual([`start unit/${CODER} unit-failed`, 'warning session/coder crash-loop']);
    expect(plan.changes[0]?.precondition.session).toMatchObject({ id: '$1', pane_pid: 2000 });
  });

  test('holds back a restart and the start of its failed unit alike', () => {
    const failed = unit(CODER, { active_state: 'failed', result: 'x' });
    expect(lines({ yaml: FLEET, memory: looped, breaks: [failed, shell('coder')] })).toEqual([
      'blocked(crash-loop) session/coder crash-loop',
    ]);
  });
});

describe('a fight', () => {
  const fight = (address: string, path: string) =>
    withHolds((r) => {
      const contested: Contested = {
        ...{ address: `w-jarvis/jarvis/${address}`, path, roster: r.sha256 },
        ...{ since: '2026-06-01T11:50:00Z', times: 3 },
      };
      return { contested: [contested] };
    });

  test('is about its own address, and leaves warnings as they are', () => {
    const prompt: Break = (o) => {
      w.paneOf(o, 'coder').prompt = { id: 'trust', text: '?' };
    };
    expect(
      lines({
        yaml: FLEET,
        memory: fight('env-file/stub', '/FLEET_AGENT_CLASS'),
        breaks: [otherClass('coder'), prompt],
      }),
    ).toEqual(['update env-file/coder env-file-changed', 'warning session/coder parked']);
  });

  test('is over no thing that ends by itself', () => {
    const cases: readonly (readonly [string, string, Break, string])[] = [
      ['session/coder', '/state', drop('coder'), 'start session/coder session-missing'],
      ['session/coder', '/state', ended('coder'), 'restart session/coder session-dead'],
      ['session/coder', '/runtime', shell('coder'), 'restart session/coder shell-left'],
      [
        'tmux-server/factory',
        '/holder_session',
        (o) => w.dropSession(o, '_holder'),
        'create tmux-server/factory holder-missing',
      ],
      [
        'tmux-server/factory',
        '/state',
        (o) => Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } }),
        'restart tmux-server/factory server-missing',
      ],
      [
        'tmux-server/factory',
        '/socket_file',
        (o) => Object.assign(w.tmuxOf(o), { server: { state: 'unknown', why: 'socket-deleted', detail: 'x' } }),
        'signal tmux-server/factory socket-deleted',
      ],
      [
        'unit-file/fleet-agent@.service',
        '/need_daemon_reload',
        unit(CODER, { need_daemon_reload: true }),
        'reload unit-file/fleet-agent@.service daemon-reload-needed',
      ],
    ];
    for (const [address, path, breakIt, expected] of cases) {
      expect(lines({ yaml: FLEET, memory: fight(address, path), breaks: [breakIt] })).toContain(expected);
    }
    const failed = [unit(CODER, { active_state: 'failed', result: 'x' }), drop('coder')];
    expect(lines({ yaml: FLEET, memory: fight(`unit/${CODER}`, '/active_state'), breaks: failed })).toEqual([
      `start unit/${CODER} unit-failed`,
    ]);
    const stale: Break = (o) => {
      w.heartbeatsOf(o, 'coder').beat = w.beat(2000, 600);
    };
    const yaml = coderWith('heartbeat: { on_stale: restart }');
    expect(lines({ yaml, memory: fight('session/coder', '/heartbeat'), breaks: [stale] })[0]).toBe(
      'deferred(awaiting-second-look) restart session/coder heartbeat-stale',
    );
  });

  test('is over what somebody else must have put back', () => {
    const breaks = [unit(CODER, { unit_file_state: 'disabled' })];
    expect(lines({ yaml: FLEET, memory: fight(`unit/${CODER}`, '/unit_file_state'), breaks })).toEqual([
      `warning unit/${CODER} contested`,
    ]);
    const motion = [unit(CODER, { job: 'restart' })];
    expect(lines({ yaml: FLEET, memory: fight(`unit/${CODER}`, ''), breaks: motion })).toEqual([
      `warning unit/${CODER} contested`,
    ]);
    expect(lines({ yaml: FLEET, memory: fight(`unit/${CODER}`, ''), breaks })).toEqual([
      `enable unit/${CODER} boot-disabled`,
    ]);
  });
});

describe('a pause', () => {
  test('leaves what is only told as it is', () => {
    const memory = paused({ target: null });
    const stranger: Break = (o) =>
      w.sessionsOf(o).push(w.sessionNamed(w.roster(FLEET), 'mine', '$50', 1, false) as never);
    const prompt: Break = (o) => {
      w.paneOf(o, 'stub').prompt = { id: 'trust', text: '?' };
    };
    const unread = runs('coder', { verdict: 'unknown', why: 'denied', detail: 'x' });
    expect(lines({ yaml: FLEET, memory, breaks: [stranger, prompt, unread] })).toEqual([
      'unknown(unobserved) session/coder',
      'warning session/stub parked',
      'unmanaged session/mine',
      'ignored session/* paused',
    ]);
  });

  test('is told at its own address, however that was written', () => {
    for (const target of ['env-file/coder', 'w-jarvis/jarvis/env-file/coder']) {
      expect(lines({ yaml: FLEET, memory: paused({ target }) })).toEqual(['ignored env-file/coder paused']);
    }
  });

  test('that ends now is not overdue yet; of everything or of one it is told with the command that ends it', () => {
    expect(lines({ yaml: FLEET, memory: paused({ until: '2026-06-01T12:00:00.000Z' }) })).toEqual([
      'ignored session/coder paused',
    ]);
    const until = '2026-06-01T11:00:00Z';
    const plan = planOf({ yaml: FLEET, memory: paused({ until, target: null }, { until, target: 'nobody' }) });
    expect(plan.warnings.map((x) => x.evidence[1])).toEqual([
      'it is still paused: `fleet resume --all`, or pause it anew with a later --until',
      'it is still paused: `fleet resume nobody`, or pause it anew with a later --until',
    ]);
  });
});

describe('--target and --exclude', () => {
  /** One finding of each kind about each of the two agents. */
  const each = (name: string, pid: number): readonly Break[] => [
    attached(name),
    shell(name),
    unit(`fleet-agent@${name}.service`, { unit_file_state: 'static' }),
    (o) => {
      w.heartbeatsOf(o, name).beat = w.beat(pid, 600);
      w.filesOf(o).env_files[name] = { state: 'unknown', why: 'denied', detail: 'x' };
    },
    (o) => w.sessionsOf(o).push(w.sessionNamed(w.roster(FLEET), `${name}-x`, `$9${pid}`, pid + 500, false) as never),
  ];
  const breaks = [...each('coder', 2000), ...each('stub', 2001)];
  const told = (name: string): readonly string[] => [
    `blocked(cannot-enable) unit/fleet-agent@${name}.service unit-cannot-enable`,
    `unknown(denied) env-file/${name}`,
    `unknown(denied) session/${name}`,
    `warning heartbeat/${name} heartbeat-stale`,
  ];

  test('choose among all that is told, not only among changes', () => {
    const chosen = lines({ yaml: FLEET, breaks, policy: { targets: ['coder'] } });
    expect([...chosen].sort()).toEqual([...told('coder')].sort());
    const left = lines({ yaml: FLEET, breaks, policy: { excludes: ['coder'] } });
    expect([...left].sort()).toEqual([...told('stub'), 'unmanaged session/coder-x', 'unmanaged session/stub-x'].sort());
    expect(lines({ yaml: FLEET, breaks, policy: { targets: ['session/stub-x'] } })).toEqual([
      'unmanaged session/stub-x',
    ]);
  });

  test('choose among what is put off as well', () => {
    const off = [attached('coder'), shell('coder'), attached('stub'), shell('stub')];
    expect(lines({ yaml: FLEET, breaks: off, policy: { targets: ['stub'] } })).toEqual([
      'deferred(attached) restart session/stub shell-left',
    ]);
    expect(lines({ yaml: FLEET, breaks: off, policy: { excludes: ['session/stub'] } })).toEqual([
      'deferred(attached) restart session/coder shell-left',
    ]);
  });

  test('a target does not bring along what was excluded, nor what depends on that', () => {
    const yaml = FLEET.replace('  - name: stub\n', '  - name: stub\n    depends_on: [coder]\n');
    const row = { yaml, breaks: [drop('coder'), drop('stub')] };
    expect(lines({ ...row, policy: { targets: ['stub'], excludes: ['coder'] } })).toEqual([]);
    expect(lines({ ...row, policy: { targets: ['stub'] } })).toHaveLength(2);
  });
});

describe('the limits', () => {
  const none = { value: 0, unit: 'count' } as const;
  test('leave what was refused by others as it is, each of it', () => {
    const places: Break = (o) => {
      w.filesOf(o).directories['~/src'] = { state: 'missing', detail: 'none' };
      w.filesOf(o).commands['coder'] = { state: 'missing', detail: 'none' };
    };
    expect(lines({ yaml: FLEET, breaks: [places, shell('stub')], policy: { maxDisrupt: none } })).toEqual([
      'blocked(max-disrupt) session/stub shell-left',
      'blocked(missing) session/coder workdir-missing',
      'blocked(missing) session/coder command-missing',
    ]);
  });

  test('what is left waits for what is made still, and for that alone', () => {
    const yaml = FLEET.replace('  - name: stub\n', '  - name: stub\n    depends_on: [coder]\n');
    const plan = planOf({
      yaml,
      breaks: [drop('stub'), otherClass('stub'), shell('coder')],
      policy: { maxDisrupt: none },
    });
    const start = plan.changes.find((c) => c.address.endsWith('session/stub'));
    expect(start?.depends_on).toEqual(['w-jarvis/jarvis/env-file/stub']);
  });

  test.each(['unit/fleet-agent@coder.service', 'env-file/coder', 'env-file/coder.argv', 'session/coder', 'coder'])(
    'a percentage is of the agents that are chosen, by whichever of their parts: %s',
    (part) => {
      const policy = { maxDisrupt: { value: 0, unit: 'percent' } as const, targets: [part, 'session/stub'] };
      const plan = planOf({ yaml: FLEET, breaks: [shell('stub')], policy });
      expect(plan.blocked[0]?.evidence.at(-1)).toContain('(0% of 2 in scope)');
    },
  );

  test('every reason of what is refused is told', () => {
    const two = [
      olderSpec('coder'),
      ((o) => Object.assign(w.processOf(o, 2000), { cwd: w.known('/tmp') })) satisfies Break,
    ];
    const plan = planOf({ yaml: NONE, breaks: two, policy: { maxDisrupt: none } });
    expect(plan.blocked[0]?.evidence[0]).toBe(
      'restart: started from another spec than the roster has now; pid 2000 works in /tmp, wanted /home/jarvis/src',
    );
  });

  test('busy and attached at once: the person is named first', () => {
    expect(lines({ yaml: FLEET, breaks: [shell('coder'), busy('coder', 2000), attached('coder')] })).toEqual([
      'deferred(attached) restart session/coder shell-left',
    ]);
  });
});

describe('whose a session and a heartbeat are', () => {
  const STOPPED = unit('mosaic-agent@coder.service', { active_state: 'inactive' });
  const remembered =
    (changes: object) =>
    (o: World): PlanMemory => {
      const { id, created } = w.session(o, 'coder');
      const server = { pid: 1000, start: 1_780_300_000 };
      const record = {
        agent: 'coder',
        socket: 'factory',
        server,
        id,
        created,
        spec: null,
        boot_id: 'b00t',
        done: false,
        plan: null,
      };
      return { ...EMPTY_MEMORY, sessions: { coder: { ...record, ...changes } } };
    };

  test('layout mosaic, its unit inactive: ours by the record of this very session, and of no other', () => {
    const row = { yaml: MOSAIC, breaks: [STOPPED, shell('coder')] };
    expect(lines({ ...row, memory: remembered({}) })).toContain('restart session/coder shell-left');
    const others = [
      { socket: 'else' },
      { server: { pid: 7, start: 1_780_300_000 } },
      { server: { pid: 1000, start: 7 } },
      { id: '$77' },
      { created: 7 },
    ];
    for (const other of others) {
      expect(lines({ ...row, memory: remembered(other) })).toEqual(['blocked(not-ours) session/coder not-adopted']);
    }
  });

  const stale: Break = (o) => {
    w.heartbeatsOf(o, 'coder').beat = w.beat(2000, 600);
  };
  test('`on_stale: restart` announces nothing of a session that is not ours, or that is busy', () => {
    const yaml = MOSAIC.replace('    runtime: pi\n', '    runtime: pi\n    heartbeat: { on_stale: restart }\n');
    expect(lines({ yaml, breaks: [STOPPED, stale] })).toEqual([
      'blocked(not-ours) session/coder not-adopted',
      'warning heartbeat/coder heartbeat-stale',
    ]);
    const active: Break = (o) => {
      w.paneOf(o, 'coder').window_activity = w.NOW / 1000;
    };
    expect(lines({ yaml, breaks: [stale, active] })).toEqual(['warning heartbeat/coder heartbeat-stale']);
    expect(lines({ yaml, breaks: [stale, runs('coder', { verdict: 'gone' })] })).toEqual([
      'restart session/coder session-dead',
    ]);
  });

  test('a heartbeat of a process that lives in another pane, or that names none, is not its own', () => {
    for (const pid of [2001, null]) {
      const other: Break = (o) => {
        w.heartbeatsOf(o, 'coder').beat = w.beat(pid, 5);
      };
      expect(lines({ yaml: FLEET, breaks: [other] })).toEqual(['warning heartbeat/coder heartbeat-foreign']);
    }
  });

  test('heartbeats that cannot be looked at are unobserved', () => {
    expect(lines({ yaml: FLEET, breaks: [source('heartbeats')] })).toEqual([
      'unknown(unobserved) heartbeat/coder',
      'unknown(unobserved) heartbeat/stub',
    ]);
    const unseen: Break = (o) => {
      if (o.sources.heartbeats.status === 'known') delete o.sources.heartbeats.value.agents['coder'];
    };
    expect(lines({ yaml: FLEET, breaks: [unseen] })).toEqual(['unknown(unobserved) heartbeat/coder']);
  });
});
