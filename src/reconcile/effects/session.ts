/** `session/AGENT`: start, restart, stop. Ending one goes through the guard; making one through its unit or the launcher. */
import { forcingCommand } from '../../diff/deferral.ts';
import type { Change } from '../../diff/plan.ts';
import type { Observed } from '../../observe/state.ts';
import { fingerprint } from '../../spec/fingerprint.ts';
import type { AgentSpec } from '../../spec/model.ts';
import { MARK_OPTION } from '../../spec/session-mark.ts';
import { agentNamed, type EffectContext } from '../context.ts';
import {
  asWanted,
  type Effect,
  type EffectResult,
  made,
  noEffect,
  notAsWanted,
  refused,
  skipped,
  unobserved,
} from '../effect.ts';
import { readInventory } from '../inventory.ts';
import { failure } from '../outcome.ts';
import { evaluatePrecondition, sessionNameOf } from '../precondition.ts';
import { sameSession, sessionSeen, unitSeen } from '../seen.ts';
import { settleSession } from '../settle.ts';
import { endSession } from './guarded-kill.ts';
import { launch } from './launcher.ts';
import { agentsOf, lookBefore } from './look.ts';
import { unitHoldsServer } from './server-safety.ts';
import { notActive, verifyUnit } from './unit.ts';
import { systemctl } from './user-systemd.ts';

export const session: Effect = async (ctx, change) => {
  const before = await lookBefore(ctx, change);
  if (before.result !== 'go') return before.ended;
  const { seen } = before;
  const agent = agentNamed(ctx, change.agent);
  switch (change.action) {
    case 'start':
      return agent === null ? noEffect(change) : start(ctx, change, agent, seen);
    case 'restart':
      return agent === null ? noEffect(change) : restart(ctx, change, agent, seen);
    case 'stop':
      return stop(ctx, change, agent, seen);
    case 'create':
    case 'enable':
    case 'disable':
    case 'update':
    case 'reload':
    case 'signal':
    case 'destroy':
      return noEffect(change);
  }
};

async function start(ctx: EffectContext, change: Change, agent: AgentSpec, seen: Observed): Promise<EffectResult> {
  if (isDone(ctx, agent)) return skipped('already-satisfied', `${agent.name} ran and ended: it runs once per spec`);
  const closed = unitClosed(ctx, agent, seen);
  return closed ?? bringUp(ctx, change, agent, seen, []);
}

/** Ephemeral, and remembered to have ended since it was planned (layout mosaic: to have run). What cannot be read ends apply before any effect. */
function isDone(ctx: EffectContext, agent: AgentSpec): boolean {
  if (agent.lifecycle !== 'ephemeral') return false;
  const memory = readInventory(ctx.inventoryPath, (path) => ctx.ports.files.read(path));
  const record = memory.ok ? memory.value.sessions[agent.name] : undefined;
  if (record === undefined || record.spec !== fingerprint(agent, ctx.user.home)) return false;
  return record.done || !ctx.launcher;
}

async function restart(ctx: EffectContext, change: Change, agent: AgentSpec, seen: Observed): Promise<EffectResult> {
  // All that could forbid the second half is asked before the first.
  const closed = unitClosed(ctx, agent, seen);
  if (closed !== null) return closed;
  const ended = await end(ctx, change, seen);
  return ended.ended === 'no' ? ended.because : bringUp(ctx, change, agent, seen, ended.evidence);
}

async function stop(
  ctx: EffectContext,
  change: Change,
  agent: AgentSpec | null,
  seen: Observed,
): Promise<EffectResult> {
  // An orphan's unit is stopped by a change of its own.
  const closed = agent === null ? null : unitClosed(ctx, agent, seen);
  if (closed !== null) return closed;
  const ended = await end(ctx, change, seen);
  if (ended.ended === 'no') return ended.because;
  const gone = asWanted(`session ${sessionNameOf(ctx, change)} ended`, ...ended.evidence);
  const unit = agent === null || !ctx.systemd ? null : ctx.layout.agentUnit(agent.name);
  if (unit === null || unitSeen(seen, unit)?.active_state === 'inactive') return made(async () => gone);
  const stopped = await systemctl(ctx, ['stop', '--', unit]);
  if (!stopped.ok) return refused(stopped.error);
  return made(async () => {
    const down = await verifyUnit(ctx, change, unit, (u) =>
      notActive(unit)(u) === null ? `${unit} is active still` : null,
    );
    return down.verdict === 'failed' ? down : gone;
  });
}

