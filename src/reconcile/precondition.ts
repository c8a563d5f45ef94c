/**
 * The last look before an effect, judged: may it still be made? Pure. Already as wanted, it is skipped; otherwise than
 * planned, it is stale and left alone; not readable, nothing is done. Source: docs/planning-rules.md, "Order".
 */
import { forcingCommand, sharedTold } from '../diff/deferral.ts';
import { formerAgent } from '../diff/heartbeat.ts';
import { liveness } from '../diff/liveness.ts';
import { agentPane } from '../diff/pane.ts';
import type { Change, Precondition, ServerIdentity, SessionIdentity } from '../diff/plan.ts';
import type { Observed, TmuxSession, UnitObserved } from '../observe/state.ts';
import { parseAddress } from '../spec/address.ts';
import type { EffectContext } from './context.ts';
import { type JudgeContext, judgeSession } from './judge-session.ts';
import { sameServer, sameSession, serverSeen, sessionOf, sessionSeen, socketLabel, unitSeen } from './seen.ts';

export type Check =
  | { readonly check: 'holds' }
  | {
      readonly check: 'already-satisfied' | 'stale' | 'unknown' | 'deferred-busy' | 'deferred-attached';
      /** What was read, and what the plan had. */
      readonly detail: string;
    };

export type CheckContext = JudgeContext & Pick<EffectContext, 'agents' | 'layout'>;

const HOLDS: Check = { check: 'holds' };
const stale = (detail: string): Check => ({ check: 'stale', detail });
const unknown = (detail: string): Check => ({ check: 'unknown', detail });
const satisfied = (detail: string): Check => ({ check: 'already-satisfied', detail });

/** Files are not judged here but by their effects, which compare the very bytes that they are about to replace. */
export function evaluatePrecondition(ctx: CheckContext, change: Change, seen: Observed): Check {
  for (const fact of FACTS) {
    const check = fact(ctx, change, seen);
    if (check.check !== 'holds') return check;
  }
  return HOLDS;
}

type Fact = (ctx: CheckContext, change: Change, seen: Observed) => Check;

const FACTS: readonly Fact[] = [sessionFact, nameFact, serverFact, processFact, unitFact, lingerFact, reloadFact];

/** The socket that a change is about: as the plan saw it, else the agent's, else the roster's. */
export function socketOf(ctx: Pick<EffectContext, 'agents' | 'roster'>, change: Change): string {
  const { session, server } = change.precondition;
  if (change.kind === 'tmux-server') return parseAddress(change.address)?.name ?? '';
  const agent = ctx.agents.find((a) => a.name === change.agent);
  // An agent's null is the default server, not the roster's.
  const own = socketLabel(agent === undefined ? ctx.roster.tmux.socketName : agent.socket);
  return session?.server.socket ?? server?.socket ?? own;
}

/** The session that a change is about: the agent's, or the holder's. */
export function sessionNameOf(ctx: Pick<EffectContext, 'roster'>, change: Change): string {
  if (change.kind === 'tmux-server') return ctx.roster.tmux.holderSession;
  if (change.kind === 'session') return parseAddress(change.address)?.name ?? '';
  return change.agent ?? '';
}

function sessionFact(ctx: CheckContext, change: Change, seen: Observed): Check {
  // To create a holder means that there is none.
  const holder = change.kind === 'tmux-server' && change.action === 'create';
  const wanted = holder ? null : change.precondition.session;
  if (wanted === undefined) return HOLDS;
  const name = sessionNameOf(ctx, change);
  const found = sessionSeen(seen, socketOf(ctx, change), name);
  if (found.state === 'unknown') return unknown(found.detail);
  if (wanted === null) return found.state === 'absent' ? HOLDS : appeared(ctx, change, seen, found.session);
  const now = sessionOf(seen, wanted)?.name ?? name;
  if (now !== name) return stale(`session ${name} (${wanted.id}) is called ${now} by now`);
  if (found.state === 'absent') {
    if (change.action === 'stop' || change.action === 'destroy') return satisfied(`session ${name} is gone already`);
    return stale(`session ${name} (${wanted.id}) is gone`);
  }
  const differs = sessionDiffers(wanted, found.server, found.session) ?? markDiffers(change, found.session);
  if (differs === null) return runsFact(ctx, change, seen, found.session);
  // Somebody else repaired it meanwhile: the session that is there now is as it should be.
  if (change.action === 'restart' && rightNow(ctx, change, seen))
    return satisfied(`session ${name} was replaced already`);
  return stale(differs);
}

