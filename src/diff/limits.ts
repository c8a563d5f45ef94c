/**
 * `--max-destroy` and `--max-disrupt`: where a plan would remove or interrupt more agents than that, it removes or
 * interrupts none of them. Agents are counted, not changes, and all that one of them needs counts once. The rest of
 * the plan goes on.
 */
import { applyCommand } from './command-line.ts';
import type { PlanContext } from './context.ts';
import type { Finding } from './finding.ts';
import type { Change, Guard } from './plan.ts';
import type { Limit, PlanPolicy } from './policy.ts';
import { matchesTarget } from './target.ts';

/** How many agents a limit lets through, of so many in scope. A percentage above 0 lets at least one through. */
export function allowedBy(limit: Limit, agents: number): number {
  if (limit.unit === 'count') return limit.value;
  return limit.value === 0 ? 0 : Math.max(1, Math.floor((agents * limit.value) / 100));
}

/** A live session ends. A dead one that is replaced disturbs nobody, and a start ends nothing. */
const interrupts = (c: Change): boolean => c.disruption !== 'none';
/** The session ends for good, or anything of an agent that is no longer on the roster goes. */
const destroys = (c: Change): boolean => c.disruption === 'destroy' || c.stage === 6;

interface Exceeded {
  readonly guard: Extract<Guard, 'max-destroy' | 'max-disrupt'>;
  readonly agents: ReadonlySet<string | null>;
  readonly hit: (c: Change) => boolean;
  readonly evidence: string;
}

/** After the choice of targets: what is not going to be made is not counted. */
export function holdToLimits(ctx: PlanContext, findings: readonly Finding[]): readonly Finding[] {
  const changes = findings.flatMap((f) => (f.bucket === 'change' ? [f.change] : []));
  const { maxDestroy, maxDisrupt } = ctx.policy;
  const scope = agentsInScope(ctx);
  const exceeded = [
    ...exceeds('max-destroy', maxDestroy, scope, changes, destroys),
    ...exceeds('max-disrupt', maxDisrupt, scope, changes, interrupts),
  ];
  if (exceeded.length === 0) return findings;
  const remedy = `look at the plan again, then: ${applyCommand(ctx, needed(exceeded))}`;
  const gone = new Set<string>();
  const limited = findings.map((f): Finding => {
    if (f.bucket !== 'change') return f;
    const limit = exceeded.find((e) => stopsAt(e, f.change));
    if (limit === undefined) return f;
    gone.add(f.change.address);
    return blockedBy(limit, f.change, remedy);
  });
  return onePerAddress(limited).map((f) => withoutPrerequisites(f, gone));
}

/** What --target and --exclude leave of the roster's agents here. */
function agentsInScope(ctx: PlanContext): number {
  const { targets, excludes } = ctx.policy;
  if (targets.length === 0 && excludes.length === 0) return ctx.agents.length;
  const own = (name: string): readonly string[] => [
    `${ctx.host}/${ctx.tenant}/session/${name}`,
    `${ctx.host}/${ctx.tenant}/unit/${ctx.layout.agentUnit(name)}`,
    `${ctx.host}/${ctx.tenant}/env-file/${name}`,
    `${ctx.host}/${ctx.tenant}/env-file/${name}.argv`,
  ];
  const means = (patterns: readonly string[], name: string): boolean =>
    patterns.some((p) => own(name).some((address) => matchesTarget(p, address, name)));
  return ctx.agents.filter(({ name }) => (targets.length === 0 || means(targets, name)) && !means(excludes, name))
    .length;
}

function exceeds(
  guard: Exceeded['guard'],
  limit: Limit | null,
  scope: number,
  changes: readonly Change[],
  hit: (c: Change) => boolean,
): readonly Exceeded[] {
  if (limit === null) return [];
  const agents = new Set(changes.filter(hit).map((c) => c.agent));
  const allowed = allowedBy(limit, scope);
  if (agents.size <= allowed) return [];
  const what = guard === 'max-destroy' ? 'removed or stopped' : 'interrupted';
  const of = limit.unit === 'percent' ? ` (${limit.value}% of ${scope} in scope)` : '';
  const evidence = `${agents.size} ${agents.size === 1 ? 'agent' : 'agents'} would be ${what}, --${guard} is ${allowed}${of}`;
  return [{ guard, agents, hit, evidence }];
}

/** An agent that is to be removed goes whole or not at all: its units and files stay with its session. */
function stopsAt(limit: Exceeded, c: Change): boolean {
  return limit.hit(c) || (c.stage === 6 && limit.agents.has(c.agent));
}

/** The numbers that would do, and only those that do not. */
function needed(exceeded: readonly Exceeded[]): Partial<PlanPolicy> {
  const count = (guard: Exceeded['guard']): Limit | undefined => {
    const limit = exceeded.find((e) => e.guard === guard);
    return limit === undefined ? undefined : { value: limit.agents.size, unit: 'count' };
  };
  const maxDestroy = count('max-destroy');
  const maxDisrupt = count('max-disrupt');
  return { ...(maxDestroy ? { maxDestroy } : {}), ...(maxDisrupt ? { maxDisrupt } : {}) };
}

function blockedBy(limit: Exceeded, c: Change, remedy: string): Finding {
  const { address, agent, reason, source } = c;
  const evidence = [`${c.action}: ${c.evidence.join('; ')}`, limit.evidence];
  return { bucket: 'blocked', blocked: { address, agent, reason, guard: limit.guard, evidence, remedy, source } };
}

/** A unit that would be stopped and disabled is refused once. */
function onePerAddress(findings: readonly Finding[]): readonly Finding[] {
  const told = new Set<string>();
  return findings.filter((f) => {
    if (f.bucket !== 'blocked' || !f.blocked.guard.startsWith('max-')) return true;
    if (told.has(f.blocked.address)) return false;
    told.add(f.blocked.address);
    return true;
  });
}

/** What is left does not wait for what is not made: the session that was to be replaced lives on. */
function withoutPrerequisites(f: Finding, gone: ReadonlySet<string>): Finding {
  if (f.bucket !== 'change') return f;
  return { ...f, change: { ...f.change, depends_on: f.change.depends_on.filter((address) => !gone.has(address)) } };
}
