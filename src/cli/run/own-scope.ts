/**
 * Keeps what the controller starts out of the controller's own control group. With supervisor none fleet itself brings up
 * the tmux server, and a server that was forked inside fleet.service would count to it: its memory, its limits, its
 * end. A scope of its own is what systemd has for that.
 */
import { readFileSync } from 'node:fs';
import type { RunProgram } from '../../observe/run.ts';
import { parseCgroup } from '../../observe/tmux/listeners.ts';

/** `cgroup`: of this process, null where it is not known. */
export function inScopeOfItsOwn(run: RunProgram, launcherPath: string, cgroup: string | null): RunProgram {
  if (cgroup === null || !/\.service$/.test(cgroup)) return run;
  return (program, args, options) => {
    const startsServer = program === '/bin/sh' && args[0] === launcherPath && args[1] === 'holder';
    if (!startsServer) return run(program, args, options);
    const scope = [
      '--user',
      '--scope',
      '--quiet',
      '--collect',
      '--slice=app.slice',
      '--description=tmux server of a fleet',
    ];
    return run('systemd-run', [...scope, '--', program, ...args], options);
  };
}

export function ownCgroup(): string | null {
  try {
    return parseCgroup(readFileSync('/proc/self/cgroup', 'utf8'));
  } catch {
    return null;
  }
}
