/** `tmux-server/SOCKET`: bring the server up, its holder session back, or its deleted socket file. Never ends one. */

import { dirname } from 'node:path';
import { fleetCommand } from '../../diff/command-line.ts';
import type { Change } from '../../diff/plan.ts';
import type { Observed } from '../../observe/state.ts';
import { ok, type Result } from '../../spec/result.ts';
import { MARK_OPTION, sessionMarkFormat } from '../../spec/session-mark.ts';
import type { EffectContext } from '../context.ts';
import {
  asWanted,
  type Effect,
  type EffectResult,
  made,
  noEffect,
  notAsWanted,
  refused,
  type Verdict,
} from '../effect.ts';
import { type Failure, failure } from '../outcome.ts';
import { socketOf } from '../precondition.ts';
import { serverSeen, sessionSeen, socketLabel, unitSeen } from '../seen.ts';
import { launch } from './launcher.ts';
import { lookBefore } from './look.ts';
import { pollObserved } from './poll.ts';
import { ending, words } from './programs.ts';
import { holderMayRestart } from './server-safety.ts';
import { tmux } from './tmux.ts';
import { systemctl } from './user-systemd.ts';

/** A server makes its socket again, or comes up, within milliseconds; a loaded host takes longer. Milliseconds. */
const DEADLINE_MS = 10_000;

export const tmuxServer: Effect = async (ctx, change) => {
  const before = await lookBefore(ctx, change);
  if (before.result !== 'go') return before.ended;
  const socket = socketOf(ctx, change);
  switch (change.action) {
    case 'start':
    case 'restart':
      return bringUp(ctx, change, socket, before.seen);
    case 'create':
      return createHolder(ctx, change, socket);
    case 'signal':
      return signalServer(ctx, change, socket, before.seen);
    case 'stop':
    case 'enable':
    case 'disable':
    case 'update':
    case 'reload':
    case 'destroy':
      return noEffect(change);
  }
};

async function bringUp(ctx: EffectContext, change: Change, socket: string, seen: Observed): Promise<EffectResult> {
  const unsafe = holderMayRestart(ctx, seen, socket);
  if (unsafe !== null) return refused(unsafe);
  const done = holderUnitKeeps(ctx, socket) ? await startHolderUnit(ctx, seen) : await launchHolder(ctx, socket);
  return done.ok ? made(() => verifyHolder(ctx, change, socket)) : refused(done.error);
}

/** In layout mosaic the unit knows the roster's own socket only. */
function holderUnitKeeps(ctx: EffectContext, socket: string): boolean {
  if (!ctx.systemd) return false;
  return ctx.launcher || socket === socketLabel(ctx.roster.tmux.socketName);
}

async function startHolderUnit(ctx: EffectContext, seen: Observed): Promise<Result<unknown, Failure>> {
  const { holderUnit } = ctx.layout;
  const state = unitSeen(seen, holderUnit)?.active_state;
  if (state === 'failed') {
    const reset = await systemctl(ctx, ['reset-failed', '--', holderUnit]);
    if (!reset.ok) return reset;
  }
  // Its being active says that it once ran, not that anything lives: a start of an active unit does nothing.
  return systemctl(ctx, [state === 'active' ? 'restart' : 'start', '--', holderUnit]);
}

function launchHolder(ctx: EffectContext, socket: string): Promise<Result<unknown, Failure>> {
  return launch(ctx, ['holder', ctx.roster.fleet, ctx.roster.tmux.holderSession, socket]);
}

async function createHolder(ctx: EffectContext, change: Change, socket: string): Promise<EffectResult> {
  const done = ctx.launcher ? await launchHolder(ctx, socket) : await newHolder(ctx, socket);
  return done.ok ? made(() => verifyHolder(ctx, change, socket)) : refused(done.error);
}

