/** Real tmux servers of a test's own, under a TMUX_TMPDIR of its own, ended by pid whatever happens. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const uid = process.getuid?.() ?? 0;

export interface PrivateTmux {
  /** TMUX_TMPDIR. */
  readonly base: string;
  /** The directory of the sockets. */
  readonly directory: string;
  /** Runs tmux without the user's configuration; throws where it fails. */
  tmux(socket: string, ...args: readonly string[]): string;
  serverPid(socket: string): number;
  end(): void;
}

export function privateTmux(): PrivateTmux {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-tmux-')));
  const { TMUX: _, TMUX_PANE: __, ...inherited } = process.env;
  const env = { ...inherited, TMUX_TMPDIR: base };
  const tmux = (socket: string, ...args: readonly string[]) =>
    execFileSync('tmux', ['-u', '-L', socket, '-f', '/dev/null', ...args], { env, encoding: 'utf8', cwd: '/' });
  const directory = `${base}/tmux-${uid}`;
  return {
    base,
    directory,
    tmux,
    serverPid: (socket) => Number(tmux(socket, 'display-message', '-p', '#{pid}')),
    end() {
      for (const pid of serversUnder(directory)) endServer(pid);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Sockets may have been deleted, so the servers are found by what they listen on. */
function serversUnder(directory: string): readonly number[] {
  const inodes = new Map<string, string>();
  for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
    const [, , , , , , inode, path] = line.trim().split(/\s+/);
    if (path?.startsWith(`${directory}/`)) inodes.set(`socket:[${inode}]`, path);
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && holdsOne(name, inodes))
    .map(Number);
}

function holdsOne(pid: string, inodes: ReadonlyMap<string, string>): boolean {
  try {
    if (!readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('tmux: server')) return false;
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
}

function endServer(pid: number): void {
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).stdout;
  for (const child of [
    pid,
    ...children
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(Number),
  ]) {
    try {
      process.kill(child, 'SIGCONT');
      process.kill(child, 'SIGKILL');
    } catch {
      // Gone with its server.
    }
  }
}

/** Polls until `read` gives something, for at most 10 s. */
export async function eventually<T>(what: string, read: () => T | null | undefined | false): Promise<T> {
  const end = Date.now() + 25_000;
  for (;;) {
    const value = read();
    if (value !== null && value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`${what}: not within 25 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
