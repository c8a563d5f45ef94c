/** The commands in-process: without any program, and against a private tmux where one is needed. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Context, Output } from '../../src/cli/context.ts';
import { clearStage, type Stage, setStage } from '../../src/cli/demo/stage.ts';
import { fleet } from '../../src/cli/fleet.ts';
import { observedJsonSchema } from '../../src/observe/check-document.ts';
import { runProgram } from '../../src/observe/run.ts';
import { diskFiles } from '../../src/reconcile/files/disk.ts';
import { inventoryPath } from '../../src/reconcile/inventory.ts';
import { failure } from '../../src/reconcile/outcome.ts';
import { processControl } from '../../src/reconcile/process-control.ts';
import { rosterJsonSchema } from '../../src/spec/json-schema.ts';
import { err } from '../../src/spec/result.ts';
import { FLEET } from '../diff/rosters.ts';
import { healthy, roster } from '../diff/world.ts';
import { type Bench, openBench } from './harness.ts';

const NONE = 'version: 1\nsupervisor: none\ntmux: { socket_name: nobody }\nagents: [{ name: a, runtime: pi }]\n';

/** An ephemeral agent that ends well as soon as the file is there. */
const once = (file: string): string => `version: 1
fleet: once
supervisor: none
tmux: { socket_name: fleet-once }
defaults: { working_directory: / }
runtimes:
  waiter: { command: [sh, -c, 'until [ -e ${file} ]; do sleep 0.05; done', waiter], match: { exe: sh }, beats: false }
agents: [{ name: passing, runtime: waiter, lifecycle: ephemeral }]
`;

describe('without tmux', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = openBench();
  });
  afterEach(() => bench.remove());

  test.each(['observe', 'plan', 'ps'])('fleet %s is incomplete (3), and says why', async (command) => {
    const { code, stdout } = await bench.run(command, '-f', bench.file('r.yaml', NONE));
    expect(code).toBe(3);
    if (command !== 'ps') expect(stdout).toContain('not-installed');
  });

  test('with a torn inventory plan is an error (1), and observe tells what is there all the same (3)', async () => {
    const path = inventoryPath(bench.home, 'w-jarvis', 'fleet');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '{"kind":');
    const run = (command: string) => bench.run(command, '-f', bench.file('r.yaml', NONE));
    expect(await run('plan')).toMatchObject({ code: 1, stderr: expect.stringContaining(path) });
    const { code, stdout, stderr } = await run('observe');
    expect([code, stderr]).toEqual([3, '']);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'fleet.observed' });
  });

  test('apply touches nothing but its lease, and is incomplete', async () => {
    const path = bench.file('r.yaml', NONE);
    const { code } = await bench.run('apply', '-y', '-f', path, '--target', 'session/a');
    expect(code).toBe(3);
    const left = readdirSync(bench.directory, { recursive: true, encoding: 'utf8', withFileTypes: true });
    expect(left.filter((entry) => entry.isFile()).map((entry) => entry.name)).toEqual(['r.yaml', 'lease']);
  });

  test('apply without -y and without a terminal refuses (64) before it looks at anything', async () => {
    const { context, ran } = bench.context({
      run: () => {
        throw new Error('it looked');
      },
    });
    const { code, stderr } = ran(await fleet(['apply', '-f', bench.file('r.yaml', NONE)], context));
    expect([code, stderr]).toEqual([
      64,
      'fleet: apply asks before it changes anything, and there is no terminal to ask on\n' +
        '  look at fleet plan, then: fleet apply -y\n',
    ]);
  });

  test.each<readonly [readonly string[], object]>([
    [[], rosterJsonSchema()],
    [['roster'], rosterJsonSchema()],
    [['observed'], observedJsonSchema()],
  ])('fleet schema %j prints the JSON Schema of that', async (operands, schema) => {
    const { code, stdout, stderr } = await bench.run('schema', ...operands);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  test('-v tells which programs are run, as text or as JSON, on stderr alone', async () => {
    const text = await bench.run('demo', '-v');
    expect(text.stdout).toBe('');
    expect(text.stderr).toMatch(/^fleet: ran program=tmux args="\[\\"-V\\"\]" failed=not-installed ms=\d+\n/);
    const json = await bench.run('demo', '-v', '--log-format', 'json');
    const [line = ''] = json.stderr.split('\n');
    expect(JSON.parse(line)).toMatchObject({ level: 20, msg: 'ran', program: 'tmux', failed: 'not-installed' });
  });
});

