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

/** Other people's processes, which are looked through for members of the group. */
function crowd(count: number): () => void {
  const forks = `import os, signal\nfor _ in range(${count}):\n    if os.fork() == 0: break\nsignal.pause()`;
  const { pid } = spawn('python3', ['-c', forks], { detached: true, stdio: 'ignore' });
  return () => {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  };
}

test.each([
  ['whose leader is a zombie has ended', false, 0],
  ['in which others live beside such a leader is ended', true, 0],
  ['is ended no later where two thousand other processes live', true, 2_000],
])('a stop: a group %s', async (_what, left, others) => {
  const disperse = others === 0 ? () => {} : crowd(others);
  fleet.install(makeAgent({ name: 'a1', argv: ['python3', '-c', script(left)], workingDirectory: '~' }));
  await fleet.launch('holder', OWNER, '_holder', 'default');
  await fleet.launch('start', 'a1');
  const told = join(fleet.home, 'pids');
  const pids = await eventually(
    () => (existsSync(told) ? readFileSync(told, 'utf8').split(' ').map(Number) : []),
    isFull,
  );
  const [helper = 0, leader = 0, other = 0] = pids;
  try {
    await eventually(() => isZombie(leader), Boolean);
    expect(await fleet.launch('stop', 'a1')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect([isZombie(leader), isGone(helper)]).toEqual([true, false]);
    if (left) expect(isGone(other)).toBe(true);
  } finally {
    process.kill(helper, 'SIGKILL');
    disperse();
  }
});

function isFull(pids: readonly number[]): boolean {
  return pids.length > 0;
}
