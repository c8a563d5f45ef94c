/**
 * Whose the files are that a unit or the launcher runs by. In layout fleet they have one name a user: another fleet's,
 * nobody's, or somebody's own behind a link is never written over, and no unit that runs by it is started, stopped,
 * enabled or disabled.
 */
import type { UnitObserved } from '../observe/state.ts';
import { argvFileOwner } from '../spec/argv-file.ts';
import { renderUnitFiles, unitFileOwner } from '../spec/unit-file.ts';
import { fleetCommand, shellPath } from './command-line.ts';
import type { PlanContext } from './context.ts';
import { blocked, type Finding, unobserved } from './finding.ts';
import { recordFor } from './owned.ts';
import type { Blocked } from './plan.ts';
import type { Reason } from './reasons.ts';

export interface Foreign extends Pick<Blocked, 'guard' | 'evidence' | 'remedy'> {
  readonly state: 'foreign';
  /** Of the file's own row. */
  readonly reason: Extract<Reason, 'other-owner' | 'unit-file-changed'>;
}

export type Whose =
  /** Or there is none yet, or it is a mask, which is told by the unit's row. */
  { readonly state: 'ours' } | { readonly state: 'unknown'; readonly why: string; readonly detail: string } | Foreign;

const OURS: Whose = { state: 'ours' };

/** Of the holder's unit or an agent's, by its name: what it runs by, down to the file that the launcher reads. */
export function whoseUnit(ctx: PlanContext, unit: string): Whose {
  const agent = ctx.layout.agentOfUnit(unit);
  if (agent === null) return whoseUnitFile(ctx, ctx.layout.holderUnit);
  const argv = whoseArgvFile(ctx, agent);
  return argv.state === 'ours' ? whoseUnitFile(ctx, ctx.layout.agentTemplate) : argv;
}

/** Where it cannot be read the session's own row says so. */
export function whoseArgvFile(ctx: PlanContext, agent: string): Whose {
  const seen = ctx.launcher ? ctx.files?.argv_files[agent] : undefined;
  const owner = seen?.state === 'present' ? argvFileOwner(seen.content) : null;
  if (owner === null || owner === ctx.roster.fleet) return OURS;
  const remedy = `use \`fleet: ${owner}\` in ${ctx.roster.path}, or remove that fleet's files first`;
  return otherOwner(`${agent} belongs to fleet ${owner}`, remedy);
}

const known = new WeakMap<PlanContext, Map<string, Whose>>();

/** Of the holder's file or the template. Layout mosaic's are not judged: they are nobody's to begin with. */
export function whoseUnitFile(ctx: PlanContext, name: string): Whose {
  const told = known.get(ctx) ?? new Map<string, Whose>();
  known.set(ctx, told);
  const whose = told.get(name) ?? judgeUnitFile(ctx, name);
  told.set(name, whose);
  return whose;
}

function judgeUnitFile(ctx: PlanContext, name: string): Whose {
  if (!ctx.systemd || !ctx.layout.ownsUnitFiles) return OURS;
  const { files } = ctx.observed.sources;
  // In the word of the rows on places, so that a session is told but once.
  if (files.status === 'unknown') return { state: 'unknown', why: 'unobserved', detail: `files: ${files.detail}` };
  const seen = files.value.unit_files[name];
  if (seen === undefined) return { state: 'unknown', why: 'not-observed', detail: `${name} was not looked at` };
  if (seen.state === 'unknown') return { state: 'unknown', why: seen.why, detail: `${name}: ${seen.detail}` };
  if (seen.state === 'absent' || isMask(seen)) return OURS;
  const owner = unitFileOwner(seen.content);
  if (owner !== null && owner !== ctx.roster.fleet) return anotherFleets(ctx, name, owner);
  if (seen.link_target !== null) {
    const wanted = renderUnitFiles(ctx.roster, ctx.agents, files.value.user.home)[name];
    return seen.content === wanted ? OURS : foreignLink(ctx, name, seen);
  }
  const adopted = recordFor(ctx.memory, 'unit-file', name)?.content === seen.content;
  return owner !== null || adopted ? OURS : nobodys(ctx, name);
}

/** Layout fleet: whether the unit runs by a file that this plan writes again, since it is ours and was edited. */
export function isWrittenAgain(ctx: PlanContext, unit: Pick<UnitObserved, 'name' | 'fragment_path'>): boolean {
  const { files, layout } = ctx;
  const name = layout.agentOfUnit(unit.name) === null ? layout.holderUnit : layout.agentTemplate;
  const seen = files?.unit_files[name];
  if (files === null || !layout.ownsUnitFiles || seen?.state !== 'present' || isMask(seen)) return false;
  // An instance may have a file of its own.
  if (unit.fragment_path !== `${files.user.home}/.config/systemd/user/${name}`) return false;
  if (whoseUnit(ctx, unit.name).state !== 'ours') return false;
  return seen.content !== renderUnitFiles(ctx.roster, ctx.agents, files.user.home)[name];
}

interface Present {
  readonly content: string;
  readonly link_target: string | null;
}

/** A link to /dev/null, or an empty file. */
export function isMask({ content, link_target }: Present): boolean {
  return link_target === null ? content.trim() === '' : link_target === '/dev/null';
}

/** Of a link to anything else, which is somebody's repository of settings: neither written through nor replaced. */
export function foreignLink(ctx: PlanContext, name: string, { content, link_target }: Present): Foreign {
  const reads = content === '' ? 'where nothing could be read' : 'which reads otherwise than fleet wants it';
  const path = shellPath(`~/.config/systemd/user/${name}`);
  const apply = fleetCommand(ctx.roster, 'apply');
  return {
    state: 'foreign',
    reason: 'unit-file-changed',
    guard: 'not-ours',
    evidence: [`${name} is a link to ${link_target ?? '?'}, ${reads}: fleet neither writes through it nor replaces it`],
    remedy: `put settings of your own into a drop-in and take the link away (rm ${path}), then: ${apply}`,
  };
}

function anotherFleets(ctx: PlanContext, name: string, owner: string): Foreign {
  const { fleet, path } = ctx.roster;
  const remedy = `give fleet ${fleet} a user of its own, or \`supervisor: none\` in ${path}; or take fleet ${owner} away from this user first, its unit files last`;
  return otherOwner(`${name} belongs to fleet ${owner}`, remedy);
}

function nobodys(ctx: PlanContext, name: string): Foreign {
  const adopt = fleetCommand(ctx.roster, 'adopt', `unit-file/${name}`);
  return otherOwner(`${name} bears no mark of any fleet`, `move the file away; or, to have fleet write it: ${adopt}`);
}

function otherOwner(evidence: string, remedy: string): Foreign {
  return { state: 'foreign', reason: 'other-owner', guard: 'other-owner', evidence: [evidence], remedy };
}

/** What would be done to something that runs by files which are not ours, or may not be: said, and left alone. */
export function leftAlone(
  ctx: PlanContext,
  what: Pick<Blocked, 'reason' | 'evidence'> & {
    readonly kind: 'session' | 'unit' | 'tmux-server';
    readonly name: string;
    readonly agent: Parameters<typeof blocked>[3];
  },
  whose: Exclude<Whose, { state: 'ours' }>,
): Finding {
  const { kind, name, agent, reason } = what;
  if (whose.state === 'unknown') {
    return unobserved(ctx, kind, name, agent, whose.why, `${reason}, left alone: ${whose.detail}`);
  }
  const { guard, remedy } = whose;
  return blocked(ctx, kind, name, agent, { reason, guard, evidence: [...what.evidence, ...whose.evidence], remedy });
}
