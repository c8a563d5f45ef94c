/**
 * The decision: roster, observation and memory in, plan out. Total and deterministic: the same input gives the same
 * bytes, and everything unexpected is a bucket of the result. Each row of docs/planning-rules.md is told by one of the
 * comparisons in the table below; a new kind of drift is one more of them.
 */

import type { Observed } from '../observe/state.ts';
import { nameInAddress } from '../spec/address.ts';
import type { AgentSpec, Roster } from '../spec/model.ts';
import { sha256 } from '../spec/sha256.ts';
import { afterItsFile } from './after-its-file.ts';
import { canonicalJson } from './canonical.ts';
import { createContext, type PlanContext } from './context.ts';
import { expiredRules } from './expired-rules.ts';
import { compareFiles } from './files.ts';
import type { Compare, Finding } from './finding.ts';
import { compareHeartbeats } from './heartbeats.ts';
import { heldBy } from './held.ts';
import { holdBack } from './hold-back.ts';
import { compareLinger, compareReload, reload } from './host.ts';
import { elsewhereFindings, hostsOf, splitAgents } from './hosts.ts';
import { createIgnoreLedger } from './ignore.ts';
import { compareLeftUnits } from './left-units.ts';
import { holdToLimits } from './limits.ts';
import { maskFindings } from './mask-findings.ts';
import { orderChanges } from './order.ts';
import { compareOrphans } from './orphans.ts';
import { patchBetween } from './patch.ts';
import type { Change, Ignored, Plan } from './plan.ts';
import type { PlanMemory, PlanPolicy } from './policy.ts';
import { afterPrerequisites } from './prerequisites.ts';
import { type Quiet, saidBefore } from './quiet.ts';
import { selectTargets } from './select.ts';
import { compareServers } from './servers.ts';
import { compareSessions } from './sessions.ts';
import { summarize } from './summary.ts';
import { compareUnits } from './units.ts';
import { wholeRemovals } from './whole.ts';

const COMPARISONS: readonly Compare[] = [
  compareFiles,
  compareReload,
  compareLinger,
  compareServers,
  compareUnits,
  compareLeftUnits,
  compareSessions,
  compareHeartbeats,
  compareOrphans,
];

export interface PlanInput {
  readonly roster: Roster;
  /** Git facts of the roster, where it lies in a checkout. */
  readonly rosterCommit?: Pick<Plan['roster'], 'commit' | 'dirty'>;
  readonly observed: Observed;
  readonly memory: PlanMemory;
  readonly policy: PlanPolicy;
  readonly toolVersion: string;
  /** Strikes out secrets in what a plan shows: views, patches, evidence, details. Never in what it is made by. */
  readonly mask?: (text: string) => string;
  /** Of one that plans again and again: what was compared with what, and nothing was said. */
  readonly quiet?: Quiet | undefined;
}

export function buildPlan(input: PlanInput): Plan {
  const { roster, observed } = input;
  const { here, elsewhere } = splitAgents(roster, observed, input.policy);
  const ctx = contextFor(input, here);
  const findings = COMPARISONS.flatMap((compare) => compare(ctx));
  const kept = onceEach(notIgnored(ctx, findings));
  const held = holdBack(ctx, kept);
  const ready = afterPrerequisites(ctx, [...afterItsFile(ctx, held.findings), ...expiredRules(ctx)]);
  const all = [...wholeRemovals(kept, ready), ...elsewhereFindings(observed, elsewhere)];
  const selected = holdToLimits(ctx, selectTargets(input.policy, link(ctx, reloadIfWritten(ctx, all))));
  return assemble(input, ctx, { selected: maskFindings(input.mask, selected), paused: held.paused }, elsewhere);
}

function contextFor(input: PlanInput, agents: readonly AgentSpec[]): PlanContext {
  const { roster, observed, memory } = input;
  // A roster without agents for this host removes nothing, unless that is said to be meant.
  const mayPrune = input.policy.prune && (agents.length > 0 || input.policy.allowEmpty);
  const ignore = createIgnoreLedger(roster.ignore, Date.parse(observed.observed_at));
  const policy = { ...input.policy, prune: mayPrune };
  const ctx = createContext({ roster, observed, memory, agents, ignore, policy });
  return input.quiet === undefined ? ctx : { ...ctx, said: saidBefore(ctx, input.quiet) };
}

