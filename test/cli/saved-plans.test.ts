/** `fleet plan -o FILE` and `fleet show FILE`: without any program, from a saved observation. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fleet } from '../../src/cli/fleet.ts';
import { canonicalJson } from '../../src/diff/canonical.ts';
import { runProgram } from '../../src/observe/run.ts';
import { sha256 } from '../../src/spec/sha256.ts';
import { FLEET } from '../diff/rosters.ts';
import { dropSession, healthy, processOf, roster } from '../diff/world.ts';
import { type Bench, openBench, type Ran } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

const SECRET = 'hunter2-canary';
const YAML = FLEET.replace(
  '    runtime: pi\n',
  '    runtime: pi\n    env: { TOKEN: { from_file: ~/.token } }\n    args: [--token-file, ~/.token]\n',
);

/** One session gone, another's secret no longer as in its file. */
function drifted(yaml = YAML): string {
  const r = roster(yaml);
  const observed = healthy(r);
  dropSession(observed, 'stub');
  const { env } = processOf(observed, 2000);
  if (env.status === 'known' && 'TOKEN' in env.value.secrets) env.value.secrets['TOKEN'] = { matches: false };
  return JSON.stringify(observed);
}

function plan(...more: readonly string[]): Promise<Ran> {
  const args = ['-f', bench.file('fleet.yaml', YAML), '--observed', bench.file('o.json', drifted())];
  return bench.run('plan', ...args, ...more);
}

const at = (name: string): string => join(bench.directory, name);
const text = (name: string): string => readFileSync(at(name), 'utf8');

describe('fleet plan -o FILE', () => {
  test('saves the plan for its owner alone, shows it as without -o, and exits as without -o', async () => {
    const without = await plan('--detailed-exitcode');
    const saved = await plan('--detailed-exitcode', '-o', 'p.json');
    expect([saved.code, saved.stdout]).toEqual([without.code, without.stdout]);
    expect(saved.code).toBe(2);
    expect(saved.stderr).toBe('fleet: the plan is saved, good until 2026-06-02T12:00:00.000Z: fleet apply p.json\n');
    expect(statSync(at('p.json')).mode & 0o777).toBe(0o600);
  });

  test('holds what plan --json says, and how long, by which policy and from what memory it is good', async () => {
    const { stdout } = await plan('--json', '--even-if-busy');
    await plan('--even-if-busy', '-o', 'p.json');
    const saved = JSON.parse(text('p.json'));
    expect(saved).toMatchObject(JSON.parse(stdout));
    expect(saved).toMatchObject({
      created: '2026-06-01T12:00:00.000Z',
      expires: '2026-06-02T12:00:00.000Z',
      roster_file: at('fleet.yaml'),
      policy: { even_if_busy: true, even_if_attached: false, prune: false, targets: [] },
      inventory: { stub: null, 'session/stub': null },
    });
    const { seal, ...rest } = saved;
    expect(seal).toBe(sha256(canonicalJson(rest)));
  });

  test('the same roster and the same observation give the same bytes', async () => {
    await plan('-o', 'one.json');
    await plan('-o', 'two.json');
    expect(text('one.json')).toBe(text('two.json'));
  });

  test('no secret reaches the file or the screen: that it changed is all that is told', async () => {
    bench.file('.token', SECRET);
    const { stdout, stderr } = await plan('-o', 'p.json', '--even-if-busy');
    expect(text('p.json')).toContain('TOKEN of pid 2000 is not as wanted');
    expect(text('p.json') + stdout + stderr).not.toContain(SECRET);
  });

  test('replaces an older plan and an empty file, whatever their mode', async () => {
    bench.file('empty.json', '');
    await plan('-o', 'p.json', '--target', 'stub');
    const older = text('p.json');
    await plan('-o', 'p.json');
    await plan('-o', 'empty.json');
    expect(text('p.json')).not.toBe(older);
    expect(text('empty.json')).toBe(text('p.json'));
    expect(statSync(at('empty.json')).mode & 0o777).toBe(0o600);
  });

  test('refuses (1), before it looks, to write where anything but a plan is', async () => {
    bench.file('notes.txt', 'my notes\n');
    bench.file('target.json', '');
    symlinkSync(at('target.json'), at('link.json'));
    symlinkSync(at('nowhere'), at('dangling.json'));
    mkdirSync(at('d'));
    for (const [out, why] of [
      ['notes.txt', 'is there and is no fleet plan'],
      ['link.json', 'is a symbolic link'],
      ['dangling.json', 'is a symbolic link'],
      ['d', 'is no regular file'],
      ['fleet.yaml', 'is there and is no fleet plan'],
      ['lost/p.json', `${at('lost')} is no directory`],
    ] as const) {
      const ran = await plan('-o', out);
      expect({ out, code: ran.code, stdout: ran.stdout }).toEqual({ out, code: 1, stdout: '' });
      expect(ran.stderr).toContain(why);
    }
    expect([text('notes.txt'), text('target.json'), readlinkSync(at('dangling.json'))]).toEqual([
      'my notes\n',
      '',
      at('nowhere'),
    ]);
  });

  test('a disk that is full: the plan is shown, the file is not there, and the end is an error', async () => {
    const full = {
      ok: false,
      error: { code: 'disk-full', summary: 'No space left', detail: 'writing', remedy: null, evidence: [] },
    } as const;
    const { context, ran } = bench.context();
    const files = { ...context.files, write: () => full };
    const args = [
      'plan',
      '-f',
      bench.file('fleet.yaml', YAML),
      '--observed',
      bench.file('o.json', drifted()),
      '-o',
      'p.json',
    ];
    const { code, stdout, stderr } = ran(await fleet(args, { ...context, files }));
    expect([code, stderr]).toEqual([1, 'fleet: the plan is not saved: No space left: writing\n']);
    expect(stdout).toContain('session/stub  start');
  });

  test('a plan that is incomplete is saved too', async () => {
    const { code } = await bench.run(
      'plan',
      '-f',
      bench.file('r.yaml', 'version: 1\nsupervisor: none\nagents: [{ name: a, runtime: pi }]\n'),
      '-o',
      'p.json',
    );
    expect(code).toBe(3);
    expect(JSON.parse(text('p.json'))).toMatchObject({ complete: false });
  });
});