/** An orphan's unit: what its stop would end is not its own session any more. */
function nameFact(_ctx: CheckContext, change: Change, seen: Observed): Check {
  const sockets = change.precondition.no_session_on ?? [];
  const { tmux } = seen.sources;
  if (sockets.length > 0 && tmux.status === 'unknown') return unknown(`tmux: ${tmux.detail} (${tmux.why})`);
  for (const socket of sockets) {
    const found = sessionSeen(seen, socket, change.agent ?? '');
    // A socket that nobody uses any more is not looked at.
    if (found.state === 'unknown' && serverSeen(seen, socket) !== undefined) return unknown(found.detail);
    if (found.state === 'present') {
      const { id, name } = found.session;
      return stale(`a session ${name} (${id}) is on socket ${socket}: stopping the unit would end it`);
    }
  }
  return HOLDS;
}

function appeared(ctx: CheckContext, change: Change, seen: Observed, session: TmuxSession): Check {
  if (change.kind === 'tmux-server') return satisfied(`session ${session.name} is there already (${session.id})`);
  if (rightNow(ctx, change, seen)) return satisfied(`session ${session.name} runs already (${session.id})`);
  if (ranAndEnded(ctx, change, seen)) return satisfied(`${session.name} ran already, and ended well (${session.id})`);
  return stale(`a session ${session.name} (${session.id}) appeared since`);
}

/** An ephemeral agent that was started since: its dead pane is kept, and it is done. */
function ranAndEnded(ctx: CheckContext, change: Change, seen: Observed): boolean {
  const agent = ctx.agents.find((a) => a.name === change.agent);
  if (agent?.lifecycle !== 'ephemeral') return false;
  const judged = judgeSession(ctx, seen, agent);
  return judged.judged === 'ended' && judged.status === 0;
}

/** What its agent's pane runs may have changed within the same session and pane: somebody went on in the shell. */
function runsFact(ctx: CheckContext, change: Change, seen: Observed, session: TmuxSession): Check {
  const aboutRuntime = change.reason === 'shell-left' || change.reason === 'runtime-mismatch';
  if (aboutRuntime && rightNow(ctx, change, seen))
    return satisfied(`session ${session.name} runs what it should by now`);
  const runs = agentPane(session)?.runs;
  if (change.reason === 'shell-left' && runs !== undefined && runs.verdict !== 'shell') {
    return stale(`the shell that was left in session ${session.name} runs something by now (${runs.verdict})`);
  }
  return interruption(ctx, change, seen, session);
}

function markDiffers({ agent }: Change, { mark, name }: TmuxSession): string | null {
  if (mark === null || agent === null || mark.agent === agent) return null;
  return `session ${name} bears the mark of ${mark.agent}, planned ${agent}`;
}

function rightNow(ctx: CheckContext, change: Change, seen: Observed): boolean {
  const agent = ctx.agents.find((a) => a.name === change.agent);
  return agent !== undefined && judgeSession(ctx, seen, agent).judged === 'right';
}

