/** `--target` and `--exclude`: a target brings the prerequisites of its changes along; an excluded one takes its dependents away. */
import type { Finding } from './finding.ts';
import type { Change } from './plan.ts';
import type { PlanPolicy } from './policy.ts';
import { matchesTarget } from './target.ts';
import { restOfRemoval } from './whole.ts';

export function selectTargets(policy: PlanPolicy, findings: readonly Finding[]): readonly Finding[] {
  const { targets, excludes } = policy;
  if (targets.length === 0 && excludes.length === 0) return findings;
  const changes = findings.filter((f) => f.bucket === 'change').map((f) => f.change);
  const dependents = dependentsOf(changes);
  const rest = restOfRemoval(changes);
  const out = closure(
    changes.filter((c) => matchesAny(excludes, c.address, c.agent)),
    (c) => [...dependents(c), ...rest(c)],
  );
  const left = changes.filter((c) => !out.has(c.address));
  const wanted = targets.length === 0 ? left : left.filter((c) => matchesAny(targets, c.address, c.agent));
  const kept = closure(wanted, (c) => [...left.filter((other) => c.depends_on.includes(other.address)), ...rest(c)]);
  return findings.flatMap((f): readonly Finding[] => {
    if (f.bucket === 'change') return kept.has(f.change.address) ? [f] : [];
    const about = subjectOfFinding(f);
    if (matchesAny(excludes, about.address, about.agent)) return [];
    return targets.length === 0 || matchesAny(targets, about.address, about.agent) ? [f] : [];
  });
}

function matchesAny(patterns: readonly string[], address: string, agent: string | null): boolean {
  return patterns.some((p) => matchesTarget(p, address, agent));
}

function dependentsOf(changes: readonly Change[]): (c: Change) => readonly Change[] {
  return (c) => changes.filter((other) => other.depends_on.includes(c.address));
}

function closure(from: readonly Change[], next: (c: Change) => readonly Change[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...from];
  for (let c = queue.pop(); c !== undefined; c = queue.pop()) {
    if (seen.has(c.address)) continue;
    seen.add(c.address);
    queue.push(...next(c));
  }
  return seen;
}

function subjectOfFinding(f: Exclude<Finding, { bucket: 'change' }>): { address: string; agent: string | null } {
  switch (f.bucket) {
    case 'deferred':
      return f.change;
    case 'blocked':
      return f.blocked;
    case 'unknown':
      return f.unknown;
    case 'warning':
      return f.warning;
    case 'unmanaged':
      return { address: f.unmanaged.address, agent: null };
  }
}
