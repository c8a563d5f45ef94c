/** The rows on units, told from properties of instances: enablement, what is wrong with them, and reloads. */

import type { UnitObserved } from '../observe/state.ts';
import { nameInAddress } from '../spec/address.ts';
import { unitNameOf } from '../spec/layout.ts';
import type { AgentSpec } from '../spec/model.ts';
import { bootFinding } from './boot.ts';
import { whenSettled } from './command-line.ts';
import {
  addressOf,
  holderCovers,
  isManaged,
  isToRun,
  type PlanContext,
  sayOfEach,
  serverOf,
  socketsInUse,
  unitOf,
} from './context.ts';
import { elsewhere } from './elsewhere.ts';
import { blocked, type Compare, change, changed, deferred, type Finding, unobserved, warning } from './finding.ts';
import type { Blocked, Change } from './plan.ts';
import { serverWillRun } from './servers.ts';
import { missingBesides } from './session-missing.ts';
import { standingOf } from './standing.ts';
import { identityOf, ownershipOf, subjectOf } from './subject.ts';
import { inTransition, isMasked, isMissing, transitionOf, unitHoldsServer, writesUnit } from './unit-gate.ts';
import { leftAlone, whoseUnit } from './whose-files.ts';

export const compareUnits: Compare = (ctx) => {
  if (!ctx.systemd) return [];
  const agents = ctx.agents.filter(isManaged);
  return [...compareHolder(ctx), ...sayOfEach(ctx, 'unit', agents, compareAgentUnit), ...couplings(ctx)];
};

function compareAgentUnit(ctx: PlanContext, agent: AgentSpec): readonly Finding[] {
  const name = unitNameOf(ctx.layout, agent);
  const unit = unitOf(ctx, name);
  if (unit === undefined) return [unobserved(ctx, 'unit', name, agent, ...whyUnseen(ctx, name))];
  const wrong = unusable(ctx, agent, unit);
  if (wrong !== null) return wantsUnit(agent) ? [wrong] : [];
  const boot = bootFinding(ctx, agent, unit, agent.boot && agent.state === 'running');
  const found = [...(boot === null ? [] : [enforced(ctx, agent, boot)]), ...compareActivity(ctx, agent, unit)];
  return unlessForeign(ctx, agent, name, found);
}

/** What runs by files of somebody else is told and left alone: once, however much of it is not as wanted. */
function unlessForeign(
  ctx: PlanContext,
  agent: AgentSpec | null,
  name: string,
  found: readonly Finding[],
): readonly Finding[] {
  const whose = whoseUnit(ctx, name);
  if (whose.state === 'ours') return found;
  const about = (f: Finding): Change | Blocked | null =>
    f.bucket === 'change' || f.bucket === 'deferred' ? f.change : f.bucket === 'blocked' ? f.blocked : null;
  const said = found.filter((f) => about(f) === null);
  const [first] = found.flatMap((f) => about(f) ?? []);
  if (first === undefined) return said;
  const { reason, evidence } = first;
  return [...said, leftAlone(ctx, { kind: 'unit', name, agent, reason, evidence }, whose)];
}

function whyUnseen(ctx: PlanContext, name: string): readonly [string, string] {
  const { units } = ctx.observed.sources;
  if (units.status === 'unknown') return [units.why, units.detail];
  return ['not-observed', `this observation did not look at ${name}: observe again with this roster`];
}

/** A tombstone needs no unit: that it is masked or gone is as good as disabled. */
function wantsUnit(agent: AgentSpec): boolean {
  return agent.state === 'running';
}

/** `manage: warn`: told, never repaired. */
function enforced(ctx: PlanContext, agent: AgentSpec, finding: Finding): Finding {
  if (agent.manage !== 'warn' || finding.bucket !== 'change') return finding;
  const { change: c } = finding;
  return warning(ctx, 'unit', nameInAddress(c.address), agent, c.reason, c.evidence);
}

/** Null where the unit can be worked with. Template instances are not there until their template is written. */
function unusable(ctx: PlanContext, agent: AgentSpec | null, unit: UnitObserved): Finding | null {
  const besides = agent === null ? [] : missingBesides(ctx, agent);
  if (isMasked(unit)) {
    return blocked(ctx, 'unit', unit.name, agent, {
      reason: 'unit-masked',
      guard: 'masked',
      evidence: [
        `${unit.name} is ${unit.unit_file_state || unit.load_state}: somebody did that on purpose`,
        ...besides,
      ],
      remedy: `if it may run again: systemctl --user unmask ${unit.name}`,
    });
  }
  if (isMissing(unit) && !writesUnit(ctx, unit.name)) {
    const whose = whoseUnit(ctx, unit.name);
    const evidence = [`${unit.name}: ${unit.load_state}`];
    const what = {
      kind: 'unit',
      name: unit.name,
      agent,
      reason: 'unit-missing',
      evidence: [...evidence, ...besides],
    } as const;
    if (whose.state !== 'ours') return leftAlone(ctx, what, whose);
    const left = unit.wanted_by.length > 0 ? [`links to it are left in ${unit.wanted_by.join(', ')}`] : [];
    return blocked(ctx, 'unit', unit.name, agent, {
      reason: 'unit-missing',
      guard: 'missing',
      evidence: [...evidence, ...left, ...besides],
      remedy: 'install its unit file in ~/.config/systemd/user, then: systemctl --user daemon-reload',
    });
  }
  return null;
}

