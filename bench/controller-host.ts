/** What the parts of the controller's bench share on the host: its fleet, its process, and waiting for what it does. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, type FSWatcher, openSync, readFileSync, readSync, watch } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';

export const HOME = userInfo().homedir;
export const STATE = `${HOME}/.local/state/fleet/${hostname()}/bench`;
const FLEET = '/opt/fleet/fleet.cjs';

/** Milliseconds, monotonic. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

export function systemctl(...args: readonly string[]): string {
  return execFileSync('systemctl', ['--user', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Started anew, for this roster, with no counters of an earlier part; resolves when its first look is decided on. */
export function startController(roster: string): number {
  for (const file of ['counters.json', 'events.jsonl']) spawnSync('rm', ['-f', `${STATE}/${file}`]);
  spawnSync('systemctl', ['--user', 'stop', 'fleet.service']);
  execFileSync(process.execPath, [FLEET, 'install', '-f', roster], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (spawnSync('systemctl', ['--user', 'is-active', '--quiet', 'fleet.service']).status !== 0) {
    systemctl('start', 'fleet.service');
  }
  return Number(systemctl('show', '-P', 'MainPID', 'fleet.service'));
}

export function stopController(): void {
  systemctl('stop', 'fleet.service');
}

export interface Lines {
  /** The next line, and when it was seen. */
  readonly next: (matches: (line: string) => boolean) => Promise<{ readonly line: string; readonly at: number }>;
  readonly close: () => void;
}

/** Follows a file that others append lines to, from its end on. */
export function followLines(path: string): Lines {
  let fd: number | null = null;
  let rest = '';
  const seen: { line: string; at: number }[] = [];
  const waiting: { matches: (line: string) => boolean; resolve: (found: { line: string; at: number }) => void }[] = [];
  const buffer = Buffer.alloc(64 * 1024);
  const deliver = (): void => {
    for (const wish of [...waiting]) {
      const index = seen.findIndex(({ line }) => wish.matches(line));
      const [found] = index < 0 ? [] : seen.splice(index, 1);
      if (found === undefined) continue;
      waiting.splice(waiting.indexOf(wish), 1);
      wish.resolve(found);
    }
  };
  const read = (): void => {
    const at = now();
    if (fd === null && existsSync(path)) fd = openSync(path, 'r');
    if (fd === null) return;
    for (let count = -1; count !== 0; ) {
      count = readSync(fd, buffer, 0, buffer.length, null);
      rest += buffer.toString('utf8', 0, count);
    }
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) seen.push({ line, at });
    deliver();
  };
  read();
  seen.length = 0;
  const watcher: FSWatcher = watch(dirname(path), read);
  return {
    next: (matches) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`bench: waited in vain for a line in ${path}`)), 60_000);
        const found = (line: { line: string; at: number }): void => {
          clearTimeout(late);
          resolve(line);
        };
        waiting.push({ matches, resolve: found });
        read();
      }),
    close: () => watcher.close(),
  };
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds of processor time that a process and the children that it waited for have used. */
export function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime, stime, cutime, cstime in ticks of 10 ms; fields 14 to 17, counted from 1.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

/** Of programs that are run to their end, one after the other: milliseconds of processor time each. */
export function cpuOfRuns(argv: readonly string[], runs: number): number {
  const script =
    'import resource, subprocess, sys\n' +
    'for _ in range(int(sys.argv[1])): subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, check=True)\n' +
    'used = resource.getrusage(resource.RUSAGE_CHILDREN)\n' +
    'print((used.ru_utime + used.ru_stime) * 1000 / int(sys.argv[1]))\n';
  return Number(execFileSync('python3', ['-c', script, String(runs), ...argv], { encoding: 'utf8' }));
}

export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) / 1024;
}

export function millisecondsOf(argv: readonly string[]): number {
  const started = now();
  const [program = '', ...args] = argv;
  const { status } = spawnSync(program, args, { stdio: 'ignore' });
  if (status !== 0) throw new Error(`bench: ${argv.join(' ')} ended with ${status}`);
  return now() - started;
}
