/** `fleet apply FILE` against a private tmux: that plan, no more, once, and only where it still fits. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { clearStage, DEMO_SOCKET, type Stage, setStage } from '../../src/cli/demo/stage.ts';
import { fleet } from '../../src/cli/fleet.ts';
import { canonicalJson } from '../../src/diff/canonical.ts';
import { runProgram } from '../../src/observe/run.ts';
import { processControl } from '../../src/reconcile/process-control.ts';
import { sha256 } from '../../src/spec/sha256.ts';
import { type Bench, openBench, type Ran } from './harness.ts';

const OUTSIDE_ID = ['plan_id', 'created', 'tool_version', 'expires', 'roster_file', 'policy', 'inventory', 'seal'];
const SECRET = 'hunter2-canary-value';

let stage: Stage;
let bench: Bench;
let plan: string;
let roster: string;
const clients: ChildProcess[] = [];

beforeAll(async () => {
  stage = setStage();
  plan = join(stage.directory, 'plan.json');
  writeFileSync(join(stage.home, 'token'), SECRET);
  roster = readFileSync(stage.roster, 'utf8').replace(
    'name: scout, runtime: stub, env: { ',
    'name: scout, runtime: stub, env: { TOKEN: { from_file: ~/token }, ',
  );
  writeFileSync(stage.roster, roster);
  bench = openBench({
    env: { TMUX_TMPDIR: stage.tmuxTmpdir, PATH: process.env['PATH'] },
    cwd: stage.directory,
    user: { name: 'jarvis', uid: process.getuid?.() ?? 0, home: stage.home },
    now: Date.now,
    delay: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    run: (program, args, options) =>
      runProgram(program, args, { ...options, env: { ...options.env, TMUX_TMPDIR: stage.tmuxTmpdir } }),
  });
  expect((await bench.run('apply', '-y', '-f', stage.roster)).code).toBe(0);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.stdin?.end();
  writeFileSync(stage.roster, roster);
});
afterAll(() => {
  // Told by false, not thrown: what is ended may be gone by itself.
  clearStage(stage, (pid) => processControl().signal(pid, 'SIGKILL', { group: false }));
  bench.remove();
});

const run = (...argv: readonly string[]) => bench.run(...argv);
const save = (...more: readonly string[]) => run('plan', '-f', stage.roster, '-o', plan, ...more);
const applyIt = (...more: readonly string[]) => run('apply', '-y', plan, ...more);
const runWith = async (changes: Partial<Context>, ...argv: readonly string[]): Promise<Ran> => {
  const { context, ran } = bench.context(changes);
  return ran(await fleet(argv, context));
};
async function tmux(...args: readonly string[]): Promise<string> {
  const options = { deadlineMs: 5000, env: { TMUX_TMPDIR: stage.tmuxTmpdir } };
  const ended = await runProgram('tmux', ['-N', '-L', DEMO_SOCKET, ...args], options);
  return ended.kind === 'exited' ? ended.stdout.trim() : ended.detail;
}
const kill = (session: string) => tmux('kill-session', '-t', `=${session}`);
const sessions = () => tmux('list-sessions', '-F', '#{session_name} #{session_id} #{session_created}');
const stderrOf = ({ code, stderr }: Ran) => `${code} ${stderr}`;

function spoil(change: (document: Record<string, unknown>) => void): void {
  const document = JSON.parse(readFileSync(plan, 'utf8'));
  change(document);
  const body = Object.fromEntries(Object.entries(document).filter(([key]) => !OUTSIDE_ID.includes(key)));
  const { seal: _old, ...rest } = { ...document, plan_id: sha256(canonicalJson(body)) };
  writeFileSync(plan, JSON.stringify({ ...rest, seal: sha256(canonicalJson(rest)) }));
}

describe('what it does', () => {
  test('just that plan: what drifts after it was made is left alone', async () => {
    await kill('scout');
    await save();
    await kill('builder');
    const { code, stdout } = await applyIt();
    expect(code).toBe(0);
    expect(stdout).toContain('session/scout  start (session-missing)');
    expect(stdout).toMatch(/\nApplied 1 change\.\n$/);
    expect((await sessions()).split('\n').map((line) => line.split(' ')[0])).toEqual(['_holder', 'reviewer', 'scout']);
    expect((await run('apply', '-y', '-f', stage.roster)).code).toBe(0);
  });

  test('a second time it does nothing and says so, whatever came in between', async () => {
    await kill('scout');
    await save();
    expect((await applyIt()).code).toBe(0);
    const before = [await sessions(), filesOf(stage.home)];
    for (let again = 0; again < 2; again += 1) {
      const { code, stdout, stderr } = await applyIt();
      expect(code).toBe(0);
      expect(stderr).toContain('session/scout (session-missing): already-satisfied');
      expect(stdout).toMatch(/\nApplied 0 changes, 1 skipped \(already-satisfied\)\. Nothing was left to do\.\n$/);
    }
    expect([await sessions(), filesOf(stage.home)]).toEqual(before);
    const lines = (await applyIt('--json')).stdout.trimEnd().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      applied: 0,
      exit_code: 0,
      skipped: { 'already-satisfied': 1 },
    });
  });

  test('each change by its own precondition: the stale one is left alone, the others are made (7)', async () => {
    await kill('scout');
    await kill('builder');
    await save();
    await tmux('new-session', '-d', '-s', 'builder', 'sleep', '1000');
    const by = await tmux('display-message', '-p', '-t', '=builder:', '#{session_id} #{pane_pid}');
    const { code, stderr } = await applyIt();
    expect(code).toBe(7);
    expect(stderr).toContain('session/builder (session-missing): stale: a session builder');
    expect(await tmux('display-message', '-p', '-t', '=builder:', '#{session_id} #{pane_pid}')).toBe(by);
    // Nothing is left of it but what is stale: still in part.
    expect((await applyIt()).code).toBe(7);
    await kill('builder');
    await applyIt();
  });

  test('every change stale and none made: 5', async () => {
    await kill('builder');
    await save('--target', 'builder');
    await tmux('new-session', '-d', '-s', 'builder', 'sleep', '1000');
    expect((await applyIt()).code).toBe(5);
    await kill('builder');
    await applyIt();
  });

  test('by the policy it was made with: somebody attached does not hold back what was planned in spite of that', async () => {
    await tmux('respawn-pane', '-k', '-t', '=scout:', stage.impostor);
    const client = spawn('tmux', ['-C', '-L', DEMO_SOCKET, 'attach', '-t', '=scout'], {
      env: { ...process.env, TMUX_TMPDIR: stage.tmuxTmpdir, TMUX: '' },
    });
    clients.push(client);
    await vi.waitFor(async () => expect(await tmux('list-clients', '-F', '#{session_name}')).toBe('scout'), 10_000);
    await save();
    expect((await applyIt()).stdout).toMatch(/^No changes: 1 deferred\./);
    const before = await sessions();
    expect((await save('--even-if-attached', '--even-if-busy')).stdout).toContain(
      'session/scout  restart (runtime-mismatch)',
    );
    expect((await applyIt()).code).toBe(0);
    expect(await sessions()).not.toBe(before);
  });

  test('on a terminal it shows the plan and asks, and only yes is yes', async () => {
    await kill('scout');
    await save();
    for (const [answer, code] of [
      ['no', 1],
      ['yes', 0],
    ] as const) {
      const stdin = { isTerminal: true, ask: () => Promise.resolve(answer) };
      const ran = await runWith({ stdin }, 'apply', plan);
      expect([ran.code, ran.stdout.includes('session/scout  start')]).toEqual([code, true]);
    }
    expect(stderrOf(await run('apply', plan))).toContain('64 fleet: apply asks before it changes anything');
  });

  test('a change after which another plan is needed is made, and that is said: nothing is planned anew', async () => {
    const sockets = join(stage.tmuxTmpdir, `tmux-${process.getuid?.() ?? 0}`);
    await kill('scout');
    unlinkSync(join(sockets, DEMO_SOCKET));
    expect((await save()).code).toBe(3);
    const { code, stdout } = await applyIt();
    expect(code).toBe(3);
    expect(stdout).toContain('Applied 1 change. What could not be seen before can be now: run fleet plan again.');
    expect(await sessions()).not.toContain('scout');
    expect((await run('apply', '-y', '-f', stage.roster)).code).toBe(0);
  });

  test('no secret reaches the plan or what apply prints', async () => {
    await kill('scout');
    const saved = await save();
    const shown = await run('show', plan);
    const applied = await applyIt('--json');
    const everything = [saved, shown, applied].flatMap((r) => [r.stdout, r.stderr]);
    expect([readFileSync(plan, 'utf8'), ...everything].join('\n')).not.toContain(SECRET);
    expect(applied.code).toBe(0);
    // It did reach the agent: the canary is alive.
    const pid = await tmux('display-message', '-p', '-t', '=scout:', '#{pane_pid}');
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain(`TOKEN=${SECRET}`);
    writeFileSync(join(stage.home, 'token'), `${SECRET}-2`);
    const moved = await save('--even-if-busy');
    expect(moved.stdout).toContain('env-mismatch');
    expect(readFileSync(plan, 'utf8') + moved.stdout).not.toContain(SECRET);
    writeFileSync(join(stage.home, 'token'), SECRET);
  });
});

describe('a plan that does not fit is refused whole, and nothing is changed', () => {
  const refused = async (ran: Promise<Ran>, code: number, why: string) => {
    const before = [await sessions(), filesOf(stage.home)];
    const { stderr, ...rest } = await ran;
    expect({ code: rest.code, stdout: rest.stdout, stderr }).toEqual({
      code,
      stdout: '',
      stderr: expect.stringContaining(why),
    });
    expect(stderr.trimEnd().split('\n').length).toBeGreaterThan(1);
    expect([await sessions(), filesOf(stage.home)]).toEqual(before);
  };
  beforeAll(async () => {
    await kill('reviewer');
  });

  test('older than 24 hours (5)', async () => {
    await save();
    await refused(
      runWith({ now: () => Date.now() + 24 * 3_600_000 }, 'apply', '-y', plan),
      5,
      'it was good for 24 hours',
    );
  });

  test('made in the future (5)', async () => {
    await save();
    await refused(runWith({ now: () => Date.now() - 6 * 60_000 }, 'apply', '-y', plan), 5, 'is yet to come');
  });

  test('the roster moved (5): which file, and from what to what', async () => {
    await save();
    writeFileSync(stage.roster, `${roster}# moved\n`);
    const hashes = `SHA-256 ${sha256(roster).slice(0, 12)}… when it was planned, ${sha256(`${roster}# moved\n`).slice(0, 12)}… now`;
    await refused(applyIt(), 5, `the roster ${stage.roster} was changed since (${hashes})`);
    await refused(applyIt(), 5, `make a new one: fleet plan -f ${stage.roster} -o FILE`);
  });

  test('the roster is invalid by now (5): it moved', async () => {
    await save();
    writeFileSync(stage.roster, 'version: 1\nagents: [{}]\n');
    await refused(applyIt(), 5, 'was changed since');
  });

  test('the roster is gone (78), and another copy of it does', async () => {
    await save();
    unlinkSync(stage.roster);
    await refused(applyIt(), 78, `${stage.roster} does not exist`);
    const copy = bench.file('copy.yaml', roster);
    expect((await applyIt('-f', copy)).code).toBe(0);
    await kill('reviewer');
  });

  test('another major version of fleet made it (5)', async () => {
    await save();
    spoil((d) => {
      d['tool_version'] = '1.0.0';
    });
    await refused(applyIt(), 5, 'fleet 1.0.0 made it, and this is 0.0.0-source');
  });

  test('made for another host or tenant (1)', async () => {
    await save();
    await refused(
      runWith({ hostname: 'elsewhere' }, 'apply', '-y', plan),
      1,
      'it was made for w-jarvis/jarvis, and this is elsewhere/jarvis',
    );
    const user = { name: 'friday', uid: process.getuid?.() ?? 0, home: stage.home };
    await refused(runWith({ user }, 'apply', '-y', plan), 1, 'and this is w-jarvis/friday');
  });

  test('torn or edited (1)', async () => {
    await save();
    const text = readFileSync(plan, 'utf8');
    for (const spoilt of [
      text.slice(0, -30),
      text.replace('"reviewer"', '"scout"'),
      text.replace('"action":"start"', '"action":"stop"'),
    ]) {
      writeFileSync(plan, spoilt);
      await refused(applyIt(), 1, plan);
    }
  });

  test('a newer fleet made it, with a precondition that this one cannot check (1)', async () => {
    await save();
    spoil((d) => {
      for (const change of d['changes'] as { precondition: Record<string, unknown> }[])
        change.precondition['phase_of_the_moon'] = 'full';
    });
    await refused(applyIt(), 1, 'does not know how to check phase_of_the_moon');
  });

  test('the inventory moved by anything but this plan (5); what it does not touch may move', async () => {
    await save();
    const untouched = join(stage.directory, 'untouched.json');
    await kill('builder');
    expect((await run('apply', '-y', '-f', stage.roster, '--target', 'reviewer')).code).toBe(0);
    await kill('reviewer');
    await refused(applyIt(), 5, "the inventory's record of reviewer was written by plan");
    await run('plan', '-f', stage.roster, '-o', untouched, '--target', 'reviewer');
    expect((await run('apply', '-y', '-f', stage.roster, '--target', 'builder')).code).toBe(0);
    expect((await run('apply', '-y', untouched)).code).toBe(0);
  });

  test('one of its agents was paused since (5), and goes on when it is resumed', async () => {
    await kill('reviewer');
    await save();
    const about = ['reviewer', '-f', stage.roster];
    expect((await run('pause', ...about, '--reason', 'moving house')).code).toBe(0);
    await refused(applyIt(), 5, 'session/reviewer is paused by jarvis since');
    await refused(applyIt(), 5, 'moving house\n  fleet resume reviewer');
    expect((await run('resume', ...about)).code).toBe(0);
    expect((await applyIt()).code).toBe(0);
    await kill('reviewer');
  });

  test('with a flag that would say otherwise (64)', async () => {
    await save();
    for (const flag of [
      ['--target', 'reviewer'],
      ['--exclude', 'reviewer'],
      ['--host', 'w-jarvis'],
      ['--tenant', 'jarvis'],
      ['--prune'],
      ['--allow-empty'],
      ['--even-if-busy'],
      ['--even-if-attached'],
      ['--max-destroy', '3'],
      ['--max-disrupt', '3'],
    ]) {
      await refused(applyIt(...flag), 64, `${flag[0]} and a saved plan contradict each other`);
    }
  });
});

/** Every file below with its bytes, its mode and when it was written; heartbeats, which agents write, aside. */
function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/\.hb|lease/.test(name))
    .sort()
    .flatMap((name) => {
      const path = join(directory, name);
      const { mode, mtimeMs } = statSync(path);
      if (statSync(path).isDirectory()) return [];
      return [`${name} ${mode} ${mtimeMs} ${sha256(readFileSync(path))}`];
    });
}
