/** Processes that have ended and that nobody has counted yet: kill(2) finds them, and they are no reason to wait or to fail. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeAgent } from '../spec/make-agent.ts';
import { eventually, isGone, OWNER, openPrivateFleet, type PrivateFleet } from './private-fleet.ts';

/**
 * The pane's process has a helper in a group of its own, which no signal to the pane's groups meets. The helper's child leads
 * the terminal's foreground group, ends, and is not waited for; with `left` a child of that one lives on in the group.
 */
const script = (left: boolean): string => `
import os, signal, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
ready, told = os.pipe()
helper = os.fork()
if helper == 0:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.setpgid(0, 0)
    gate, opened = os.pipe()
    leader = os.fork()
    if leader == 0:
        os.setpgid(0, 0)
        other = 0
        if ${left ? 'True' : 'False'}:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            other = os.fork()
            if other == 0:
                while True: time.sleep(1)
        os.write(told, f"{os.getppid()} {os.getpid()} {other}".encode())
        os.read(gate, 1)
        os._exit(0)
    while not os.path.exists("foreground"): time.sleep(0.01)
    os.write(opened, b"x")
    while True: time.sleep(1)
text = os.read(ready, 99).decode()
os.tcsetpgrp(0, int(text.split()[1]))
open("foreground", "w").close()
with open("new", "w") as file: file.write(text)
os.rename("new", "pids")
while True: time.sleep(1)
`;

let fleet: PrivateFleet;
beforeEach(() => {
  fleet = openPrivateFleet();
});
afterEach(() => fleet.close());

const isZombie = (pid: number): boolean => /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

/** Other people's processes, which are looked through for members of the group; given when all of them are there. */
function crowd(count: number): { readonly there: Promise<unknown>; readonly disperse: () => void } {
  const forks = `for _ in range(${count}):\n    if os.fork() == 0: break\nelse: print("all", flush=True)`;
  const child = spawn('python3', ['-c', `import os, signal\n${forks}\nsignal.pause()`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const there = new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('the processes could not be made')));
  });
  return { there, disperse: () => child.pid !== undefined && end(-child.pid) };
}

/** Also of one that has ended. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

test.each([
  ['whose leader is a zombie has ended', false, 0],
  ['in which others live beside such a leader is ended', true, 0],
  ['is ended no later where two thousand other processes live', true, 2_000],
])('a stop: a group %s', async (_what, left, others) => {
  fleet.install(makeAgent({ name: 'a1', argv: ['python3', '-c', script(left)], workingDirectory: '~' }));
  await fleet.launch('holder', OWNER, '_holder', 'default');
  await fleet.launch('start', 'a1');
  const told = join(fleet.home, 'pids');
  const pids = await eventually(
    () => (existsSync(told) ? readFileSync(told, 'utf8').split(' ').map(Number) : []),
    isFull,
  );
  const [helper = 0, leader = 0, other = 0] = pids;
  const { there, disperse } = crowd(others);
  try {
    await there;
    await eventually(() => isZombie(leader), Boolean);
    expect(await fleet.launch('stop', 'a1')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect([isZombie(leader), isGone(helper)]).toEqual([true, false]);
    if (left) expect(isGone(other)).toBe(true);
  } finally {
    disperse();
    end(helper);
  }
});

function isFull(pids: readonly number[]): boolean {
  return pids.length > 0;
}