describe('the commit of the roster', () => {
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
      cwd: bench.directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const rosterOf = async (env: Record<string, string> = {}) => {
    const { context, ran } = bench.context({ run: runProgram });
    const args = ['plan', '--json', '-f', at('fleet.yaml'), '--observed', bench.file('o.json', drifted())];
    const { stdout } = ran(
      await fleet(args, { ...context, env: { ...context.env, PATH: process.env['PATH'], ...env } }),
    );
    return JSON.parse(stdout).roster;
  };

  test('is named, with whether the file still is what it holds', async () => {
    bench.file('fleet.yaml', YAML);
    expect(await rosterOf()).toMatchObject({ commit: null, dirty: false });
    git('init', '-q');
    expect(await rosterOf()).toMatchObject({ commit: null, dirty: null });
    git('commit', '-q', '--allow-empty', '-m', 'nothing yet');
    expect(await rosterOf()).toMatchObject({ commit: git('rev-parse', 'HEAD'), dirty: true });
    git('add', 'fleet.yaml');
    git('commit', '-q', '-m', 'a roster');
    const commit = git('rev-parse', 'HEAD');
    expect(await rosterOf()).toMatchObject({ commit, dirty: false });
    bench.file('fleet.yaml', `${YAML}# by hand\n`);
    git('add', 'fleet.yaml');
    expect(await rosterOf()).toMatchObject({ commit, dirty: true });
  });

  test('is that of packed references, a detached head, and a worktree', async () => {
    bench.file('fleet.yaml', YAML);
    git('init', '-q');
    git('add', 'fleet.yaml');
    git('commit', '-q', '-m', 'a roster');
    const commit = git('rev-parse', 'HEAD');
    git('pack-refs', '--all');
    expect(await rosterOf()).toMatchObject({ commit, dirty: false });
    git('checkout', '-q', '--detach');
    expect(await rosterOf()).toMatchObject({ commit, dirty: false });
    git('worktree', 'add', '-q', 'tree');
    const { context, ran } = bench.context({ run: runProgram });
    const args = ['plan', '--json', '-f', at('tree/fleet.yaml'), '--observed', bench.file('o.json', drifted())];
    const { stdout } = ran(await fleet(args, { ...context, env: { PATH: process.env['PATH'] } }));
    expect(JSON.parse(stdout).roster).toMatchObject({ commit, dirty: false });
  });

  test('is not taken from another repository that the environment names', async () => {
    bench.file('fleet.yaml', YAML);
    git('init', '-q');
    git('add', 'fleet.yaml');
    git('commit', '-q', '-m', 'a roster');
    execFileSync('git', ['init', '-q', at('other')]);
    expect(await rosterOf({ GIT_DIR: at('other/.git') })).toMatchObject({ commit: git('rev-parse', 'HEAD') });
  });

  test('without git is null, never a guess', async () => {
    bench.file('fleet.yaml', YAML);
    git('init', '-q');
    expect(await rosterOf({ PATH: '/nowhere' })).toMatchObject({ commit: null, dirty: null });
  });
});

