/** status, events, pause, resume and reset: files alone, whether a controller runs or not. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fleet } from '../../src/cli/fleet.ts';
import { moment } from '../../src/cli/run/moment.ts';
import { runProgram } from '../../src/observe/run.ts';
import type { StatusDocument } from '../../src/reconcile/control/status.ts';
import { diskFiles } from '../../src/reconcile/files/disk.ts';
import { takeLease } from '../../src/reconcile/lease/wait.ts';
import { lastGoodPath, writeLastGood } from '../../src/reconcile/roster/last-good.ts';
import { eventsPaths, openEvents } from '../../src/reconcile/state/events-file.ts';
import { statePaths } from '../../src/reconcile/state/paths.ts';
import { parseRoster } from '../../src/spec/roster.ts';
import { until } from '../observe/watch/world.ts';
import { type Bench, openBench } from './harness.ts';

const ROSTER = `version: 1
fleet: lab
supervisor: none
agents:
  - { name: canary-pi, runtime: pi }
  - { name: sage, runtime: pi }
`;

let bench: Bench;
let roster = '';
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'fleet-test-roster-'));
  roster = join(directory, 'roster.yaml');
  writeFileSync(roster, ROSTER);
  bench = openBench({ run: runProgram, env: { FLEET_FILE: roster, TMUX_TMPDIR: directory } });
});
afterEach(() => {
  bench.remove();
  rmSync(dirname(roster), { recursive: true });
});

const paths = () => statePaths(bench.home, 'w-jarvis', 'lab');

describe('pause and resume', () => {
  test('what is paused is written down, shown by plan, and gone when it is resumed', async () => {
    const paused = await bench.run('pause', 'canary-pi', '--reason', 'moving house', '--until', '2h');
    expect(paused).toEqual({
      code: 0,
      stdout: 'Paused: canary-pi until 2026-06-01T14:00:00.000Z. To go on: fleet resume canary-pi\n',
      stderr: '',
    });
    expect(JSON.parse(readFileSync(paths().pauses, 'utf8')).pauses).toEqual([
      {
        target: 'canary-pi',
        reason: 'moving house',
        until: '2026-06-01T14:00:00.000Z',
        since: '2026-06-01T12:00:00.000Z',
        by: 'jarvis',
      },
    ]);
    for (const command of ['plan', 'ps']) {
      const { stdout } = await bench.run(command);
      expect([command, stdout]).toEqual([
        command,
        expect.stringMatching(/\nPaused, left alone:\n.*moving house.*by jarvis/),
      ]);
    }
    const resumed = await bench.run('resume', 'canary-pi');
    expect([resumed.code, resumed.stdout]).toEqual([0, 'Resumed: canary-pi.\n']);
    for (const command of ['plan', 'ps']) expect((await bench.run(command)).stdout).not.toContain('Paused');
    expect(JSON.parse(readFileSync(paths().pauses, 'utf8')).pauses).toEqual([]);
  });

  test('a second pause of the same takes the place of the first', async () => {
    await bench.run('pause', 'sage', '--reason', 'a');
    await bench.run('pause', 'sage', '--reason', 'b');
    await bench.run('pause', '--all', '--reason', 'c');
    const { pauses } = JSON.parse(readFileSync(paths().pauses, 'utf8'));
    expect(pauses.map((p: { reason: string }) => p.reason)).toEqual(['b', 'c']);
    expect((await bench.run('resume', '--all')).code).toBe(0);
    expect(JSON.parse(readFileSync(paths().pauses, 'utf8')).pauses).toEqual([]);
  });

  test('pauses that are made at the same time are all kept', async () => {
    const many = Array.from({ length: 8 }, (_none, i) => `session/agent-${i}`);
    const ran = await Promise.all(many.map((target) => bench.run('pause', target, '--reason', 'x')));
    expect(ran.map((r) => r.code)).toEqual(many.map(() => 0));
    const { pauses } = JSON.parse(readFileSync(paths().pauses, 'utf8'));
    expect(pauses.map((p: { target: string }) => p.target).sort()).toEqual(many);
  });

  test.each([
    [['pause', 'canary-pi'], 'needs --reason'],
    [['pause', '--reason', 'x'], 'needs ADDR, or --all'],
    [['pause', 'sage', '--all', '--reason', 'x'], 'both sage and --all'],
    [['pause', 'canary-p', '--reason', 'x'], 'did you mean canary-pi?'],
    [['pause', 'sesion/sage', '--reason', 'x'], "'sesion/sage' is no address"],
    [['pause', 'sage', '--reason', 'x', '--until', 'tomorrow'], '--until tomorrow is not understood'],
    [['pause', 'sage', '--reason', 'x', '--until', '2020-01-01'], '--until 2020-01-01 is past'],
    [['reset', 'canary-p'], 'did you mean canary-pi?'],
  ])('%j is refused: %s', async (argv, words) => {
    const { code, stderr, stdout } = await bench.run(...argv);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain(words);
  });

  test('what is not paused cannot be resumed, and what is is named', async () => {
    await bench.run('pause', 'sage', '--reason', 'x');
    const { code, stderr } = await bench.run('resume', 'canary-pi');
    expect([code, stderr]).toEqual([1, 'fleet: canary-pi is not paused by that name\n  paused is: sage\n']);
  });

  test('pauses that cannot be read are an error for plan too, never no pauses', async () => {
    mkdirSync(paths().directory, { recursive: true });
    writeFileSync(paths().pauses, '{"kind":"fleet.pau');
    for (const argv of [['plan'], ['resume', '--all']]) {
      const { code, stderr } = await bench.run(...argv);
      expect(code).toBe(1);
      expect(stderr).toContain('pauses.json');
    }
  });
});

test('a reset is a wish that stays until it is seen', async () => {
  expect((await bench.run('reset', 'sage')).code).toBe(0);
  expect((await bench.run('reset', '--all')).code).toBe(0);
  const { resets } = JSON.parse(readFileSync(paths().resets, 'utf8'));
  expect(resets.map((r: { target: string | null }) => r.target)).toEqual(['sage', null]);
});

describe('status', () => {
  const now = Date.parse('2026-06-01T12:00:00.000Z');
  const document = (ready: 'True' | 'False', changes: Partial<StatusDocument['controller']> = {}): StatusDocument => {
    const { monotonic, boot_id } = moment(() => now);
    const at = '2026-06-01T11:59:00.000Z';
    const condition = (type: 'Ready' | 'Paused', status: 'True' | 'False', message: string) =>
      ({ type, status, reason: 'Because', message, observed_generation: 'g', last_transition: at }) as const;
    const conditions = [condition('Ready', ready, 'sage'), condition('Paused', 'False', '')];
    return {
      format_version: '1.0',
      kind: 'fleet.status',
      fleet: 'lab',
      host: 'w-jarvis',
      tenant: 'jarvis',
      controller: {
        pid: 7,
        tool_version: '0.1.0',
        boot_id,
        started_at: '2026-06-01T10:00:00.000Z',
        beat_at: '2026-06-01T11:59:57.000Z',
        beat_monotonic: monotonic,
        beat_within: 60_000,
        passes: 12,
        ...changes,
      },
      roster: { path: '/r.yaml', sha256: 'ab'.repeat(32), commit: null, in_force_since: at, refused: null },
      conditions,
      agents: {
        'canary-pi': {
          conditions: [condition('Ready', 'True', '')],
          waiting: [],
          restarts: { recent: 0, limit: 5 },
          crash_loop: null,
        },
        sage: { conditions, waiting: [], restarts: { recent: 2, limit: 5 }, crash_loop: null },
      },
      queue: { dirty: 0, running: 0 },
      pauses: [],
      stopped: null,
    };
  };
  const put = (status: StatusDocument): void => {
    mkdirSync(paths().directory, { recursive: true });
    writeFileSync(paths().status, JSON.stringify(status));
  };
  /** As a controller that lives holds it. */
  const hold = async () => {
    const { context } = bench.context();
    const { run, machine, delay } = context;
    const request = { path: paths().controller, who: 'jarvis', what: 'run', host: 'w-jarvis', timeoutMs: 0 };
    const taken = await takeLease(request, { run, machine, now: Date.now, delay });
    if (!taken.ok) throw new Error(JSON.stringify(taken.error));
    return taken.value.lease;
  };

  test('without a controller ever there is none, and it is not healthy', async () => {
    const { code, stderr } = await bench.run('status');
    expect([code, stderr]).toEqual([
      7,
      'fleet: no controller of lab has run on w-jarvis/jarvis yet\n  fleet install, or fleet run\n',
    ]);
  });

  test('of a controller that has ended says what to do next, and counts one pass as one', async () => {
    put(document('True', { passes: 1 }));
    const { code, stdout } = await bench.run('status');
    expect(code).toBe(7);
    expect(stdout).toMatch(
      /! the controller is dead: .*; fleet events tells how it ended; to start it: fleet install, or fleet run\n/,
    );
    expect(stdout).toContain(', 1 pass\n');
  });

  test('without any roster it is said that the path of one that is gone does', async () => {
    const { context, ran } = bench.context({ env: {} });
    const { code, stderr } = ran(await fleet(['status'], context));
    expect([code, stderr]).toEqual([78, expect.stringContaining('-f with its former path does')]);
  });

  test('of a live controller with all ready is 0', async () => {
    const lease = await hold();
    put(document('True'));
    const { code, stdout } = await bench.run('status');
    lease.release();
    expect(stdout).toBe(`lab on w-jarvis/jarvis: 2 of 2 agents ready
controller: pid 7, up 2h, heartbeat 3s ago, 12 passes
roster: /r.yaml abababababab, in force for 1m

AGENT      READY  FOR  RESTARTS  NOTE
canary-pi  True   1m   -         -
sage       True   1m   2 of 5    -
`);
    expect(code).toBe(0);
  });

  test('with a core agent that is not ready is 7 and names it', async () => {
    const lease = await hold();
    put(document('False'));
    const { code, stdout } = await bench.run('status', '--json');
    lease.release();
    const { health } = JSON.parse(stdout);
    expect([code, health.healthy, health.problems]).toEqual([7, false, ['core agents are not ready (Because): sage']]);
  });

  test('with a core agent of which nobody knows is 7', async () => {
    const lease = await hold();
    const all = document('True');
    put({ ...all, conditions: all.conditions.map((c) => ({ ...c, status: 'Unknown' as const })) });
    const { code, stdout } = await bench.run('status');
    lease.release();
    expect([code, stdout]).toEqual([7, expect.stringContaining('! core agents are not ready (Because): sage')]);
  });

  test('shows pauses, which of them are overdue, what stops everything, and how long a change has waited for what', async () => {
    const lease = await hold();
    const all = document('True');
    const pause = { target: 'sage', reason: 'moving house', since: '2026-06-01T10:00:00.000Z', by: 'ada' };
    const waiting = {
      ...{
        address: 'w-jarvis/jarvis/session/sage',
        action: 'restart',
        reason: 'spec-changed',
        why: 'attached' as const,
      },
      ...{ detail: '1 client is attached', since: '2026-06-01T09:00:00.000Z', at_most: 15_000 },
    };
    const sage = all.agents['sage'];
    if (sage === undefined) throw new Error('no sage');
    put({
      ...all,
      pauses: [
        { ...pause, until: '2026-06-01T11:00:00.000Z' },
        { ...pause, target: null, until: '2026-06-01T14:00:00.000Z' },
      ],
      stopped: 'PAUSED is there',
      agents: { ...all.agents, sage: { ...sage, waiting: [waiting] } },
    });
    const { code, stdout } = await bench.run('status');
    lease.release();
    expect(stdout.split('\n').slice(3)).toEqual([
      '! nothing is done: PAUSED is there',
      'paused: sage by ada for 2h, overdue by 1h: moving house',
      'paused: everything by ada for 2h, 2h left: moving house',
      '',
      'AGENT      READY  FOR  RESTARTS  NOTE',
      'canary-pi  True   1m   -         -',
      'sage       True   1m   2 of 5    restart (spec-changed) waits for 3h, attached: 1 client is attached, looked at again in 15s',
      '',
    ]);
    expect(code).toBe(0);
  });

  test('of a dead controller is 7, however well all was', async () => {
    (await hold()).release();
    put(document('True'));
    const { code, stdout } = await bench.run('status');
    expect(code).toBe(7);
    expect(stdout).toContain('! the controller is dead: what is shown is from 2026-06-01T11:59:57.000Z');
  });

  test('of a stuck controller is 7: it lives, and its heartbeat is old', async () => {
    const lease = await hold();
    const { monotonic } = moment(() => now);
    put(document('True', { beat_monotonic: monotonic - 60_001 }));
    const { code, stdout } = await bench.run('status');
    lease.release();
    expect(code).toBe(7);
    expect(stdout).toContain('is stuck: no heartbeat for 60 s');
  });

  test('names counters that cannot be read: no controller starts without them, and what it costs to begin anew', async () => {
    put(document('True'));
    writeFileSync(paths().counters, '{"kind":"fleet.counters"');
    const { code, stdout } = await bench.run('status');
    expect(code).toBe(7);
    expect(stdout).toContain(`! it is not started: A file of the controller cannot be used: ${paths().counters}`);
    expect(stdout).toContain('without it every crash loop, backoff and fight is forgotten; look at it; ');
    expect(stdout).toContain(`mv ${paths().counters} ${paths().counters}.bad\n`);
  });

  test('that is torn is an error, not health', async () => {
    put(document('True'));
    writeFileSync(paths().status, readFileSync(paths().status, 'utf8').slice(0, 100));
    expect((await bench.run('status')).code).toBe(1);
  });
});

