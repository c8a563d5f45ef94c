/** The rows on pauses, crash loops and fights: what would be done, and is not for now. */
import { fingerprint } from '../spec/fingerprint.ts';
import type { AgentSpec } from '../spec/model.ts';
import { fleetCommand } from './command-line.ts';
import { addressOf, type PlanContext, placeOfTarget } from './context.ts';
import { blocked, type Finding, warning } from './finding.ts';
import type { Change, Ignored } from './plan.ts';
import { type CrashLoop, NO_HOLDS, type Pause, type PlanHolds } from './plan-holds.ts';
import { contestableFields, isBringUp } from './repetition.ts';
import { standingOf } from './standing.ts';
import { matchesTarget } from './target.ts';
import { times } from './times.ts';

export interface HeldBack {
  readonly findings: readonly Finding[];
  readonly paused: readonly Ignored[];
}

export function holdBack(ctx: PlanContext, findings: readonly Finding[]): HeldBack {
  const holds = ctx.memory.holds ?? NO_HOLDS;
  let looped = findings;
  for (const agent of ctx.agents) looped = crashLooped(ctx, agent, holds, looped);
  const fought = looped.map((f) => contested(ctx, holds, f));
  return pause(ctx, holds.pauses, fought);
}

const wanted = (f: Finding): Change | null => (f.bucket === 'change' || f.bucket === 'deferred' ? f.change : null);

function crashLooped(
  ctx: PlanContext,
  agent: AgentSpec,
  holds: PlanHolds,
  findings: readonly Finding[],
): readonly Finding[] {
  const loop = Object.hasOwn(holds.crash_loops, agent.name) ? holds.crash_loops[agent.name] : undefined;
  if (loop === undefined || agent.state === 'stopped' || !isOfSpec(ctx, agent, loop)) return findings;
  const bringsUp = (f: Finding): Change | null => {
    const change = wanted(f);
    return change !== null && change.agent === agent.name && isBringUp(change) ? change : null;
  };
  const [first] = findings.flatMap((f) => bringsUp(f) ?? []);
  const seconds = Math.round(loop.window / 1000);
  const why = `restarted ${times(loop.restarts)} within ${seconds} s and ended again, left alone since ${loop.since}`;
  if (first === undefined) {
    return [...findings, warning(ctx, 'session', agent.name, agent, 'crash-loop', [why, ...leftAsItIs(ctx, agent)])];
  }
  const reset = fleetCommand(ctx.roster, 'reset', agent.name);
  const remedy = `mend what ends it (a change of its spec lets it go on by itself), then: ${reset}`;
  const what = { reason: 'crash-loop', guard: 'crash-loop', evidence: [why, ...first.evidence], remedy } as const;
  return [...findings.filter((f) => bringsUp(f) === null), blocked(ctx, 'session', agent.name, agent, what)];
}

/** Nothing would bring it up: it runs, or that is unknown, or something else than the latch is in the way too. */
function leftAsItIs(ctx: PlanContext, agent: AgentSpec): readonly string[] {
  const standing = standingOf(ctx, agent);
  switch (standing.stands) {
    case 'up':
      return [standing.pane === null ? 'it is not started again' : 'it runs now; when it ends it is not started again'];
    case 'unknown':
      return [
        `whether it runs is unknown: ${standing.evidence.join('; ')}`,
        'when it has ended it is not started again',
      ];
    case 'down':
      return [...standing.evidence, 'it is not started again'];
  }
}

/** Where the home cannot be read the spec cannot be told, and so not have changed. */
function isOfSpec(ctx: PlanContext, agent: AgentSpec, loop: CrashLoop): boolean {
  return ctx.files === null || fingerprint(agent, ctx.files.user.home) === loop.spec;
}

function contested(ctx: PlanContext, { contested: fights }: PlanHolds, f: Finding): Finding {
  const change = wanted(f);
  if (change === null) return f;
  const about = fights.filter((c) => c.address === change.address && c.roster === ctx.roster.sha256);
  const fight = about.find((c) => contestableFields(change).includes(c.path));
  if (fight === undefined) return f;
  const { address, agent } = change;
  const evidence = [
    `${fight.path || 'it'} was put back ${times(fight.times)} after fleet had repaired it (${change.reason}), last at ${fight.since}`,
    `left alone until the roster changes or \`fleet reset ${agent ?? address}\``,
  ];
  return { bucket: 'warning', warning: { address, agent, reason: 'contested', evidence } };
}

function pause(ctx: PlanContext, pauses: readonly Pause[], findings: readonly Finding[]): HeldBack {
  const notes: Ignored[] = pauses.map((p) => note(ctx, p, addressOfPause(ctx, p), 'paused'));
  const left = findings.filter((f) => {
    const about = f.bucket === 'blocked' ? f.blocked : wanted(f);
    if (about === null) return true;
    const by = pauses.find((p) => covers(p, about.address, about.agent));
    if (by === undefined) return true;
    notes.push(note(ctx, by, about.address, about.reason));
    return false;
  });
  const overdue = pauses.filter((p) => isOverdue(p, ctx.now));
  return { findings: [...left, ...overdue.map((p) => overdueWarning(ctx, p))], paused: notes };
}

export function covers(pause: Pause, address: string, agent: string | null): boolean {
  return pause.target === null || matchesTarget(pause.target, address, agent);
}

/** `now`: Unix milliseconds. A bare date is over at its end (UTC). */
export function isOverdue(pause: Pause, now: number): boolean {
  if (pause.until === null) return false;
  const end = pause.until.length === 10 ? `${pause.until}T23:59:59.999Z` : pause.until;
  return now > Date.parse(end);
}

function note(ctx: PlanContext, p: Pause, address: string, reason: Ignored['reason']): Ignored {
  const rule = { reason: p.reason, until: p.until, line: 0 };
  return { address, reason, path: null, rule, pause: { by: p.by, since: p.since, overdue: isOverdue(p, ctx.now) } };
}

function addressOfPause(ctx: PlanContext, { target }: Pause): string {
  return target === null ? addressOf(ctx, 'session', '*') : placeOfTarget(ctx, target);
}

function overdueWarning(ctx: PlanContext, p: Pause): Finding {
  const who = p.target ?? '--all';
  const agent = ctx.agentNamed(p.target ?? '')?.name ?? null;
  const evidence = [
    `paused by ${p.by} since ${p.since} until ${p.until ?? ''}: ${p.reason}`,
    `it is still paused: \`fleet resume ${who}\`, or pause it anew with a later --until`,
  ];
  return { bucket: 'warning', warning: { address: addressOfPause(ctx, p), agent, reason: 'pause-overdue', evidence } };
}