describe('fleet show FILE', () => {
  const show = async (changes: Parameters<Bench['context']>[0] = {}, ...more: readonly string[]) => {
    const { context, ran } = bench.context(changes);
    return ran(await fleet(['show', 'p.json', ...more], context));
  };

  test('prints the plan as plan did, where it is from, and how to make it', async () => {
    const { stdout } = await plan('-o', 'p.json');
    const shown = await show();
    expect(shown.code).toBe(0);
    expect(shown.stdout.startsWith(stdout)).toBe(true);
    expect(
      shown.stdout
        .slice(stdout.length)
        .replaceAll(bench.directory, 'DIR')
        .replace(/plan [0-9a-f]{12}/, 'plan ID'),
    ).toBe(`
Saved plan ID of 2026-06-01T12:00:00.000Z for w-jarvis/jarvis, by fleet 0.0.0-source.
Roster: DIR/fleet.yaml. Good until 2026-06-02T12:00:00.000Z.
To make just these changes: fleet apply p.json
`);
  });

  test('--json prints the document', async () => {
    await plan('-o', 'p.json');
    expect((await show({}, '--json')).stdout).toBe(text('p.json'));
  });

  test.each<[string, Parameters<Bench['context']>[0], string]>([
    ['too old', { now: () => Date.parse('2026-06-02T12:00:00.000Z') }, 'it was good for 24 hours, until 2026-06-02'],
    ['from the future', { now: () => Date.parse('2026-06-01T11:54:00.000Z') }, 'which by this clock is yet to come'],
  ])('says that a plan no longer fits: %s', async (_what, changes, why) => {
    await plan('-o', 'p.json');
    const { code, stdout } = await show(changes);
    expect(code).toBe(0);
    expect(stdout).toContain(`It no longer fits: `);
    expect(stdout).toContain(why);
    expect(stdout).not.toContain('fleet apply');
  });

  test('a clock that is a little slow is no reason', async () => {
    await plan('-o', 'p.json');
    const { stdout } = await show({ now: () => Date.parse('2026-06-01T11:56:00.000Z') });
    expect(stdout).toContain('fleet apply p.json');
  });

  test('says that the roster moved, and when it cannot be told', async () => {
    await plan('-o', 'p.json');
    writeFileSync(at('fleet.yaml'), `${YAML}#\n`);
    const moved = `the roster ${at('fleet.yaml')} was changed since (SHA-256 ${sha256(YAML).slice(0, 12)}… when it was planned, ${sha256(`${YAML}#\n`).slice(0, 12)}… now)`;
    expect((await show()).stdout).toContain(moved);
    mkdirSync(at('moved'));
    const elsewhere = JSON.parse(text('p.json'));
    const { seal: _old, ...body } = { ...elsewhere, roster_file: at('moved') };
    writeFileSync(at('p.json'), JSON.stringify({ ...body, seal: sha256(canonicalJson(body)) }));
    expect((await show()).stdout).toContain('Whether it still fits cannot be told');
  });

  test.each<[string, (text: string) => string, string]>([
    ['torn', (t) => t.slice(0, t.length / 2), 'is no fleet plan (torn, or written by something else)'],
    ['empty', () => '', 'is no fleet plan'],
    ['something else', () => '{"kind":"fleet.observed"}', 'is no fleet plan'],
    ['edited', (t) => t.replace('"start"', '"stop"'), 'was changed since fleet wrote it'],
    ['given a longer life', (t) => t.replace('"expires":"2026', '"expires":"2036'), 'was changed since fleet wrote it'],
    ['of another tool', (t) => t.replace('0.0.0-source', '0.0.1-source'), 'was changed since fleet wrote it'],
    ['of another format', (t) => t.replace('"format_version":"1.0"', '"format_version":"2.0"'), 'has format "2.0"'],
  ])('refuses (1) a file that is %s', async (_what, spoil, why) => {
    await plan('-o', 'p.json');
    writeFileSync(at('p.json'), spoil(text('p.json')));
    const { code, stdout, stderr } = await show();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`fleet: p.json ${why}`);
    expect(stderr).toContain('fleet plan -o FILE');
  });

  test('refuses the output of plan --json, which lacks what apply must know', async () => {
    writeFileSync(at('p.json'), (await plan('--json')).stdout);
    expect((await show()).stderr).toContain('is the output of `fleet plan --json`');
  });

  test('a file that is not there is an error with the way to make one', async () => {
    const { code, stderr } = await show();
    expect([code, stderr]).toEqual([1, expect.stringContaining('make one with: fleet plan -o FILE')]);
  });
});
