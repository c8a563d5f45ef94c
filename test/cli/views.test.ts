import { describe, expect, test } from 'vitest';
import type { Elsewhere } from '../../src/cli/place.ts';
import { buildExplain } from '../../src/cli/views/explain-records.ts';
import { formatExplain } from '../../src/cli/views/explain-text.ts';
import { buildPs } from '../../src/cli/views/ps-rows.ts';
import { formatPs } from '../../src/cli/views/ps-text.ts';
import { formatAge, formatTable, printable } from '../../src/cli/views/text.ts';
import { NO_HOLDS, type Pause } from '../../src/diff/plan-holds.ts';
import { EMPTY_MEMORY } from '../../src/diff/policy.ts';
import type { Observed } from '../../src/observe/state.ts';
import type { Roster } from '../../src/spec/model.ts';
import { coderWith, FLEET, MOSAIC, NONE } from '../diff/rosters.ts';
import {
  dropSession,
  healthy,
  type Mutable,
  paneOf,
  planOf,
  roster,
  session,
  sessionNamed,
  sessionsOf,
  tmuxOf,
  unit,
} from '../diff/world.ts';

const PLAIN = { color: false };

function psOf(
  yaml: string,
  change: (o: Mutable<Observed>, r: Roster) => void = () => {},
  elsewhere: readonly Elsewhere[] = [],
  pauses: readonly Pause[] = [],
) {
  const r = roster(yaml);
  const observed = healthy(r);
  change(observed, r);
  const memory = { ...EMPTY_MEMORY, holds: { ...NO_HOLDS, pauses } };
  const plan = planOf(r, observed, { memory });
  return buildPs({ roster: r, observed: observed as Observed, plan, elsewhere });
}