describe('plan against a saved observation', () => {
  let bench: Bench;
  const observed = healthy(roster(FLEET));
  beforeEach(() => {
    bench = openBench();
  });
  afterEach(() => bench.remove());
  const plan = (...more: readonly string[]) =>
    bench.run(
      'plan',
      '-f',
      bench.file('fleet.yaml', FLEET),
      '--observed',
      bench.file('o.json', JSON.stringify(observed)),
      ...more,
    );

  test('says the same bytes every time, for ever', async () => {
    const once = await plan('--json');
    expect(once).toMatchObject({ code: 0, stderr: '' });
    expect(await plan('--json')).toEqual(once);
    expect(JSON.parse(once.stdout)).toMatchObject({
      kind: 'fleet.plan',
      created: '2026-06-01T12:00:00.000Z',
      complete: true,
    });
  });

  test('"No changes" is said in words, with how many hosts were observed', async () => {
    expect((await plan()).stdout).toMatch(/^No changes\..* 1 of 1 host observed/);
  });

  test('a target that means nothing here is a usage error, not "No changes"', async () => {
    expect(await plan('--target', 'codr')).toEqual({
      code: 64,
      stdout: '',
      stderr: "fleet: nothing here is called 'codr'\n  did you mean coder?\n",
    });
    expect((await plan('--exclude', 'session/nobody')).code).toBe(64);
    expect((await plan('--target', 'coder', '--exclude', 'heartbeat/coder')).code).toBe(0);
  });

  test.each([
    ['{', 'is no `fleet observe` document'],
    ['{"kind":"fleet.plan"}', 'is no `fleet observe` document'],
    ['{"kind":"fleet.observed","format_version":"2.0"}', 'has format "2.0", this fleet reads 1.x'],
    ['{"kind":"fleet.observed","format_version":"1.0"}', 'is damaged: the document must have'],
    [JSON.stringify({ ...observed, sources: { ...observed.sources, units: {} } }), 'is damaged: /sources/units'],
    [JSON.stringify({ ...observed, observed_at: 'soon' }), 'is damaged: observed_at is no time'],
  ])('a document %# that cannot be used is refused by name', async (text, what) => {
    const file = bench.file('broken.json', text);
    const { code, stdout, stderr } = await bench.run('plan', '-f', bench.file('fleet.yaml', FLEET), '--observed', file);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`fleet: ${file} ${what}`);
  });

  test('explain reads it too, and an address that is not there names the nearest', async () => {
    const args = ['-f', bench.file('fleet.yaml', FLEET), '--observed', bench.file('o.json', JSON.stringify(observed))];
    expect((await bench.run('explain', 'session/coder', ...args)).stdout).toContain('as wanted');
    const json = JSON.parse((await bench.run('explain', 'coder', '--json', ...args)).stdout);
    expect(json).toMatchObject({ kind: 'fleet.explain', observed_at: observed.observed_at });
    const lost = await bench.run('explain', 'session/codr', ...args);
    expect([lost.code, lost.stderr]).toEqual([64, expect.stringContaining('did you mean session/coder?')]);
  });
});