type End =
  | { readonly ended: 'yes'; readonly evidence: readonly string[] }
  | { readonly ended: 'no'; readonly because: EffectResult };

async function end(ctx: EffectContext, change: Change, seen: Observed): Promise<End> {
  const { session: identity, may_interrupt } = change.precondition;
  if (identity === undefined || identity === null) return { ended: 'no', because: noEffect(change) };
  const name = sessionNameOf(ctx, change);
  const order = { name, identity, mayInterruptAttached: may_interrupt?.attached === true };
  const ended = await endSession(ctx, order, seen, agentsOf(ctx, change));
  switch (ended.ended) {
    case 'ended':
      return { ended: 'yes', evidence: ended.evidence };
    case 'failed':
      return { ended: 'no', because: refused(ended.failure) };
    case 'refused':
      return { ended: 'no', because: await whyRefused(ctx, change, name) };
  }
}

/** Something came between the last look and the guard: a third look says what. */
async function whyRefused(ctx: EffectContext, change: Change, name: string): Promise<EffectResult> {
  const seen = await ctx.ports.observe(agentsOf(ctx, change));
  const check = evaluatePrecondition(ctx, change, seen);
  switch (check.check) {
    case 'unknown':
      return unobserved(check.detail);
    case 'holds': {
      const identity = change.precondition.session;
      const found = sessionSeen(seen, identity?.server.socket ?? '', name);
      const there = identity && found.state === 'present' && sameSession(identity, found.server, found.session);
      const attached = there && found.session.attached > 0;
      if (attached) {
        const command = forcingCommand(ctx.roster, change, { attached: 1, busy: false });
        return skipped('deferred-attached', `somebody is attached to session ${name} by now; even so: ${command}`);
      }
      const shown = `tmux -L ${identity?.server.socket ?? 'default'} show-options -gwv ${MARK_OPTION}`;
      const hint = `a mark that is set for all windows hides its own: ${shown}`;
      return skipped('stale', `tmux's guard found another session ${name} than planned, or another mark; ${hint}`);
    }
    case 'already-satisfied':
    case 'stale':
    case 'deferred-busy':
    case 'deferred-attached':
      return skipped(check.check, check.detail);
  }
}

/** Null where the agent's unit lets its session be made or ended now. */
function unitClosed(ctx: EffectContext, agent: AgentSpec, seen: Observed): EffectResult | null {
  if (!ctx.systemd) return null;
  const name = ctx.layout.agentUnit(agent.name);
  const { units } = seen.sources;
  const unit = unitSeen(seen, name);
  if (units.status === 'unknown') return unobserved(`units: ${units.detail} (${units.why})`);
  if (unit === undefined) return unobserved(`unit ${name} was not looked at`);
  if (unit.job !== null || unit.active_state.endsWith('activating')) {
    return skipped('stale', `${name} is ${unit.active_state}${unit.job === null ? '' : `, job ${unit.job} queued`}`);
  }
  if (unit.load_state === 'masked') return skipped('stale', `${name} was masked since`);
  if (unit.active_state !== 'active') return null;
  const unsafe = unitHoldsServer(ctx, seen, name);
  return unsafe === null ? null : refused(unsafe);
}

async function bringUp(
  ctx: EffectContext,
  change: Change,
  agent: AgentSpec,
  seen: Observed,
  evidence: readonly string[],
): Promise<EffectResult> {
  const done = ctx.systemd ? await startUnit(ctx, agent, seen) : await launch(ctx, ['start', agent.name]);
  if (!done.ok) {
    const why = done.error;
    return refused(failure(why.code, why.summary, why.detail, why.remedy, [...evidence, ...why.evidence]));
  }
  return made(async () => {
    const settled = await settleSession(ctx, change, agent, seen);
    if (settled.verdict === 'failed')
      return notAsWanted({ ...settled.failure, evidence: [...evidence, ...settled.failure.evidence] });
    return asWanted(...evidence, ...settled.evidence);
  });
}

/** An active (exited) unit once ran and nothing of it lives: a start would do nothing. */
async function startUnit(ctx: EffectContext, agent: AgentSpec, seen: Observed) {
  const name = ctx.layout.agentUnit(agent.name);
  const state = unitSeen(seen, name)?.active_state;
  if (state === 'failed') {
    const reset = await systemctl(ctx, ['reset-failed', '--', name]);
    if (!reset.ok) return reset;
  }
  return systemctl(ctx, [state === 'active' ? 'restart' : 'start', '--', name]);
}