/** Layout mosaic: fleet's launcher is not installed there. Marked in the call that makes it. */
async function newHolder(ctx: EffectContext, socket: string): Promise<Result<null, Failure>> {
  const { holderSession } = ctx.roster.tmux;
  const create = ['new-session', '-d', '-s', holderSession, '-c', ctx.user.home, '-x', '80', '-y', '24'];
  const mark = sessionMarkFormat(ctx.roster.fleet, holderSession);
  const option = [';', 'set-option', '-t', `=${holderSession}:`];
  // Two words of command are executed directly, one would go through a shell. The user's own destroy-unattached would
  // end it at once.
  const args = [
    ...create,
    'sleep',
    'infinity',
    ...option,
    'destroy-unattached',
    'off',
    ...option,
    '-F',
    MARK_OPTION,
    mark,
  ];
  const result = await tmux(ctx, socket, args);
  if (result.kind === 'exited' && result.code === 0) return ok(null);
  const detail = `tmux new-session -s ${holderSession}: ${ending(result)}`;
  return {
    ok: false,
    error: failure('holder-not-made', 'The holder session could not be made', detail, null, words(result)),
  };
}

async function verifyHolder(ctx: EffectContext, change: Change, socket: string): Promise<Verdict> {
  const { holderSession } = ctx.roster.tmux;
  let last = '';
  const verdict = await pollObserved(ctx, agentsOf(change), DEADLINE_MS, (seen) => {
    const found = sessionSeen(seen, socket, holderSession);
    if (found.state === 'present')
      return asWanted(`server ${found.server.pid} of ${socket} has session ${holderSession}`);
    last = found.state === 'unknown' ? found.detail : `${socket} has no session ${holderSession}`;
    return null;
  });
  return verdict ?? notAsWanted(failure('server-not-up', 'The tmux server did not come up with its holder', last));
}

/** SIGUSR1 makes a tmux server create its socket again. */
async function signalServer(ctx: EffectContext, change: Change, socket: string, seen: Observed): Promise<EffectResult> {
  const server = serverSeen(seen, socket);
  const [only, ...others] = server?.listening ?? [];
  if (server === undefined || only === undefined || others.length > 0) {
    const detail = `${others.length + (only === undefined ? 0 : 1)} servers listen on socket ${socket}`;
    return refused(
      failure(
        'no-such-server',
        'There is not exactly one server to signal',
        detail,
        `look again: ${fleetCommand(ctx.roster, 'plan')}`,
      ),
    );
  }
  const directory = ctx.ports.files.makeDirectory(dirname(server.path), 0o700);
  if (!directory.ok) return refused(directory.error);
  const { processes } = ctx.ports;
  if (processes.startTime(only.pid) !== only.start_time) {
    return refused(
      failure(
        'server-gone',
        'The server to be signalled is gone',
        `pid ${only.pid}`,
        `look again: ${fleetCommand(ctx.roster, 'plan')}`,
      ),
    );
  }
  if (!processes.signal(only.pid, 'SIGUSR1', { group: false })) {
    return refused(failure('signal-refused', 'The server could not be signalled', `SIGUSR1 to pid ${only.pid}`));
  }
  return made(() => verifyAnswers(ctx, change, socket, only.pid));
}

async function verifyAnswers(ctx: EffectContext, change: Change, socket: string, pid: number): Promise<Verdict> {
  let last = '';
  const verdict = await pollObserved(ctx, agentsOf(change), DEADLINE_MS, (seen) => {
    const state = serverSeen(seen, socket)?.server;
    if (state?.state === 'running' && state.pid === pid) return asWanted(`server ${pid} answers on ${socket} again`);
    last = state?.state === 'unknown' ? `${state.detail} (${state.why})` : `it is ${state?.state ?? 'not looked at'}`;
    return null;
  });
  return verdict ?? notAsWanted(failure('server-not-answering', 'The tmux server does not answer still', last));
}

const agentsOf = (change: Change): readonly string[] => (change.agent === null ? [] : [change.agent]);