describe('ps', () => {
  test('is one row an agent, in roster order', () => {
    expect(formatPs(psOf(FLEET), PLAIN)).toMatchInlineSnapshot(`
      "HOST      TENANT  AGENT  UNIT             BOOT     SESSION  RUNTIME  PID   IDLE  HEARTBEAT     DRIFT
      w-jarvis  jarvis  coder  active (exited)  enabled  present  pi       2000  6m    5s/available  -
      w-jarvis  jarvis  stub   active (exited)  enabled  present  dogfood  2001  6m    5s/available  -
      "
    `);
  });

  test('has no unit and no boot with supervisor none', () => {
    expect(formatPs(psOf(NONE), PLAIN)).toMatchInlineSnapshot(`
      "HOST      TENANT  AGENT  UNIT  BOOT  SESSION  RUNTIME  PID   IDLE  HEARTBEAT     DRIFT
      w-jarvis  jarvis  coder  -     -     present  pi       2000  6m    5s/available  -
      w-jarvis  jarvis  stub   -     -     present  dogfood  2001  6m    5s/available  -
      "
    `);
  });

  test('shows what is paused, whether or not anything differs there, and what is overdue', () => {
    const pause = { reason: 'moving house', since: '2026-06-01T11:00:00.000Z', by: 'ada' };
    const pauses = [
      { ...pause, target: 'coder', until: '2026-06-01T11:30:00.000Z' },
      { ...pause, target: null, until: null },
    ];
    const ps = psOf(FLEET, (o) => dropSession(o, 'stub'), [], pauses);
    expect(ps.paused[0]).toMatchObject({ ...pause, until: pauses[0]?.until, overdue: true });
    expect(formatPs(ps, PLAIN)).toMatchInlineSnapshot(`
      "HOST      TENANT  AGENT  UNIT             BOOT     SESSION  RUNTIME  PID   IDLE  HEARTBEAT     DRIFT
      w-jarvis  jarvis  coder  active (exited)  enabled  present  pi       2000  6m    5s/available  pause-overdue (warning)
      w-jarvis  jarvis  stub   active (exited)  enabled  absent   dogfood  -     -     5s/dead       session-missing (paused)

      Paused, left alone:
        w-jarvis/jarvis/session/coder: moving house (by ada since 2026-06-01T11:00:00.000Z until 2026-06-01T11:30:00.000Z, overdue)
        w-jarvis/jarvis/session/*: moving house (by ada since 2026-06-01T11:00:00.000Z)
      "
    `);
  });

  test('shows what drifted: another runtime, a unit that boot would lose, a session that is gone', () => {
    const ps = psOf(MOSAIC, (o) => {
      paneOf(o, 'coder').runs = {
        verdict: 'runtime',
        runtime: 'dogfood',
        strength: 'strong',
        pid: 2000,
        evidence: 'script',
      };
      unit(o, 'mosaic-agent@coder.service').unit_file_state = 'disabled';
      unit(o, 'mosaic-agent@coder.service').wanted_by = [];
      dropSession(o, 'stub');
    });
    expect(formatPs(ps, PLAIN)).toMatchInlineSnapshot(`
      "HOST      TENANT  AGENT  UNIT             BOOT      SESSION  RUNTIME           PID   IDLE  HEARTBEAT     DRIFT
      w-jarvis  jarvis  coder  active (exited)  disabled  present  pi, seen dogfood  2000  6m    5s/available  boot-disabled, runtime-mismatch
      w-jarvis  jarvis  stub   active (exited)  enabled   absent   dogfood           -     -     5s/dead       session-missing
      "
    `);
  });

  test('lists sessions of nobody after the agents, and never cuts or trusts their names', () => {
    const ps = psOf(FLEET, (o, r) => {
      sessionsOf(o).push(sessionNamed(r, 'evil\u001b[2Jname', '$9', 4242, false) as never);
    });
    expect(ps.unmanaged).toHaveLength(1);
    const text = formatPs(ps, PLAIN);
    expect(text).toContain('Unmanaged');
    expect(text).not.toContain('\u001b');
  });

  test('a server that cannot be asked is unknown, never absent', () => {
    const ps = psOf(NONE, (o) => {
      tmuxOf(o).server = { state: 'unknown', why: 'timeout', detail: 'no answer within 5 s' };
    });
    expect(ps.complete).toBe(false);
    expect(ps.agents.map((a) => [a.session, a.runtime.seen, a.readiness])).toEqual([
      ['unknown', 'unknown', 'unknown'],
      ['unknown', 'unknown', 'unknown'],
    ]);
    expect(formatPs(ps, PLAIN)).toMatchInlineSnapshot(`
      "HOST      TENANT  AGENT  UNIT  BOOT  SESSION  RUNTIME          PID  IDLE  HEARTBEAT   DRIFT
      w-jarvis  jarvis  coder  -     -     ?        pi, seen ?       -    -     5s/unknown  unobserved (unknown)
      w-jarvis  jarvis  stub   -     -     ?        dogfood, seen ?  -    -     5s/unknown  unobserved (unknown)
      "
    `);
  });

  test('an agent of another host has a row that says why it is empty, and makes it incomplete', () => {
    const [agent] = roster(FLEET).agents;
    if (agent === undefined) throw new Error('no agent');
    const ps = psOf(FLEET, () => {}, [
      { host: 'far', tenant: 'jarvis', agents: [agent], why: 'far is another machine' },
    ]);
    expect(ps.complete).toBe(false);
    expect(ps.agents.at(-1)).toMatchObject({
      host: 'far',
      agent: 'coder',
      session: 'unknown',
      error: 'far is another machine',
    });
    expect(formatPs(ps, PLAIN)).toContain('Not looked at:\n  far is another machine\n');
  });

  test('every record carries host and tenant', () => {
    const ps = psOf(FLEET, (o, r) => {
      sessionsOf(o).push(sessionNamed(r, 'other', '$9', 4242, false) as never);
    });
    for (const record of [...ps.agents, ...ps.unmanaged]) {
      expect(record).toMatchObject({ host: 'w-jarvis', tenant: 'jarvis' });
    }
  });
});

describe('ps of an agent that is left alone', () => {
  test('says what its session is, and that a rule covers it', () => {
    const ignoring = `${FLEET}ignore:\n  - { target: coder, reason: later }\n`;
    const gone = psOf(ignoring, (o) => dropSession(o, 'coder'));
    expect(gone.agents[0]?.drift).toEqual([{ reason: 'session-missing', state: 'ignored' }]);
    expect(gone.agents[1]?.drift).toEqual([]);
    expect(formatPs(gone, PLAIN)).toContain('session-missing (ignored)');
  });
});

