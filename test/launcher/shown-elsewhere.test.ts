/** Windows that another session shows too: linked into the agent's session, or its own window in a group or linked away. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeAgent } from '../spec/make-agent.ts';
import { cmdline, eventually, isGone, OWNER, openPrivateFleet, type PrivateFleet } from './private-fleet.ts';

let fleet: PrivateFleet;
beforeEach(async () => {
  fleet = openPrivateFleet();
  for (const name of ['a1', 'a2']) fleet.install(makeAgent({ name, argv: ['sleep', '1000'] }));
  await fleet.launch('holder', OWNER, '_holder', 'default');
  await fleet.launch('start', 'a1');
  await fleet.launch('start', 'a2');
});
afterEach(async () => {
  await fleet.close();
});

const DONE = { code: 0, stdout: '', stderr: '' };
const DEAF = ['sh', '-c', "trap '' HUP; while :; do sleep 0.2; done"];

async function tmux(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await fleet.tmux(...words);
  if (code !== 0) throw new Error(`tmux ${words.join(' ')}: ${stderr}`);
  return stdout.trimEnd();
}
/** Of each pane of the session, in the order of its windows. */
async function pidsIn(name: string): Promise<readonly number[]> {
  return (await tmux('list-panes', '-s', '-t', `=${name}:`, '-F', '#{pane_pid}')).split('\n').map(Number);
}
async function pidOf(name: string): Promise<number> {
  const [pid = 0] = await pidsIn(name);
  return eventually(
    () => pid,
    () => cmdline(pid)[0] === 'sleep',
  );
}
const sessions = async () => (await tmux('list-sessions', '-F', '#{session_name}')).split('\n');

describe('a stop', () => {
  test("leaves a person's window and another agent's, linked into the session, as they are", async () => {
    const pid = await pidOf('a1');
    await tmux('new-session', '-d', '-s', 'mywork', 'sleep', '99');
    await tmux('link-window', '-d', '-s', '=mywork:0', '-t', '=a1:5');
    await tmux('link-window', '-d', '-s', '=a2:0', '-t', '=a1:6');
    const others = [await pidsIn('mywork'), await pidsIn('a2')];
    expect(await fleet.launch('stop', 'a1')).toEqual(DONE);
    expect(isGone(pid)).toBe(true);
    expect(await sessions()).toEqual(['_holder', 'a2', 'mywork']);
    expect([await pidsIn('mywork'), await pidsIn('a2')]).toEqual(others);
    expect(others.flat().map(isGone)).toEqual([false, false]);
  });

  test('ends the agent though a group shows its window too and was used last, and leaves what else that shows', async () => {
    const pid = await pidOf('a1');
    await tmux('new-session', '-d', '-t', '=a1', '-s', 'view');
    await tmux('new-window', '-d', '-t', '=view:', 'sleep', '99');
    const [, mine = 0] = await pidsIn('view');
    expect(await fleet.launch('stop', 'a1')).toEqual(DONE);
    expect([isGone(pid), isGone(mine)]).toEqual([true, false]);
    expect(await sessions()).toEqual(['_holder', 'a2', 'view']);
  });

  test('ends what outlives the session in a pane that nobody else shows, beside one that somebody does', async () => {
    await tmux('new-session', '-d', '-s', 'mywork', ...DEAF);
    await tmux('link-window', '-d', '-s', '=mywork:0', '-t', '=a1:5');
    await tmux('split-window', '-d', '-t', '=a1:0', ...DEAF);
    const [, beside = 0, linked = 0] = await pidsIn('a1');
    expect(await fleet.launch('stop', 'a1')).toEqual(DONE);
    expect([isGone(beside), isGone(linked)]).toEqual([true, false]);
  });

  test.each([
    ['is not marked', ['set-option', '-u', '-t', '=a1:', '@fleet_pane']],
    ['is gone', ['kill-window', '-t', '=a1:0']],
  ])("takes no window of somebody else's for the agent's where that %s", async (_, words) => {
    // Older than the agent's.
    await tmux('link-window', '-d', '-s', '=_holder:0', '-t', '=a1:5');
    const [holder = 0] = await pidsIn('_holder');
    await tmux(...words);
    expect(await fleet.launch('stop', 'a1')).toEqual(DONE);
    expect(isGone(holder)).toBe(false);
    expect(await sessions()).toEqual(['_holder', 'a2']);
  });
});

test('a start replaces an agent that has ended, though a group shows its window too and was used last', async () => {
  await tmux('new-session', '-d', '-t', '=a1', '-s', 'view');
  process.kill(await pidOf('a1'), 'SIGKILL');
  await eventually(
    () => tmux('display-message', '-p', '-t', '=a1:', '#{pane_dead}'),
    (dead) => dead === '1',
  );
  expect(await fleet.launch('start', 'a1')).toEqual(DONE);
  expect(isGone(await pidOf('a1'))).toBe(false);
});
