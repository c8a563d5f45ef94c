/**
 * The row on `depends_on`: agents that must be ready first. Who stands on one that is down, and that this plan does not
 * bring up, is not started: what stands in the way of that one stands in its way too.
 */
import { nameInAddress } from '../spec/address.ts';
import type { AgentSpec } from '../spec/model.ts';
import { fleetCommand } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { elsewhere } from './elsewhere.ts';
import { blocked, deferred, type Finding } from './finding.ts';
import { agentPane, livePanes } from './pane.ts';
import type { Change, DeferredChange } from './plan.ts';
import { isBringUp } from './repetition.ts';
import { endedWell, hasRunItsCourse } from './run-its-course.ts';
import { subjectOf } from './subject.ts';

export function afterPrerequisites(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  if (!ctx.agents.some(standsOnOthers)) return findings;
  const waits = waitsFor(ctx, findings);
  return findings.map((f) => {
    const agent = f.bucket === 'change' && isBringUp(f.change) ? ctx.agentNamed(f.change.agent ?? '') : undefined;
    const first = agent === undefined ? null : waits(agent);
    if (f.bucket !== 'change' || agent === undefined || first === null) return f;
    return first.later === null ? heldUp(ctx, f.change, agent, first.below) : putOff(f.change, first.later);
  });
}

function standsOnOthers({ dependsOn }: AgentSpec): boolean {
  return dependsOn.length > 0;
}

interface Waits {
  readonly below: AgentSpec;
  /** What brings it up as soon as it may; null: nothing does. */
  readonly later: DeferredChange | null;
}

/** The roster's checks exclude circles. */
function waitsFor(ctx: PlanContext, findings: readonly Finding[]): (agent: AgentSpec) => Waits | null {
  const now = new Set(findings.flatMap((f) => (f.bucket === 'change' && isBringUp(f.change) ? [f.change.agent] : [])));
  const later = new Map(
    findings.flatMap((f) => (f.bucket === 'deferred' && isBringUp(f.change) ? [[f.change.agent, f.change]] : [])),
  );
  const known = new Map<string, Waits | null>();
  const told = (agent: AgentSpec): Waits | null => {
    const before = known.get(agent.name);
    if (before !== undefined) return before;
    const found = agent.dependsOn.reduce<Waits | null>((first, name) => first ?? stays(name), null);
    known.set(agent.name, found);
    return found;
  };
  /** The agent itself where it is down and stays so, or what it waits for. */
  const stays = (name: string): Waits | null => {
    const below = ctx.agentNamed(name);
    if (below === undefined || !isDown(ctx, below)) return null;
    return now.has(name) ? told(below) : { below, later: later.get(name) ?? null };
  };
  return told;
}

/** Known to have nothing alive where the roster wants it running. What is not known holds nobody up. */
function isDown(ctx: PlanContext, agent: AgentSpec): boolean {
  if (agent.state === 'stopped' || hasRunItsCourse(ctx, agent)) return false;
  const subject = subjectOf(ctx, agent);
  if (subject.kind === 'absent') return elsewhere(ctx, agent).kind === 'nowhere';
  if (subject.kind === 'unknown') return false;
  // It keeps its good end until apply has noted it.
  const pane = agentPane(subject.session);
  if (pane !== null && endedWell(agent, pane.runs)) return false;
  return livePanes(subject.session).length === 0;
}

function putOff(change: Change, { address, why, remedy }: DeferredChange): Finding {
  return deferred({ ...change, evidence: [...change.evidence, `waits for ${address}: ${why}`] }, why, remedy);
}

function heldUp(ctx: PlanContext, change: Change, agent: AgentSpec, below: AgentSpec): Finding {
  const evidence = [...change.evidence, `it stands on ${below.name}, which is down and which this plan does not start`];
  const explain = fleetCommand(ctx.roster, 'explain', `session/${below.name}`);
  const remedy = `see to ${below.name} first; what is in its way says: ${explain}`;
  const name = nameInAddress(change.address);
  return blocked(ctx, change.kind, name, agent, { reason: change.reason, guard: 'prerequisite', evidence, remedy });
}