describe('explain', () => {
  test.each(['env-file/coder.argv', 'env-file/fleet.launch'])(
    '%s, which plan names, is known and was looked at',
    (target) => {
      const [record] = explain(target).records;
      expect(record?.verdicts).toEqual([]);
      expect(record?.facts[0]?.read[0]).toMatch(/^changed /);
    },
  );

  function explain(target: string, yaml = FLEET, change: (o: Mutable<Observed>) => void = () => {}) {
    const r = roster(yaml);
    const observed = healthy(r);
    change(observed);
    const plan = planOf(r, observed);
    return buildExplain({ target, roster: r, observed: observed as Observed, memory: EMPTY_MEMORY, plan });
  }

  test('what is blocked by the reason itself says so once', () => {
    const r = roster(FLEET);
    const observed = healthy(r);
    const blocked = { host: 'w-jarvis', tenant: 'jarvis', kind: 'session', agent: 'coder', source: null } as const;
    const loop = { address: 'w-jarvis/jarvis/session/coder', reason: 'crash-loop', guard: 'crash-loop' } as const;
    const plan = { ...planOf(r, observed), blocked: [{ ...blocked, ...loop, evidence: [], remedy: 'x' }] };
    const input = { target: 'session/coder', roster: r, observed: observed as Observed, memory: EMPTY_MEMORY, plan };
    expect(buildExplain(input).records[0]?.verdicts.map((v) => v.says)).toEqual(['blocked: crash-loop']);
  });

  test("an agent's bare name means all of its resources", () => {
    expect(explain('coder').records.map((r) => r.address.replace('w-jarvis/jarvis/', ''))).toEqual([
      'session/coder',
      'unit/fleet-agent@coder.service',
      'env-file/coder',
      'env-file/coder.argv',
      'heartbeat/coder',
    ]);
  });

  test.each(['session/coder', 'w-jarvis/jarvis/session/coder'])('%s is one of them', (target) => {
    expect(explain(target).records.map((r) => r.address)).toEqual(['w-jarvis/jarvis/session/coder']);
  });

  test('what is as wanted says what was read, when, and from where', () => {
    expect(formatExplain(explain('session/coder'), PLAIN)).toMatchInlineSnapshot(`
      "w-jarvis/jarvis/session/coder
        read 2026-06-01T12:00:00.000Z
        from tmux -L factory:
          server 1000 on /tmp/tmux-1000/factory, up since 2026-06-01T07:46:40.000Z
          process 1000 listens on /tmp/tmux-1000/factory, cgroup /user.slice/user-1000.slice/user@1000.service/app.slice/fleet-tmux.service
          session $1 since 2026-06-01T11:00:00.000Z, 0 attached
          marked as coder of mosaic
          pane %2000 200x50, process 2000, shown as "x" (the agent)
        from /proc, by what is executed:
          runs pi (strong): package
        from /proc/2000:
          /usr/bin/node, state S, since 2026-06-01T11:00:00.000Z, in /home/jarvis/src
          FLEET_AGENT_NAME=coder
          FLEET_AGENT_CLASS=worker
          FLEET_AGENT_RUNTIME=pi
          FLEET_AGENT_MODEL=
          FLEET_AGENT_WORKDIR=/home/jarvis/src
          FLEET_TMUX_SOCKET=factory
        as wanted
      "
    `);
  });

  test('a verdict comes with its evidence and the line of the roster', () => {
    const drifted = explain('session/coder', FLEET, (o) => {
      paneOf(o, 'coder').runs = {
        verdict: 'runtime',
        runtime: 'dogfood',
        strength: 'strong',
        pid: 2000,
        evidence: 'script',
      };
    });
    expect(formatExplain(drifted, PLAIN)).toMatchInlineSnapshot(`
      "w-jarvis/jarvis/session/coder
        read 2026-06-01T12:00:00.000Z
        from tmux -L factory:
          server 1000 on /tmp/tmux-1000/factory, up since 2026-06-01T07:46:40.000Z
          process 1000 listens on /tmp/tmux-1000/factory, cgroup /user.slice/user-1000.slice/user@1000.service/app.slice/fleet-tmux.service
          session $1 since 2026-06-01T11:00:00.000Z, 0 attached
          marked as coder of mosaic
          pane %2000 200x50, process 2000, shown as "x" (the agent)
        from /proc, by what is executed:
          runs dogfood (strong): script
        from /proc/2000:
          /usr/bin/node, state S, since 2026-06-01T11:00:00.000Z, in /home/jarvis/src
          FLEET_AGENT_NAME=coder
          FLEET_AGENT_CLASS=worker
          FLEET_AGENT_RUNTIME=pi
          FLEET_AGENT_MODEL=
          FLEET_AGENT_WORKDIR=/home/jarvis/src
          FLEET_TMUX_SOCKET=factory
        change: restart: runtime-mismatch
          because script
          roster fleet.yaml:5:5
      "
    `);
  });

  test('units, files, heartbeats, lingering and the server can be explained', () => {
    for (const target of [
      'unit/fleet-tmux.service',
      'env-file/stub',
      'heartbeat/stub',
      'linger/jarvis',
      'tmux-server/factory',
    ]) {
      const [record] = explain(target).records;
      expect(
        record?.facts.flatMap((f) => f.read),
        target,
      ).not.toEqual([]);
    }
  });

  test('what could not be observed is said as such, with the cause', () => {
    const blind = explain('session/coder', FLEET, (o) => {
      tmuxOf(o).server = { state: 'unknown', why: 'timeout', detail: 'no answer within 5 s' };
    });
    expect(blind.records[0]?.verdicts.map((v) => v.bucket)).toContain('unknown');
    expect(formatExplain(blind, PLAIN)).toContain('unknown (timeout): no answer within 5 s');
  });

  test.each([
    ['session/coder', '  seen: session-missing\n    because no session coder on socket factory\n'],
    ['session/coder', '    next fleet explain w-jarvis/jarvis/unit/fleet-agent@coder.service\n'],
    ['unit/fleet-agent@coder.service', '    because session coder is missing\n'],
  ])('a session that is missing behind its masked unit: %s says so', (target, says) => {
    const masked = explain(target, FLEET, (o) => {
      dropSession(o, 'coder');
      Object.assign(unit(o, 'fleet-agent@coder.service'), { load_state: 'masked', unit_file_state: 'masked' });
    });
    expect(formatExplain(masked, PLAIN)).toContain(says);
  });

  test('an agent that is only watched is never as wanted while it is down, or could not be seen', () => {
    const watched = (change: (o: Mutable<Observed>) => void) =>
      explain('session/coder', coderWith('manage: observe'), change).records[0]?.verdicts;
    expect(watched(() => {})).toEqual([]);
    expect(watched((o) => dropSession(o, 'coder'))).toEqual([
      {
        bucket: 'seen',
        says: 'session-missing',
        evidence: ['no session coder on socket factory', 'manage: observe'],
        remedy: null,
        source: null,
      },
    ]);
    const blind = watched((o) => {
      tmuxOf(o).server = { state: 'unknown', why: 'timeout', detail: 'no answer within 5 s' };
    });
    expect(blind?.map((v) => v.bucket)).toEqual(['unknown']);
  });

  test('an attached session is told', () => {
    const seen = explain('session/coder', FLEET, (o) => {
      session(o, 'coder').attached = 2;
    });
    expect(formatExplain(seen, PLAIN)).toContain('2 attached');
  });
});

describe('text pieces', () => {
  test('control and format characters cannot move the cursor', () => {
    expect(printable('a\u001b[2J\tb\u202e\u0085')).toBe('a\\x1b[2J\\x09b\\u{202e}\\x85');
  });

  test('a table is aligned and has no spaces at line ends', () => {
    expect(
      formatTable(
        ['A', 'LONG'],
        [
          ['x', 'y'],
          ['wider', ''],
        ],
      ),
    ).toBe('A      LONG\nx      y\nwider\n');
  });

  test.each([
    [0, '0s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [3_600_000, '1h'],
    [172_800_000, '2d'],
    [-5, '0s'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });
});
