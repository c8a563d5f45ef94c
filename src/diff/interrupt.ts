/** The guards before anything that ends a session: the one way from "should be replaced" to a change. */
import type { AgentSpec } from '../spec/model.ts';
import { fleetCommand, moveServer, whenSettled } from './command-line.ts';
import { type PlanContext, socketLabel } from './context.ts';
import { unlessDisturbing } from './deferral.ts';
import { blocked, change, deferred, type Finding, unobserved, warning } from './finding.ts';
import { liveness } from './liveness.ts';
import { livePanes } from './pane.ts';
import type { Action, Change, View } from './plan.ts';
import type { Reason } from './reasons.ts';
import { identityOf, type LiveSubject } from './subject.ts';
import { unitGate } from './unit-gate.ts';
import { leftAlone } from './whose-files.ts';

export interface Interruption {
  readonly action: Extract<Action, 'restart' | 'stop'>;
  readonly reason: Reason;
  readonly before: View;
  readonly after: View;
  readonly evidence: readonly string[];
  readonly cause?: Change['cause'];
  readonly stage?: Change['stage'];
}

export function interrupt(
  ctx: PlanContext,
  agent: AgentSpec,
  subject: LiveSubject,
  what: Interruption,
): readonly Finding[] {
  const { reason, evidence } = what;
  if (agent.manage === 'warn') return [warning(ctx, 'session', agent.name, agent, reason, evidence)];
  // A dead pane that is started again interrupts nobody; that it is stopped for good is refused all the same.
  if (agent.protect && (what.action === 'stop' || livePanes(subject.session).length > 0)) {
    return [protectedFrom(ctx, agent, what)];
  }
  const { processes } = ctx.observed.sources;
  if (processes.status === 'unknown') {
    // What outlives the session could not be told, and so not be ended: the effect would be refused.
    const detail = `${reason}, left alone: processes: ${processes.detail}`;
    return [unobserved(ctx, 'session', agent.name, agent, processes.why, detail)];
  }
  const closed = closedGate(ctx, agent, what);
  if (closed !== null) return closed;
  return [guarded(ctx, agent, subject, what)];
}

/** `protect: true` in the roster: not interrupted, whatever is wrong with it and whichever flags are given. */
export function protectedFrom(
  ctx: PlanContext,
  agent: AgentSpec,
  { reason, evidence }: Pick<Interruption, 'reason' | 'evidence'>,
): Finding {
  const apply = fleetCommand(ctx.roster, 'apply', '--target', agent.name);
  const remedy = `set \`protect: false\` for ${agent.name} in ${ctx.roster.path}, then: ${apply}`;
  return blocked(ctx, 'session', agent.name, agent, { reason, guard: 'protect', evidence, remedy });
}

function guarded(ctx: PlanContext, agent: AgentSpec, subject: LiveSubject, what: Interruption): Finding {
  const live = liveness(ctx.observed, ctx.roster, agent, subject.session, ctx.now);
  const { evenIfAttached, evenIfBusy } = ctx.policy;
  const draft = change(ctx, 'session', agent.name, agent, {
    stage: 5,
    ...what,
    disruption: disruptionOf(subject, what),
    live: { attached: live.attached, busy: live.busy },
    precondition: {
      session: identityOf(subject),
      may_interrupt: { attached: evenIfAttached, busy: evenIfBusy },
    },
  });
  return unlessDisturbing(ctx, draft, live);
}

function disruptionOf(subject: LiveSubject, what: Interruption): Change['disruption'] {
  if (what.action === 'stop') return 'destroy';
  return livePanes(subject.session).length === 0 ? 'none' : 'restart';
}

/** Null where the unit lets it happen. */
function closedGate(ctx: PlanContext, agent: AgentSpec, what: Interruption): readonly Finding[] | null {
  const gate = unitGate(ctx, agent);
  const unit = ctx.layout.agentUnit(agent.name);
  switch (gate.state) {
    case 'open':
    case 'failed':
      return null;
    case 'unknown':
      return [unobserved(ctx, 'session', agent.name, agent, gate.why, `${what.reason}, left alone: ${gate.detail}`)];
    case 'transition': {
      const draft = change(ctx, 'session', agent.name, agent, { stage: 5, ...what, disruption: 'restart' });
      const noted = { ...draft, evidence: [...what.evidence, gate.detail] };
      return [deferred(noted, 'in-transition', whenSettled(ctx))];
    }
    case 'foreign':
      return [leftAlone(ctx, { ...what, kind: 'session', name: agent.name, agent }, gate)];
    case 'masked':
    case 'missing':
    case 'server-inside': {
      // The unit's own row says what is wrong with it; here it is only why the session is left as it is.
      const guard = gate.state === 'masked' ? 'masked' : gate.state === 'missing' ? 'missing' : 'server-in-unit';
      const remedy =
        gate.state === 'masked'
          ? `systemctl --user unmask ${unit}`
          : gate.state === 'missing'
            ? `install the unit file of ${unit} in ~/.config/systemd/user, then: systemctl --user daemon-reload`
            : moveServer(ctx, socketLabel(agent.socket));
      const evidence = [...what.evidence, gate.detail];
      return [blocked(ctx, 'session', agent.name, agent, { reason: what.reason, guard, evidence, remedy })];
    }
  }
}
