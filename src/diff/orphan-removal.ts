/** The changes that take away what is left of an agent: session, unit, boot, files, in this order. */

import { sha256 } from '../spec/sha256.ts';
import { whenSettled } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { unlessDisturbing } from './deferral.ts';
import { change, changed, type Draft, deferred, type Finding } from './finding.ts';
import { formerAgent } from './heartbeat.ts';
import { liveness } from './liveness.ts';
import { type Orphan, socketsOf } from './orphan.ts';
import type { Change } from './plan.ts';
import { identityOf, type LiveSubject } from './subject.ts';
import { inTransition, transitionOf } from './unit-gate.ts';

export function removalOf(ctx: PlanContext, orphan: Orphan): readonly Finding[] {
  return [
    ...orphan.sessions.map((subject) => stopSession(ctx, orphan, subject)),
    ...removeUnit(ctx, orphan),
    ...removeFiles(ctx, orphan),
  ];
}

type Removal = Omit<Draft, 'stage' | 'cause'>;

function removal(ctx: PlanContext, { agent }: Orphan, kind: Change['kind'], name: string, draft: Removal): Change {
  return { ...change(ctx, kind, name, null, { ...draft, cause: 'orphan', stage: 6 }), agent };
}

function stopSession(ctx: PlanContext, orphan: Orphan, subject: LiveSubject): Finding {
  const { session } = subject;
  const { evenIfAttached, evenIfBusy } = ctx.policy;
  const live = liveness(ctx.observed, ctx.roster, formerAgent(orphan.agent), session, ctx.now);
  const whose = session.mark === null ? 'is in the inventory' : 'bears our mark and is in the inventory';
  const stop = removal(ctx, orphan, 'session', session.name, {
    action: 'stop',
    reason: 'orphan-session',
    before: { state: 'running' },
    after: { state: 'absent' },
    disruption: 'destroy',
    live: { attached: live.attached, busy: live.busy },
    evidence: [`session ${session.name} (${session.id}) ${whose}; ${orphan.agent} is not on the roster`],
    precondition: { session: identityOf(subject), may_interrupt: { attached: evenIfAttached, busy: evenIfBusy } },
  });
  return unlessDisturbing(ctx, stop, live);
}

function removeUnit(ctx: PlanContext, orphan: Orphan): readonly Finding[] {
  const { agent, unit } = orphan;
  if (unit === null) return [];
  const evidence = [`${unit.name} is ${unit.active_state}, ${unit.unit_file_state}; ${agent} is not on the roster`];
  const shared = { reason: 'orphan-unit', evidence } as const;
  const found: Finding[] = [];
  if (unit.active_state !== 'inactive') {
    const stop = removal(ctx, orphan, 'unit', unit.name, {
      ...shared,
      action: 'stop',
      before: { active_state: unit.active_state },
      after: { active_state: 'inactive' },
      // What its stop would end besides: by then its own session is gone.
      precondition: { active_state: unit.active_state, no_session_on: socketsOf(ctx, orphan) },
    });
    const moving = { ...stop, evidence: [...evidence, transitionOf(unit)] };
    const wait = whenSettled(ctx);
    found.push(inTransition(unit) ? deferred(moving, 'in-transition', wait) : changed(stop));
  }
  if (unit.wanted_by.length > 0 || unit.unit_file_state.startsWith('enabled')) {
    const disable = removal(ctx, orphan, 'unit', unit.name, {
      ...shared,
      action: 'disable',
      before: { unit_file_state: unit.unit_file_state },
      after: { unit_file_state: 'disabled' },
    });
    found.push(changed(disable));
  }
  return found;
}

function removeFiles(ctx: PlanContext, orphan: Orphan): readonly Finding[] {
  const { agent, env, argv } = orphan;
  const shared = { action: 'destroy', reason: 'orphan-unit', evidence: [`${agent} is not on the roster`] } as const;
  const found: Finding[] = [];
  if (env !== null) {
    const precondition = { file_sha256: env.sha256 };
    found.push(
      changed(removal(ctx, orphan, 'env-file', agent, { ...shared, before: env.own, after: {}, precondition })),
    );
  }
  if (argv !== null) {
    const precondition = { file_sha256: sha256(argv.content) };
    const views = { before: { state: 'present' }, after: {} };
    found.push(changed(removal(ctx, orphan, 'env-file', `${agent}.argv`, { ...shared, ...views, precondition })));
  }
  return found;
}
