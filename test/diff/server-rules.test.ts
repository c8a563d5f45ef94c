import { describe, expect, test } from 'vitest';
import type { Observed } from '../../src/observe/state.ts';
import { FLEET, MOSAIC, NONE } from './rosters.ts';
import * as w from './world.ts';
import './findings-read.ts';

type Break = (o: w.Mutable<Observed>) => void;
const fleet = w.roster(FLEET);

function planned(r: ReturnType<typeof w.roster>, breakIt: Break): readonly string[] {
  const observed = w.healthy(r);
  breakIt(observed);
  return w.lines(w.planOf(r, observed));
}

const gone: Break = (o) => {
  Object.assign(w.tmuxOf(o), { listening: [], server: { state: 'absent' } });
};

describe('the tmux server', () => {
  test('holder session missing: made, nothing else touched', () => {
    expect(planned(fleet, (o) => w.dropSession(o, '_holder'))).toEqual(['create tmux-server/factory holder-missing']);
  });

  test('no server, its holder unit active (exited): the unit is restarted, then the agents', () => {
    expect(planned(fleet, gone)).toEqual([
      'restart tmux-server/factory server-missing',
      'start session/coder session-missing',
      'start session/stub session-missing',
    ]);
  });

  test.each([
    ['observe', []],
    ['warn', ['warning session/coder session-missing', 'warning session/stub session-missing']],
  ])('no server, and nobody on it who would be started (manage: %s): none is made', (manage, expected) => {
    const all = FLEET.replace('agents:', `defaults: { manage: ${manage} }\nagents:`);
    expect(planned(w.roster(all), gone)).toEqual(expected);
  });

  const otherSocketKept: Break = (o) => {
    if (o.sources.tmux.status !== 'known') throw new Error('unreachable');
    const other = structuredClone(w.tmuxOf(o));
    const server = { state: 'running' as const, pid: 9, start: 9, sessions: [] };
    o.sources.tmux.value.servers.push({ ...other, socket: 'old', path: '/tmp/tmux-1000/old', server });
    gone(o);
  };

  test('no server, and the holder unit keeps the live server of another socket: not restarted in layout mosaic', () => {
    expect(planned(w.roster(MOSAIC), otherSocketKept).slice(0, 3)).toEqual([
      'blocked(server-in-unit) tmux-server/factory server-missing',
      'blocked(missing) session/coder session-missing',
      'blocked(missing) session/stub session-missing',
    ]);
  });

  test('in layout fleet it is: our own unit stops nothing when it is restarted', () => {
    expect(planned(fleet, otherSocketKept)[0]).toBe('restart tmux-server/factory server-missing');
  });

  test.each([
    ['fleet', FLEET],
    ['mosaic', MOSAIC],
  ])(
    'no server, and one lives that cannot be reached (layout %s): no second one, and no second copy of anybody',
    (_layout, yaml) => {
      const hidden: Break = (o) => {
        otherSocketKept(o);
        const server = { state: 'unknown', why: 'socket-deleted', detail: 'tmux server 9 lives, its socket is gone' };
        if (o.sources.tmux.status === 'known') Object.assign(o.sources.tmux.value.servers[1] ?? {}, { server });
      };
      expect(planned(w.roster(yaml), hidden)).toEqual([
        'unknown(socket-deleted) session/coder',
        'unknown(socket-deleted) session/stub',
      ]);
    },
  );

  test('no server, and its holder unit masked: no session is started that would bring a server of its own', () => {
    const found = planned(fleet, (o) => {
      gone(o);
      Object.assign(w.unit(o, 'fleet-tmux.service'), { unit_file_state: 'masked', load_state: 'masked' });
    });
    expect(found).toEqual([
      'blocked(masked) unit/fleet-tmux.service unit-masked',
      'blocked(missing) session/coder session-missing',
      'blocked(missing) session/stub session-missing',
    ]);
  });

  test('nor is an agent started whose unit has failed: it would fail again, and use up its starts', () => {
    const found = planned(fleet, (o) => {
      gone(o);
      Object.assign(w.unit(o, 'fleet-tmux.service'), { unit_file_state: 'masked', load_state: 'masked' });
      for (const unit of ['fleet-agent@coder.service', 'fleet-agent@stub.service']) {
        Object.assign(w.unit(o, unit), { active_state: 'failed', result: 'exit-code' });
      }
    });
    expect(found).toEqual([
      'blocked(masked) unit/fleet-tmux.service unit-masked',
      'blocked(missing) session/coder session-missing',
      'blocked(missing) session/stub session-missing',
    ]);
  });

  test('no server, its holder unit inactive: the unit is started', () => {
    const found = planned(fleet, (o) => {
      gone(o);
      Object.assign(w.unit(o, 'fleet-tmux.service'), { active_state: 'inactive' });
    });
    expect(found[0]).toBe('start tmux-server/factory server-missing');
  });

  test('no server, supervisor none: tmux makes the holder', () => {
    expect(planned(w.roster(NONE), gone)[0]).toBe('start tmux-server/factory server-missing');
  });

  test('every session waits for its server', () => {
    const observed = w.healthy(fleet);
    gone(observed);
    const plan = w.planOf(fleet, observed);
    for (const c of plan.changes.filter((x) => x.kind === 'session')) {
      expect(c.depends_on).toEqual(['w-jarvis/jarvis/tmux-server/factory']);
    }
  });

  test('a server without its socket file: signalled, once, and planned anew', () => {
    const observed = w.healthy(fleet);
    w.tmuxOf(observed).server = { state: 'unknown', why: 'socket-deleted', detail: 'no such file' };
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual([
      'signal tmux-server/factory socket-deleted',
      'unknown(socket-deleted) session/coder',
      'unknown(socket-deleted) session/stub',
    ]);
    expect(plan.changes[0]).toMatchObject({ replan: true, precondition: { process: { pid: 1000, start_time: 4000 } } });
  });

  test('a socket file that is gone under two servers: neither is signalled', () => {
    const found = planned(fleet, (o) => {
      const server = w.tmuxOf(o);
      server.listening.push({ pid: 4711, start_time: 9, cgroup: null });
      server.server = { state: 'unknown', why: 'socket-deleted', detail: 'no such file' };
    });
    expect(found.filter((line) => line.startsWith('signal'))).toEqual([]);
  });

  test('two live servers for one path: blocked, both listed', () => {
    const observed = w.healthy(fleet);
    const server = w.tmuxOf(observed);
    server.listening.push({ pid: 4711, start_time: 9, cgroup: null });
    server.server = { state: 'unknown', why: 'split-brain', detail: 'two servers' };
    const plan = w.planOf(fleet, observed);
    expect(w.lines(plan)).toEqual([
      'blocked(split-brain) tmux-server/factory split-brain',
      'unknown(split-brain) session/coder',
      'unknown(split-brain) session/stub',
    ]);
    expect(plan.blocked[0]?.evidence.join()).toMatch(/1000.*4711/);
  });

  test("a server in a login's or another service's cgroup: a warning", () => {
    for (const cgroup of ['/user.slice/user-1000.slice/session-4.scope', '/system.slice/cron.service']) {
      const found = planned(fleet, (o) => {
        w.tmuxOf(o).listening = [{ pid: 1000, start_time: 4000, cgroup }];
      });
      expect(found).toEqual(['warning tmux-server/factory server-in-foreign-cgroup']);
    }
  });

  test("a server in an agent unit's cgroup: restarting that unit is blocked", () => {
    const found = planned(w.roster(MOSAIC), (o) => {
      const cgroup = '/user.slice/user-1000.slice/user@1000.service/app.slice/mosaic-agent@coder.service';
      w.tmuxOf(o).listening = [{ pid: 1000, start_time: 4000, cgroup }];
      w.paneOf(o, 'coder').runs = { verdict: 'shell', pid: 2000, program: 'bash' };
    });
    expect(found).toEqual([
      'blocked(server-in-unit) session/coder shell-left',
      'warning tmux-server/factory server-in-unit',
    ]);
  });

  test('the holder unit inactive while its server lives: started in layout fleet, told in layout mosaic', () => {
    const inactive =
      (name: string): Break =>
      (o) => {
        Object.assign(w.unit(o, name), { active_state: 'inactive' });
      };
    expect(planned(fleet, inactive('fleet-tmux.service'))).toEqual(['start unit/fleet-tmux.service unit-inactive']);
    expect(planned(w.roster(MOSAIC), inactive('mosaic-tmux-holder.service'))).toEqual([
      'warning unit/mosaic-tmux-holder.service unit-inactive',
    ]);
  });
});