function sessionDiffers(wanted: SessionIdentity, server: ServerIdentity, session: TmuxSession): string | null {
  if (!sameServer(wanted.server, server)) {
    return `session ${session.name} lives in another server (pid ${server.pid}, planned ${wanted.server.pid})`;
  }
  if (!sameSession(wanted, server, session)) {
    return `session ${session.name} is another one (${session.id}, planned ${wanted.id})`;
  }
  const owner = session.mark?.owner ?? null;
  if (owner !== wanted.owner) return `session ${session.name} bears another mark (${owner ?? 'none'})`;
  const pane = agentPane(session);
  if ((pane?.id ?? '') !== wanted.pane) return `session ${session.name} has another pane (${pane?.id ?? 'none'})`;
  const pid = pane?.pid ?? null;
  if (pid === wanted.pane_pid) return null;
  return `pane ${wanted.pane} runs another process (${pid ?? 'none'}, planned ${wanted.pane_pid ?? 'none'})`;
}

function serverFact(ctx: CheckContext, change: Change, seen: Observed): Check {
  const wanted = change.precondition.server;
  if (wanted === undefined) return HOLDS;
  const socket = wanted?.socket ?? socketOf(ctx, change);
  const { tmux } = seen.sources;
  if (tmux.status === 'unknown') return unknown(`tmux: ${tmux.detail} (${tmux.why})`);
  const found = serverSeen(seen, socket);
  if (found === undefined) return unknown(`tmux socket ${socket} was not looked at`);
  const { server } = found;
  if (server.state === 'unknown') return unknown(`tmux socket ${socket}: ${server.detail} (${server.why})`);
  if (wanted === null) {
    if (server.state === 'absent') return HOLDS;
    const kind = change.kind === 'tmux-server' ? satisfied : stale;
    return kind(`a server runs on ${socket} since (pid ${server.pid})`);
  }
  if (server.state === 'absent') return stale(`the server of ${socket} (pid ${wanted.pid}) is gone`);
  const same = server.pid === wanted.pid && server.start === wanted.start;
  return same ? HOLDS : stale(`another server runs on ${socket} (pid ${server.pid}, planned ${wanted.pid})`);
}

/** The server to be signalled: it still listens, it is the only one, and its socket still is not there. */
function processFact(ctx: CheckContext, change: Change, seen: Observed): Check {
  const wanted = change.precondition.process;
  if (wanted === undefined) return HOLDS;
  const { tmux } = seen.sources;
  if (tmux.status === 'unknown') return unknown(`tmux: ${tmux.detail} (${tmux.why})`);
  const socket = socketOf(ctx, change);
  const found = serverSeen(seen, socket);
  if (found === undefined) return unknown(`tmux socket ${socket} was not looked at`);
  if (found.server.state === 'running') return satisfied(`the server of ${socket} answers again`);
  const [only, ...others] = found.listening;
  if (only === undefined) return stale(`nobody listens on ${found.path} any more`);
  if (others.length > 0) return stale(`${found.listening.length} servers listen on ${found.path}`);
  const same = only.pid === wanted.pid && only.start_time === wanted.start_time;
  return same ? HOLDS : stale(`another process listens on ${found.path} (pid ${only.pid}, planned ${wanted.pid})`);
}

function unitFact(ctx: CheckContext, change: Change, seen: Observed): Check {
  const { unit_file_state, active_state } = change.precondition;
  const name = unitNameOf(ctx, change) ?? 'of no name';
  const planned = unit_file_state !== undefined || active_state !== undefined;
  // Also of what was not there yet when it was planned, and so has no state to compare: it may be as wanted.
  if (!planned && change.kind !== 'unit') return HOLDS;
  const { units } = seen.sources;
  if (units.status === 'unknown') return unknown(`units: ${units.detail} (${units.why})`);
  const unit = unitSeen(seen, name);
  if (unit === undefined && change.stage === 6) return satisfied(`${name} is not loaded and linked nowhere`);
  if (unit === undefined) return planned ? unknown(`unit ${name} was not looked at`) : HOLDS;
  const done = unitSatisfied(change, unit, units.value.boot_targets);
  if (done !== null) return satisfied(done);
  return unitStale(change.precondition, unit) ?? HOLDS;
}