/** Whole resources that a rule covers. What could not be observed stays said. */
function notIgnored(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  return findings.filter((f) => {
    if (f.bucket === 'unknown' || f.bucket === 'unmanaged') return true;
    const about = f.bucket === 'blocked' ? f.blocked : f.bucket === 'warning' ? f.warning : f.change;
    return !ctx.ignore.covers(about.address, about.agent, '', about.reason);
  });
}

/** Two rows may say the same of one resource: it is said once. */
function onceEach(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings.filter((f) => {
    const key = f.bucket === 'unknown' ? `${f.unknown.address} ${f.unknown.why}` : null;
    if (key === null) return true;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function reloadIfWritten(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  const changes = findings.filter((f) => f.bucket === 'change').map((f) => f.change);
  const written = changes.filter((c) => c.kind === 'unit-file' && c.stage === 1);
  const [first] = written;
  if (first === undefined || changes.some((c) => c.action === 'reload')) return findings;
  // A manager that is not there reads its files when it comes; one that could not be asked is told after the next look.
  if (ctx.units === null) return findings;
  const name = (c: Change): string => nameInAddress(c.address);
  return [
    ...findings,
    reload(
      ctx,
      name(first),
      written.map((c) => `${name(c)} is written by this plan`),
    ),
  ];
}

function link(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  const held = heldBy(ctx, findings);
  const rest: Finding[] = [];
  const changes: Change[] = [];
  for (const f of findings) {
    if (f.bucket !== 'change') {
      rest.push(f.bucket === 'deferred' ? { bucket: 'deferred', change: withPatch(f.change) } : f);
      continue;
    }
    const waits = held(f.change);
    if (waits === undefined) changes.push(withPatch(f.change));
    else {
      const evidence = [...f.change.evidence, `waits for ${waits.address}: ${waits.why}`];
      rest.push({
        bucket: 'deferred',
        change: { ...withPatch(f.change), evidence, why: waits.why, remedy: waits.remedy },
      });
    }
  }
  return [...orderChanges(ctx, changes).map((change): Finding => ({ bucket: 'change', change })), ...rest];
}

function withPatch<T extends Change>(change: T): T {
  return { ...change, patch: patchBetween(change.before, change.after) };
}

function assemble(
  input: PlanInput,
  ctx: PlanContext,
  { selected: findings, paused }: { readonly selected: readonly Finding[]; readonly paused: readonly Ignored[] },
  elsewhere: readonly AgentSpec[],
): Plan {
  const { roster, observed } = input;
  const changes = findings.filter((f) => f.bucket === 'change').map((f) => f.change);
  const deferred = findings.filter((f) => f.bucket === 'deferred').map((f) => f.change);
  const blocked = findings.filter((f) => f.bucket === 'blocked').map((f) => f.blocked);
  const unknown = findings.filter((f) => f.bucket === 'unknown').map((f) => f.unknown);
  const warnings = findings.filter((f) => f.bucket === 'warning').map((f) => f.warning);
  const unmanaged = findings.filter((f) => f.bucket === 'unmanaged').map((f) => f.unmanaged);
  const ignored = [...ctx.ignore.entries, ...paused];
  const body = {
    format_version: '1.0' as const,
    kind: 'fleet.plan' as const,
    complete: unknown.length === 0,
    applyable: changes.length > 0,
    roster: { path: roster.path, sha256: roster.sha256, commit: null, dirty: false, ...input.rosterCommit },
    hosts: hostsOf(ctx, elsewhere, unknown.length > 0),
    changes,
    deferred,
    blocked,
    unknown,
    warnings,
    unmanaged,
    ignored,
    summary: summarize(ctx.agents, { changes, deferred, blocked, unknown, unmanaged, ignored, warnings }),
  };
  const { format_version, kind, ...rest } = body;
  const plan_id = sha256(canonicalJson(body));
  return { format_version, kind, plan_id, tool_version: input.toolVersion, created: observed.observed_at, ...rest };
}
