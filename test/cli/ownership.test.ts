import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunProgram, runProgram } from '../../src/observe/run.ts';
import { inventoryPath, readInventory } from '../../src/reconcile/inventory.ts';
import { tmuxLacking } from '../reconcile/real-host.ts';
import { type Bench, openBench } from './harness.ts';

const SOCKET = 'fleet-test-ownership';
let bench: Bench;
const env = (): NodeJS.ProcessEnv => ({ ...process.env, TMUX_TMPDIR: join(bench.directory, 'tmux'), TMUX: '' });

beforeEach(({ skip }) => {
  const lacking = tmuxLacking();
  if (lacking !== null) skip(lacking);
  bench = openBench();
  mkdirSync(join(bench.directory, 'tmux'), { mode: 0o700 });
});

/** Ends this server and no other. */
afterEach(() => {
  try {
    tmux('kill-server');
  } catch {
    // It has ended by itself.
  }
  bench.remove();
});

/** Programs that fleet runs see no server but this one. */
const inPrivate: RunProgram = (program, args, options) =>
  runProgram(program, args, { ...options, env: { TMUX_TMPDIR: join(bench.directory, 'tmux'), ...options.env } });

function tmux(...args: readonly string[]): string {
  const words = ['-u', '-L', SOCKET, ...args];
  return execFileSync('tmux', words, { env: env(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

function roster(...agents: readonly string[]): string {
  return bench.file(
    'fleet.yaml',
    `version: 1
fleet: ours
supervisor: none
tmux: { socket_name: ${SOCKET} }
defaults: { working_directory: ${bench.directory} }
runtimes:
  sleeper: { command: [sleep, '1000000'], match: { exe: sleep }, beats: false }
agents: [${agents.map((a) => `{ ${a}, runtime: sleeper }`).join(', ')}]
`,
  );
}

async function run(...argv: readonly string[]) {
  const terminal = { run: inPrivate, env: env(), now: Date.now };
  const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const { context, ran } = bench.context({ ...terminal, delay });
  const { fleet } = await import('../../src/cli/fleet.ts');
  return ran(await fleet([...argv, '-f', join(bench.directory, 'fleet.yaml')], context));
}

const apply = (...flags: readonly string[]) => run('apply', '-y', ...flags);
const sessions = (): readonly string[] => tmux('list-sessions', '-F', '#{session_name}').split('\n').sort();
const identity = (name: string): string =>
  tmux('display-message', '-p', '-t', `=${name}:`, '#{pid} #{session_id} #{session_created} #{pane_pid}');
const mark = (name: string): string => tmux('show-options', '-qv', '-t', `=${name}:`, '@fleet_mark');

function owned() {
  const memory = readInventory(inventoryPath(bench.home, 'w-jarvis', 'ours'));
  if (!memory.ok) throw new Error(memory.error.detail);
  return memory.value;
}

test('what was applied is pruned when it leaves the roster, with no adopting; its namesakes stay', async () => {
  roster('name: web', 'name: gone');
  expect((await apply()).code).toBe(0);
  tmux('new-session', '-d', '-s', 'gone-long', 'sleep 1000000');
  const others = ['web', 'gone-long', '_holder'].map(identity);
  roster('name: web');
  const listed = await run('plan');
  expect(listed.code).toBe(0);
  expect(listed.stdout).toContain('--prune removes it');
  const pruned = await apply('--prune');
  expect(pruned).toMatchObject({ code: 0, stderr: expect.not.stringContaining('failed') });
  expect(sessions()).toEqual(['_holder', 'gone-long', 'web']);
  expect(['web', 'gone-long', '_holder'].map(identity)).toEqual(others);
  expect(Object.keys(owned().owned).filter((key) => key.includes('gone'))).toEqual([]);
  expect((await run('plan', '--prune')).stdout).toMatch(/^No changes/);
});

test('an inventory that was lost: nothing goes until it was adopted', async () => {
  roster('name: web', 'name: gone');
  await apply();
  const path = inventoryPath(bench.home, 'w-jarvis', 'ours');
  execFileSync('rm', [path]);
  roster('name: web');
  const refused = await apply('--prune');
  expect(refused.code).toBe(4);
  expect(refused.stdout).toContain('blocked by not-ours (orphan-session)');
  expect(refused.stdout).toContain("if it is this fleet's, then: fleet adopt -f ");
  expect(sessions()).toContain('gone');
  expect((await run('adopt', 'gone', '-y')).code).toBe(0);
  expect((await apply('--prune')).code).toBe(0);
  expect(sessions()).toEqual(['_holder', 'web']);
});

test("a session of an agent's exact name is adopted: marked, recorded, untouched; then it is fleet's", async () => {
  roster('name: web');
  tmux('new-session', '-d', '-s', 'web-long', 'sleep 1000000');
  tmux('new-session', '-d', '-s', 'web', '-c', bench.directory, 'exec sleep 1000000');
  const before = identity('web');
  const blocked = await run('plan');
  expect(blocked.code).toBe(4);
  expect(blocked.stdout).toContain('not-adopted');
  const adopted = await run('adopt', 'session/web', '-y');
  expect(adopted).toMatchObject({ code: 0, stderr: '' });
  expect(adopted.stdout).toContain('done     w-jarvis/jarvis/session/web');
  expect(identity('web')).toBe(before);
  expect(mark('web')).toMatch(/^ours\/web\/\d+\/\$\d+\/\d+$/);
  expect(mark('web-long')).toBe('');
  expect(owned().owned['session/web']).toMatchObject({ how: 'adopted', state: 'made' });
  expect(owned().sessions['web']?.spec).toBeNull();
  const plan = await run('plan');
  expect(plan.stdout).toContain('spec-unknown');
  expect(plan.stdout).toMatch(/session\/web env-mismatch/);
  expect(plan.stdout).not.toContain('restart');
  expect((await apply()).code).toBe(0);
  expect(identity('web')).toBe(before);
  expect((await run('plan')).stdout).toMatch(/^No changes/);
  expect((await run('adopt', 'session/web', '-y')).stdout).toContain('ours already');
});

test('forgotten: the mark goes and nothing else; on the roster it needs adopting, off it nobody removes it', async () => {
  roster('name: web', 'name: gone');
  await apply();
  const before = ['web', 'gone'].map(identity);
  expect((await run('forget', 'web')).code).toBe(0);
  expect(mark('web')).toBe('');
  expect((await run('plan')).stdout).toContain('not-adopted');
  expect((await run('adopt', 'web', '-y')).code).toBe(0);
  expect((await run('plan')).code).toBe(0);
  roster('name: web');
  expect((await run('forget', 'gone')).code).toBe(0);
  expect((await apply('--prune')).code).toBe(0);
  expect(sessions()).toContain('gone');
  expect(['web', 'gone'].map(identity)).toEqual(before);
  expect((await run('forget', 'gone')).code).toBe(0);
});

test('protected until it is forgotten, on the roster and off it', async () => {
  roster('name: web', 'name: gone, protect: true');
  await apply();
  roster('name: web');
  const refused = await apply('--prune');
  expect(refused.code).toBe(4);
  expect(refused.stdout).toContain('blocked by protect');
  expect(refused.stdout).toContain('fleet forget -f ');
  expect(sessions()).toContain('gone');
  roster('name: web', 'name: gone, protect: false');
  expect((await apply()).code).toBe(0);
  roster('name: web');
  expect((await apply('--prune')).code).toBe(0);
  expect(sessions()).toEqual(['_holder', 'web']);
});

test('refused, with the reason and what helps', async () => {
  roster('name: web');
  await apply();
  tmux('new-session', '-d', '-s', 'stranger', 'sleep 1000000');
  tmux('new-session', '-d', '-s', 'theirs', 'sleep 1000000');
  const [pid, id, created] = identity('theirs').split(' ');
  tmux('set-option', '-t', '=theirs:', '@fleet_mark', `another/theirs/${pid}/${id}/${created}`);
  const codes = async (...argv: readonly string[]) => (await run(...argv)).code;
  expect(await codes('adopt', 'session/stranger', '-y')).toBe(4);
  expect(await codes('adopt', 'session/_holder', '-y')).toBe(4);
  roster('name: web', 'name: theirs');
  const other = await run('adopt', 'session/theirs', '-y');
  expect(other.code).toBe(4);
  expect(other.stdout).toContain('refused by other-owner');
  expect(await codes('adopt', 'nobody', '-y')).toBe(64);
  expect(await codes('adopt', 'we', '-y')).toBe(64);
  expect(await codes('adopt', 'session/web')).toBe(64);
  expect(await codes('adopt', 'linger/jarvis', '-y')).toBe(64);
  const json = await run('adopt', 'session/theirs', '-y', '--json');
  expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'fleet.adopt', adopted: [], exit_code: 4 });
});

test("tmux's guard: a session that was made anew since the look is not marked", async () => {
  roster('name: web');
  tmux('new-session', '-d', '-s', 'other', 'sleep 1000000');
  tmux('new-session', '-d', '-s', 'web', 'sleep 1000000');
  const { fleet } = await import('../../src/cli/fleet.ts');
  const racing: RunProgram = (program, args, options) => {
    if (args.includes('if-shell')) {
      tmux('kill-session', '-t', '=web');
      tmux('new-session', '-d', '-s', 'web', 'sleep 1000000');
    }
    return inPrivate(program, args, options);
  };
  const { context, ran } = bench.context({ run: racing, env: env(), now: Date.now });
  const result = ran(await fleet(['adopt', '-y', 'web', '-f', join(bench.directory, 'fleet.yaml')], context));
  expect(result.code).toBe(5);
  expect(mark('web')).toBe('');
  expect(owned().owned).toEqual({});
});