/** The unit behind a change: its own address, the agent's, or the holder's; null where there is none. */
export function unitNameOf(ctx: Pick<EffectContext, 'layout'>, change: Change): string | null {
  if (change.kind === 'unit') return parseAddress(change.address)?.name ?? null;
  if (change.kind === 'tmux-server') return ctx.layout.holderUnit;
  if (change.kind === 'session' && change.agent !== null) return ctx.layout.agentUnit(change.agent);
  return null;
}

function unitSatisfied(change: Change, unit: UnitObserved, bootTargets: readonly string[]): string | null {
  if (change.kind !== 'unit') return null;
  const { action } = change;
  // Links in a target that is not started at boot look enabled too.
  const atBoot = unit.unit_file_state === 'enabled' && unit.wanted_by.some((target) => bootTargets.includes(target));
  if (action === 'enable' && atBoot) return `${unit.name} is enabled already`;
  if (action === 'disable' && unit.unit_file_state === 'disabled') return `${unit.name} is disabled already`;
  if (action === 'start' && unit.active_state === 'active') return `${unit.name} is active already`;
  if (action === 'stop' && unit.active_state === 'inactive') return `${unit.name} is inactive already`;
  return null;
}

function unitStale(wanted: Precondition, unit: UnitObserved): Check | null {
  if (wanted.unit_file_state !== undefined && wanted.unit_file_state !== unit.unit_file_state) {
    return stale(`${unit.name} is ${unit.unit_file_state || 'without state'}, planned ${wanted.unit_file_state}`);
  }
  if (wanted.active_state !== undefined && wanted.active_state !== unit.active_state) {
    return stale(`${unit.name} is ${unit.active_state}, planned ${wanted.active_state}`);
  }
  return null;
}

function lingerFact(_ctx: CheckContext, change: Change, seen: Observed): Check {
  const wanted = change.precondition.linger;
  if (wanted === undefined) return HOLDS;
  const { linger } = seen.sources;
  if (linger.status === 'unknown') return unknown(`linger: ${linger.detail} (${linger.why})`);
  if (linger.value.enabled === wanted) return HOLDS;
  return satisfied(`linger of ${linger.value.user} is ${linger.value.enabled ? 'on' : 'off'} already`);
}

function reloadFact(ctx: CheckContext, change: Change, seen: Observed): Check {
  const wanted = change.precondition.need_daemon_reload;
  if (wanted === undefined) return HOLDS;
  const { units } = seen.sources;
  if (units.status === 'unknown') return unknown(`units: ${units.detail} (${units.why})`);
  const name = unitNameOf(ctx, change);
  const looked = Object.values(units.value.units).filter((u) => name === null || u.name === name);
  if (looked.length === 0) return unknown(`unit ${name ?? 'of any name'} was not looked at`);
  const needed = looked.some((u) => u.need_daemon_reload);
  if (needed === wanted) return HOLDS;
  return wanted ? satisfied('systemd has read its unit files again already') : stale('a unit file changed since');
}

/** Asked of the very session that was planned for, and of no other. */
function interruption(ctx: CheckContext, change: Change, seen: Observed, session: TmuxSession): Check {
  const may = change.precondition.may_interrupt;
  if (may === undefined) return HOLDS;
  const agent = ctx.agents.find((a) => a.name === change.agent) ?? formerAgent(change.agent ?? session.name);
  const live = liveness(seen, ctx.roster, agent, session, Date.parse(seen.observed_at));
  const command = forcingCommand(ctx.roster, change, live);
  if (live.attached > 0 && !may.attached) {
    const others = live.otherPanes > 0 ? ` (${live.otherPanes} of them in other panes${sharedTold(live)})` : '';
    const detail = `${live.attached} attached to session ${session.name} by now${others}; even so: ${command}`;
    return { check: 'deferred-attached', detail };
  }
  if (live.busy && !may.busy) {
    return { check: 'deferred-busy', detail: `${session.name} is busy by now: ${live.why}; even so: ${command}` };
  }
  return HOLDS;
}