describe('heartbeats', () => {
  const beating =
    (beat: ReturnType<typeof w.beat>): Break =>
    (o) => {
      w.heartbeatsOf(o, 'stub').beat = beat;
    };
  const stub = fleet.agents.find((a) => a.name === 'stub');
  if (stub === undefined) throw new Error('no stub');
  const pid = w.pidOf(fleet, stub);

  test('none, of a runtime that beats: a warning; of one that does not: nothing', () => {
    expect(planned(fleet, beating({ state: 'absent' }))).toEqual(['warning heartbeat/stub heartbeat-missing']);
    expect(
      planned(fleet, (o) => {
        w.heartbeatsOf(o, 'coder').beat = { state: 'absent' };
      }),
    ).toEqual([]);
  });

  test('older than stale_after intervals: a warning', () => {
    expect(planned(fleet, beating(w.beat(pid, 44)))).toEqual([]);
    expect(planned(fleet, beating(w.beat(pid, 46)))).toEqual(['warning heartbeat/stub heartbeat-stale']);
  });

  test('stale with `on_stale: restart`: deferred until a second look', () => {
    const r = w.roster(
      FLEET.replace('    runtime: dogfood\n', '    runtime: dogfood\n    heartbeat: { on_stale: restart }\n'),
    );
    expect(planned(r, beating(w.beat(pid, 100)))).toEqual([
      'deferred(awaiting-second-look) restart session/stub heartbeat-stale',
      'warning heartbeat/stub heartbeat-stale',
    ]);
  });

  test('more than one interval in the future: a warning, never fresh', () => {
    expect(planned(fleet, beating(w.beat(pid, -14)))).toEqual([]);
    expect(planned(fleet, beating(w.beat(pid, -16, 'busy')))).toEqual(['warning heartbeat/stub heartbeat-future']);
  });

  test('of a pid outside the pane, or reused: a warning', () => {
    expect(planned(fleet, beating(w.beat(4711, 5)))).toEqual(['warning heartbeat/stub heartbeat-foreign']);
    const found = planned(fleet, (o) => {
      w.processOf(o, pid).started_ms = w.NOW;
      w.heartbeatsOf(o, 'stub').beat = w.beat(pid, 30);
    });
    expect(found).toContain('warning heartbeat/stub heartbeat-foreign');
  });

  test('of a child of the pane: its own', () => {
    const found = planned(fleet, (o) => {
      if (o.sources.processes.status !== 'known') throw new Error('unknown');
      const child = { ...structuredClone(w.processOf(o, pid)), pid: 5000, ppid: pid };
      o.sources.processes.value.processes['5000'] = child;
      w.heartbeatsOf(o, 'stub').beat = w.beat(5000, 5);
    });
    expect(found).toEqual([]);
  });

  test('unreadable: a warning', () => {
    expect(planned(fleet, beating({ state: 'unreadable', why: 'not-regular', detail: 'a FIFO' }))).toEqual([
      'warning heartbeat/stub heartbeat-unreadable',
    ]);
  });

  test('the native one wins when younger than two intervals', () => {
    const native =
      (secondsAgo: number): Break =>
      (o) => {
        Object.assign(w.heartbeatsOf(o, 'stub'), { native: w.beat(pid, secondsAgo), beat: w.beat(pid, 500) });
      };
    expect(planned(fleet, native(29))).toEqual([]);
    expect(planned(fleet, native(31))).toEqual(['warning heartbeat/stub heartbeat-stale']);
  });

  test('a stale heartbeat of a process that is gone: the session speaks', () => {
    const found = planned(fleet, (o) => {
      w.heartbeatsOf(o, 'stub').beat = w.beat(pid, 500);
      w.paneOf(o, 'stub').runs = { verdict: 'dead', status: 1, signal: null };
    });
    expect(found).toEqual(['restart session/stub session-dead']);
  });
});