test('events are printed as text and as JSON, and none are no error', async () => {
  expect(await bench.run('events')).toEqual({ code: 0, stdout: '', stderr: '' });
  mkdirSync(paths().directory, { recursive: true });
  const event = {
    at: '2026-06-01T12:00:00.000Z',
    pass: 3,
    what: 'repaired',
    address: 'w-jarvis/jarvis/session/sage',
    agent: 'sage',
    action: 'restart',
    reason: 'session-dead',
    message: 'pi runs\u001b[2J',
    lag_ms: 2100,
  };
  writeFileSync(paths().events, `${JSON.stringify(event)}\n`);
  expect((await bench.run('events')).stdout).toBe(
    '2026-06-01T12:00:00.000Z  repaired restart (session-dead) w-jarvis/jarvis/session/sage: pi runs\\x1b[2J [2100 ms]\n',
  );
  expect(JSON.parse((await bench.run('events', '--json')).stdout)).toEqual(event);
});

test('events that come are printed as they come, each once, also where the journal is begun anew', async () => {
  const seen: string[] = [];
  const { context } = bench.context({
    stdout: { write: (text) => seen.push(text), isTerminal: false, columns: null },
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  const ended = fleet(['events', '-f'], context);
  const file = openEvents(paths().events, JSON.stringify, 2_000);
  const base = { pass: 1, what: 'started', address: null, agent: null, action: null, reason: null, lag_ms: null };
  const tell = (from: number, to: number): void => {
    for (let i = from; i < to; i += 1)
      file.append([{ at: '2026-06-01T12:00:00.000Z', ...base, message: `event-${i}.` }]);
  };
  const numbers = () => [...seen.join('').matchAll(/event-(\d+)\./g)].map(([, number]) => Number(number));
  tell(0, 5);
  await until('the first', () => numbers().length === 5);
  tell(5, 20);
  await until('over a rotation', () => numbers().length === 20);
  expect(numbers()).toEqual(Array.from({ length: 20 }, (_none, i) => i));
  expect(existsSync(eventsPaths(paths().events)[1] ?? '')).toBe(true);
  // What cannot be read any more ends it, and says so.
  file.close();
  rmSync(paths().events, { force: true });
  mkdirSync(paths().events);
  expect(await ended).toBe(1);
});

test('a roster that is gone does not hide how things stand: the last good one says where to look', async () => {
  const version = parseRoster(Buffer.from(ROSTER), roster);
  if (!version.ok) throw new Error('invalid');
  rmSync(roster);
  expect((await bench.run('status')).code).toBe(78);
  const kept = { roster: version.value, text: ROSTER, commit: null };
  writeLastGood(diskFiles, lastGoodPath(bench.home, roster, null), kept, { path: roster, read: 'now' });
  const { code, stderr } = await bench.run('status');
  expect([code, stderr]).toEqual([7, expect.stringContaining('no controller of lab')]);
});