function compareActivity(ctx: PlanContext, agent: AgentSpec, unit: UnitObserved): readonly Finding[] {
  const subject = subjectOf(ctx, agent);
  const fine = subject.kind === 'session' && ownershipOf(ctx, agent, subject) === 'ours';
  if (agent.state === 'stopped' || agent.manage === 'warn') return [];
  if (inTransition(unit)) return fine ? [inMotion(ctx, agent, unit)] : [];
  const failed = unit.active_state === 'failed';
  // A unit whose file is missing is started too: this plan writes it (where it could not, this is not reached).
  const inactive = unit.active_state === 'inactive' && fine;
  // Whether its session is there decides what a start would do, so without that nothing is started.
  if ((!failed && !inactive) || subject.kind === 'unknown') return [];
  // Somebody else's session under its name: the session's own row speaks.
  if (subject.kind === 'session' && !fine) return [];
  // It lives in another place, or may: a start would make a second copy. Told by the session's own row too.
  if (subject.kind === 'absent' && elsewhere(ctx, agent).kind !== 'nowhere') return [];
  if (unitHoldsServer(ctx, agent)) return [];
  // It would fail again, or bring a server of its own. Told by the session's own row.
  if (subject.kind === 'absent' && !serverWillRun(ctx, agent.socket)) return [];
  // Then it makes no process anew, and is not to: what ended meanwhile is started as such.
  const atWork = failed && subject.kind === 'session' && isAtWork(ctx, agent) ? { session: identityOf(subject) } : {};
  const missing = subject.kind === 'absent' ? [`session ${agent.name} is missing`] : ['its session is there'];
  const start = change(ctx, 'unit', unit.name, agent, {
    action: 'start',
    reason: failed ? 'unit-failed' : 'unit-inactive',
    stage: 5,
    before: { active_state: unit.active_state, result: unit.result },
    after: { active_state: 'active' },
    evidence: [`${unit.name} is ${unit.active_state}${failed ? ` (${unit.result})` : ''}`, ...missing],
    precondition: { active_state: unit.active_state, ...atWork },
  });
  return [changed(start)];
}

function isAtWork(ctx: PlanContext, agent: AgentSpec): boolean {
  const standing = standingOf(ctx, agent);
  return standing.stands === 'up' && standing.pane !== null;
}

function inMotion(ctx: PlanContext, agent: AgentSpec, unit: UnitObserved): Finding {
  const draft = change(ctx, 'unit', unit.name, agent, {
    action: 'start',
    reason: 'unit-in-transition',
    stage: 5,
    before: { active_state: unit.active_state },
    after: { active_state: 'active' },
    evidence: [transitionOf(unit)],
  });
  return deferred(draft, 'in-transition', whenSettled(ctx));
}

/** The holder comes up at boot when any agent does; nothing ever stops it. */
function compareHolder(ctx: PlanContext): readonly Finding[] {
  const running = ctx.agents.filter(isToRun);
  if (running.length === 0) return [];
  const name = ctx.layout.holderUnit;
  const unit = unitOf(ctx, name);
  if (unit === undefined) return [unobserved(ctx, 'unit', name, null, ...whyUnseen(ctx, name))];
  const wrong = unusable(ctx, null, unit);
  if (wrong !== null) return [wrong];
  const boot = running.some((a) => a.boot) ? bootFinding(ctx, null, unit, true) : null;
  return unlessForeign(ctx, null, name, [...(boot === null ? [] : [boot]), ...holderActivity(ctx, unit)]);
}

/** Only where every server it keeps lives: without one, `server-missing` starts it. */
function holderActivity(ctx: PlanContext, unit: UnitObserved): readonly Finding[] {
  const servers = socketsInUse(ctx)
    .filter((s) => holderCovers(ctx, s))
    .map((s) => serverOf(ctx, s)?.server);
  const alive = servers.length > 0 && servers.every((s) => s?.state === 'running');
  const { active_state: state } = unit;
  if (!alive || (state !== 'inactive' && state !== 'failed')) return [];
  const reason = state === 'failed' ? 'unit-failed' : 'unit-inactive';
  const evidence = [`${unit.name} is ${state}, its server lives`];
  // Mosaic's holder unit makes the session anew and would fail beside the living one.
  if (!ctx.layout.ownsUnitFiles) return [warning(ctx, 'unit', unit.name, null, reason, evidence)];
  const start = change(ctx, 'unit', unit.name, null, {
    action: 'start',
    reason,
    stage: 4,
    before: { active_state: state },
    after: { active_state: 'active' },
    evidence,
    precondition: { active_state: state },
  });
  return [changed(start)];
}

function isCoupled({ requires, binds_to, part_of }: UnitObserved, to: string): boolean {
  return requires.includes(to) || binds_to.includes(to) || part_of.includes(to);
}

/** Requires=, BindsTo= or PartOf= on the holder in agents' units: a restarted holder would stop them. */
function couplings(ctx: PlanContext): readonly Finding[] {
  const holder = ctx.layout.holderUnit;
  const coupled: UnitObserved[] = [];
  for (const agent of ctx.agents) {
    const unit = unitOf(ctx, unitNameOf(ctx.layout, agent));
    if (unit !== undefined && isCoupled(unit, holder)) coupled.push(unit);
  }
  const [first] = coupled;
  if (first === undefined) return [];
  const evidence = [
    `${first.name}${coupled.length > 1 ? ` and ${coupled.length - 1} more` : ''}: stopped when ${holder} is restarted`,
  ];
  const covered = ctx.ignore.covers(addressOf(ctx, 'unit', holder), null, '', 'holder-coupled');
  return covered ? [] : [warning(ctx, 'unit', holder, null, 'holder-coupled', evidence)];
}
