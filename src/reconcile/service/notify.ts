/**
 * What the controller tells systemd (sd_notify(3)), through `systemd-notify`: Node has no datagram Unix sockets, and a
 * child every half a minute costs less than an addon to be built. Not run by systemd, nothing is told.
 */
import type { RunProgram } from '../../observe/run.ts';

export interface ServiceNotifier {
  /** Whether somebody listens. */
  readonly listening: boolean;
  /** Milliseconds within which `alive` must be told; null: nobody watches. */
  readonly watchdogMs: number | null;
  readonly ready: (status: string) => Promise<void>;
  /** Sent at most thrice in the watchdog's time, with the status; to be called as often as anything goes on. */
  readonly alive: (status: string) => Promise<void>;
  readonly reloading: () => Promise<void>;
  readonly stopping: (status: string) => Promise<void>;
}

export interface NotifyPorts {
  readonly run: RunProgram;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** A message that could not be sent; nothing hangs on it but the watchdog. */
  readonly onFailure: (detail: string) => void;
}

const DEADLINE_MS = 10_000;

export function serviceNotifier(ports: NotifyPorts): ServiceNotifier {
  const socket = ports.env['NOTIFY_SOCKET'] ?? '';
  const watchdogMs = socket === '' ? null : watchdogOf(ports.env, ports.pid);
  /** When the watchdog was fed, which begins with being ready. Nothing else that is told feeds it. */
  let fed = Number.NEGATIVE_INFINITY;
  const send = async (...messages: readonly string[]): Promise<void> => {
    if (socket === '') return;
    // The run port passes the socket on to no child but this one.
    const env = { NOTIFY_SOCKET: socket };
    const sent = await ports.run('systemd-notify', messages, { deadlineMs: DEADLINE_MS, env });
    if (sent.kind === 'failed') ports.onFailure(sent.detail);
    else if (sent.code !== 0) ports.onFailure(`systemd-notify ended with ${sent.code}: ${sent.stderr.trim()}`);
  };
  return {
    listening: socket !== '',
    watchdogMs,
    ready: (status) => {
      fed = ports.now();
      return send('READY=1', statusLine(status));
    },
    alive: async (status) => {
      if (watchdogMs === null || ports.now() - fed < watchdogMs / 3) return;
      fed = ports.now();
      await send('WATCHDOG=1', statusLine(status));
    },
    reloading: () => send('STATUS=reading the roster again'),
    stopping: (status) => send('STOPPING=1', statusLine(status)),
  };
}

/** sd_watchdog_enabled(3): microseconds, and for this process alone where it names one. */
function watchdogOf(env: NotifyPorts['env'], pid: number): number | null {
  const named = env['WATCHDOG_PID'];
  if (named !== undefined && named !== '' && Number(named) !== pid) return null;
  const microseconds = Number(env['WATCHDOG_USEC'] ?? Number.NaN);
  return Number.isFinite(microseconds) && microseconds > 0 ? microseconds / 1_000 : null;
}

const statusLine = (status: string): string => `STATUS=${status.replace(/[\r\n]+/g, ' ')}`;