describe('a fleet on a private tmux', () => {
  let stage: Stage;
  let bench: Bench;
  let typed: string | null = null;
  beforeAll(() => {
    stage = setStage();
    const env = { TMUX_TMPDIR: stage.tmuxTmpdir, PATH: process.env['PATH'] };
    bench = openBench({
      env,
      user: { name: 'jarvis', uid: process.getuid?.() ?? 0, home: stage.home },
      now: Date.now,
      delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      run: (program, args, options) =>
        runProgram(program, args, { ...options, env: { ...options.env, TMUX_TMPDIR: stage.tmuxTmpdir } }),
      stdin: { isTerminal: true, ask: () => Promise.resolve(typed) },
    });
  });
  afterAll(() => {
    // Told by false, not thrown: what is ended may be gone by itself.
    clearStage(stage, (pid) => processControl().signal(pid, 'SIGKILL', { group: false }));
    bench.remove();
  });
  const run = (...argv: readonly string[]) => bench.run(...argv, '-f', stage.roster);
  /** Without the lease, which every apply takes and lets go. */
  const homeFiles = () =>
    readdirSync(stage.home, { recursive: true, encoding: 'utf8' })
      .filter((name) => !/^\.local\/state\/fleet\/w-jarvis(\/lease)?$/.test(name))
      .sort();

  test.each([['no'], ['y'], ['YES'], [null]])('%s on the terminal is no yes: nothing is changed', async (answer) => {
    typed = answer;
    const before = homeFiles();
    const { code, stdout, stderr } = await run('apply');
    expect([code, stderr]).toEqual([1, 'fleet: nothing was changed\n']);
    expect(stdout).toContain('session/scout  start (session-missing)');
    expect(homeFiles()).toEqual(before);
  });

  test('apply --json prints one object a line: the plan, the events, a summary last', async () => {
    const { code, stdout, stderr } = await run('apply', '-y', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ format_version: '1.0', kind: 'fleet.apply', event: 'planned', complete: true });
    expect(lines.at(-1)).toMatchObject({ kind: 'fleet.apply', event: 'summary', failed: 0, exit_code: 0 });
    expect(lines.filter((l) => l.event === 'summary')).toHaveLength(1);
    expect(lines.filter((l) => l.event === 'applied' && l.address.includes('/session/'))).toHaveLength(3);
  });

  test('then nothing is left to do, and a second apply says so and asks nothing', async () => {
    expect((await run('plan', '--detailed-exitcode')).code).toBe(0);
    typed = null;
    const { code, stdout, stderr } = await run('apply');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^No changes\./);
  });

  test('ps --json sees every agent at work', async () => {
    const { code, stdout } = await run('ps', '--json');
    expect(code).toBe(0);
    const rows = JSON.parse(stdout).agents;
    expect(
      rows.map((r: { agent: string; readiness: string; drift: unknown }) => [r.agent, r.readiness, r.drift]),
    ).toEqual([
      ['scout', 'working', []],
      ['builder', 'working', []],
      ['reviewer', 'working', []],
    ]);
  });

  test('observe is complete, and what it prints gives the same plan as the live host', async () => {
    const { code, stdout } = await run('observe');
    expect(code).toBe(0);
    const saved = join(bench.directory, 'saved.json');
    writeFileSync(saved, stdout);
    const plan = await run('plan', '--json', '--observed', saved);
    expect(JSON.parse(plan.stdout)).toMatchObject({
      changes: [],
      complete: true,
      created: JSON.parse(stdout).observed_at,
    });
  });

  test('an end that could not be written down is told, also where there is nothing to change', async () => {
    const over = join(stage.directory, 'over');
    const path = bench.file('once.yaml', once(over));
    expect((await bench.run('apply', '-y', '-f', path)).code).toBe(0);
    writeFileSync(over, '');
    const pane = ['-N', '-L', 'fleet-once', 'display-message', '-p', '-t', '=passing:', '#{pane_dead}'];
    const options = { deadlineMs: 5000, env: { TMUX_TMPDIR: stage.tmuxTmpdir } };
    await vi.waitFor(async () => {
      expect(await runProgram('tmux', pane, options)).toMatchObject({ stdout: '1\n' });
    }, 10_000);
    const full = failure('disk-full', 'No space left', 'writing the inventory: ENOSPC', 'make room');
    const files = { ...diskFiles, write: () => err(full) };
    const applyOnFullDisk = async (...more: readonly string[]) => {
      const { context, ran } = bench.context({ files });
      return ran(await fleet(['apply', '-y', '-f', path, ...more], context));
    };
    expect(await applyOnFullDisk()).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^No changes\./),
      stderr: 'warning  No space left: writing the inventory: ENOSPC\n           next: make room\n',
    });
    const json = await applyOnFullDisk('--json');
    expect(json.stderr).toBe('');
    expect(JSON.parse(json.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      event: 'summary',
      warnings: [full],
    });
    expect((await bench.run('apply', '-y', '-f', path)).stderr).toBe('');
  });

  test('an agent that ends at once: nothing is applied, and yet something was made: 7', async () => {
    const over = join(stage.directory, 'ended');
    const core = once(over)
      .replaceAll('once', 'ends')
      .replace('passing', 'brief')
      .replace(', lifecycle: ephemeral', '');
    const path = bench.file('ends.yaml', core);
    expect((await bench.run('apply', '-y', '-f', path)).code).toBe(0);
    writeFileSync(over, '');
    const tmux = (...args: readonly string[]) =>
      runProgram('tmux', ['-N', '-L', 'fleet-ends', ...args], {
        deadlineMs: 5000,
        env: { TMUX_TMPDIR: stage.tmuxTmpdir },
      });
    const pane = () => tmux('display-message', '-p', '-t', '=brief:', '#{pane_dead} #{pane_pid}');
    await vi.waitFor(async () => expect(await pane()).toMatchObject({ stdout: expect.stringMatching(/^1 /) }), 10_000);
    const before = await pane();
    const { code, stdout } = await bench.run('apply', '-y', '--json', '-f', path);
    expect(code, stdout).toBe(7);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.find((e) => e.event === 'failed')).toMatchObject({ action: 'restart', begun: true });
    expect(events.at(-1)).toMatchObject({ applied: 0, failed: 1, failed_begun: 1, exit_code: 7 });
    expect(await pane()).not.toEqual(before);
  });

  test('progress is a live line on a terminal, which is gone at the end, and the plan stays', async () => {
    await runProgram('tmux', ['-N', '-L', 'fleet-demo', 'kill-session', '-t', '=scout'], {
      deadlineMs: 5000,
      env: { TMUX_TMPDIR: stage.tmuxTmpdir },
    });
    const { context, ran } = bench.context();
    const terminal: Output = { ...context.stderr, isTerminal: true, columns: 60 };
    const onTerminal: Context = { ...context, stderr: terminal };
    const { code, stdout, stderr } = ran(await fleet(['apply', '-y', '-f', stage.roster], onTerminal));
    expect(code).toBe(0);
    expect(stderr).toContain('\r\u001b[K0/1 start ');
    expect(stderr).toContain('\r\u001b[Kdone     start ');
    expect(stderr.endsWith('\r\u001b[K')).toBe(true);
    expect(stdout).toMatch(/\nApplied 1 change\.\n$/);
  });
});
