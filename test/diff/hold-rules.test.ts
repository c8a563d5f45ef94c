/** The rows on pauses, crash loops and fights. */
import { describe, expect, test } from 'vitest';
import type { Contested, CrashLoop, Pause, PlanHolds } from '../../src/diff/plan-holds.ts';
import { EMPTY_MEMORY } from '../../src/diff/policy.ts';
import { fingerprint } from '../../src/spec/fingerprint.ts';
import { coderWith, FLEET, NONE } from './rosters.ts';
import * as w from './world.ts';
import './findings-read.ts';

const fleet = w.roster(FLEET);
const coder = fleet.agents[0];
if (coder === undefined) throw new Error('no coder');

const LOOP: CrashLoop = {
  spec: fingerprint(coder, w.HOME),
  since: '2026-06-01T11:50:00.000Z',
  restarts: 5,
  window: 900_000,
};
const PAUSE: Pause = {
  target: 'coder',
  reason: 'debugging',
  until: null,
  since: '2026-06-01T11:00:00.000Z',
  by: 'ada',
};

type Break = (o: ReturnType<typeof w.healthy>) => void;

function planned(holds: Partial<PlanHolds>, breakIt: Break, roster = fleet) {
  const observed = w.healthy(roster);
  breakIt(observed);
  const all = { crash_loops: {}, contested: [], pauses: [], ...holds };
  return w.planOf(roster, observed, { memory: { ...EMPTY_MEMORY, holds: all } });
}

const dead: Break = (o) => w.dropSession(o, 'coder');
const otherEnv: Break = (o) => {
  const file = w.filesOf(o).env_files['coder'];
  if (file?.state === 'present') file.own['FLEET_AGENT_CLASS'] = 'other';
};

describe('a crash loop', () => {
  const loop = { crash_loops: { coder: LOOP } };

  test('blocks each start and restart of its agent, with the command that lets it go on', () => {
    const plan = planned(loop, dead);
    expect(w.lines(plan)).toEqual(['blocked(crash-loop) session/coder crash-loop']);
    expect(plan.blocked[0]?.remedy).toContain('fleet reset coder');
    expect(plan.blocked[0]?.evidence.join()).toContain('restarted 5 times within 900 s');
    const once = planned({ crash_loops: { coder: { ...LOOP, restarts: 1 } } }, dead);
    expect(once.blocked[0]?.evidence.join()).toContain('restarted once within 900 s');
    const failed = planned(loop, (o) => {
      dead(o);
      Object.assign(w.unit(o, 'fleet-agent@coder.service'), { active_state: 'failed', result: 'start-limit-hit' });
    });
    expect(w.lines(failed)).toEqual(['blocked(crash-loop) session/coder crash-loop']);
  });

  test('blocks no other agent and no other repair of its own', () => {
    const plan = planned(loop, (o) => {
      dead(o);
      w.dropSession(o, 'stub');
      otherEnv(o);
    });
    expect(w.lines(plan)).toEqual([
      'update env-file/coder env-file-changed',
      'start session/stub session-missing',
      'blocked(crash-loop) session/coder crash-loop',
    ]);
  });

  test('holds for the spec that crashed alone', () => {
    const mended = w.roster(coderWith('args: [--mended]'));
    expect(w.lines(planned(loop, dead, mended))).toEqual(['start session/coder session-missing']);
  });

  test('holds where the spec cannot be told', () => {
    const plan = planned({ crash_loops: { coder: { ...LOOP, spec: 'another' } } }, (o) => {
      dead(o);
      o.sources.files = { status: 'unknown', why: 'io', detail: 'EIO' };
    });
    expect(plan.changes.filter((c) => c.agent === 'coder')).toEqual([]);
  });

  test('is a warning while its agent runs all the same', () => {
    expect(w.lines(planned(loop, () => {}))).toEqual(['warning session/coder crash-loop']);
  });

  test.each<readonly [string, Break, readonly string[]]>([
    ['runs', () => {}, ['it runs now; when it ends it is not started again']],
    [
      'could not be seen',
      (o) => {
        o.sources.tmux = { status: 'unknown', why: 'denied', detail: '/tmp/tmux-1000: EACCES' };
      },
      ['whether it runs is unknown: tmux: /tmp/tmux-1000: EACCES', 'when it has ended it is not started again'],
    ],
    [
      'is down behind a masked unit',
      (o) => {
        dead(o);
        Object.assign(w.unit(o, 'fleet-agent@coder.service'), { load_state: 'masked', unit_file_state: 'masked' });
      },
      ['no session coder on socket factory', 'it is not started again'],
    ],
  ])('says how an agent is that %s', (_how, breakIt, said) => {
    const told = planned(loop, breakIt).warnings.find((x) => x.reason === 'crash-loop');
    expect(told?.evidence.slice(1)).toEqual(said);
  });

  test('of an agent that nobody ever named does not exist', () => {
    expect(w.lines(planned({ crash_loops: JSON.parse('{"__proto__": {"spec": "x"}}') }, dead))).toEqual([
      'start session/coder session-missing',
    ]);
  });
});

describe('a contested field', () => {
  const fight: Contested = {
    address: 'w-jarvis/jarvis/env-file/coder',
    path: '/FLEET_AGENT_CLASS',
    roster: fleet.sha256,
    since: '2026-06-01T11:50:00.000Z',
    times: 3,
  };

  test('is a warning instead of a change, and only that field', () => {
    const found = planned({}, otherEnv).changes[0];
    expect(found?.patch.map((p) => p.path)).toContain(fight.path);
    expect(w.lines(planned({ contested: [fight] }, otherEnv))).toEqual(['warning env-file/coder contested']);
    const elsewhere = { ...fight, path: '/FLEET_AGENT_MODEL' };
    expect(w.lines(planned({ contested: [elsewhere] }, otherEnv))).toEqual(['update env-file/coder env-file-changed']);
  });

  test('is repaired again by another roster', () => {
    const plan = planned({ contested: [{ ...fight, roster: 'another' }] }, otherEnv);
    expect(w.lines(plan)).toEqual(['update env-file/coder env-file-changed']);
  });
});

describe('a pause', () => {
  test('is listed with ignored in every plan, whether or not it holds anything back', () => {
    expect(w.lines(planned({ pauses: [PAUSE] }, () => {}))).toEqual(['ignored session/coder paused']);
  });

  test('leaves alone what is about its target, blocked things too, and says by whom', () => {
    const plan = planned({ pauses: [PAUSE] }, (o) => {
      dead(o);
      otherEnv(o);
      w.dropSession(o, 'stub');
    });
    expect(w.lines(plan)).toEqual([
      'start session/stub session-missing',
      'ignored session/coder paused',
      'ignored env-file/coder env-file-changed',
      'ignored session/coder session-missing',
    ]);
    expect(w.text(plan)).toContain('session/coder session-missing: debugging (by ada since 2026-06-01T11:00:00.000Z)');
    const looped = planned({ pauses: [PAUSE], crash_loops: { coder: LOOP } }, dead);
    expect(looped.blocked).toEqual([]);
  });

  test('of everything leaves nothing to do', () => {
    const plan = planned({ pauses: [{ ...PAUSE, target: null }] }, (o) => {
      for (const name of ['coder', 'stub']) w.dropSession(o, name);
      if (o.sources.linger.status === 'known') o.sources.linger.value.enabled = false;
    });
    expect(plan.changes).toEqual([]);
    expect(plan.applyable).toBe(false);
  });

  test('of one resource leaves the agent’s others', () => {
    const plan = planned({ pauses: [{ ...PAUSE, target: 'env-file/coder' }] }, (o) => {
      dead(o);
      otherEnv(o);
    });
    expect(w.lines(plan)).toEqual([
      'start session/coder session-missing',
      'ignored env-file/coder paused',
      'ignored env-file/coder env-file-changed',
    ]);
  });

  test('that is overdue stays in force and warns', () => {
    const plan = planned({ pauses: [{ ...PAUSE, until: '2026-06-01T11:59:59Z' }] }, dead);
    expect(w.lines(plan)).toEqual([
      'warning session/coder pause-overdue',
      'ignored session/coder paused',
      'ignored session/coder session-missing',
    ]);
    const due = planned({ pauses: [{ ...PAUSE, until: '2026-06-01T12:00:01Z' }] }, dead);
    expect(due.warnings).toEqual([]);
  });

  test('until a day lasts to its end', () => {
    expect(planned({ pauses: [{ ...PAUSE, until: '2026-06-01' }] }, () => {}).warnings).toEqual([]);
    expect(planned({ pauses: [{ ...PAUSE, until: '2026-05-31' }] }, () => {}).warnings).toHaveLength(1);
  });
});

test('on_stale: restart is announced behind the guards of every interruption', () => {
  const stale: Break = (o) => {
    w.heartbeatsOf(o, 'coder').beat = w.beat(2000, 600);
  };
  const roster = (...more: string[]) =>
    w.roster(
      coderWith('heartbeat: { on_stale: restart }', ...more).replace(
        'fleet: mosaic\n',
        'fleet: mosaic\nsupervisor: none\n',
      ),
    );
  expect(NONE).toContain('supervisor: none');
  const warned = 'warning heartbeat/coder heartbeat-stale';
  expect(w.lines(planned({}, stale, roster()))).toEqual([
    'deferred(awaiting-second-look) restart session/coder heartbeat-stale',
    warned,
  ]);
  expect(w.lines(planned({}, stale, roster('protect: true')))).toEqual([
    'blocked(protect) session/coder heartbeat-stale',
    warned,
  ]);
  expect(w.lines(planned({}, stale, roster('manage: warn')))).toEqual([warned]);
  const attached: Break = (o) => {
    stale(o);
    w.session(o, 'coder').attached = 1;
  };
  expect(w.lines(planned({}, attached, roster()))).toEqual([
    'deferred(attached) restart session/coder heartbeat-stale',
    warned,
  ]);
});
