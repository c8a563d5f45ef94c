/** A saved plan for people: the plan as `fleet plan` printed it, then where it is from and whether it still fits. Pure. */
import { formatPlan } from '../../diff/format-text.ts';
import type { SavedPlan } from '../../diff/saved-plan.ts';
import type { Misfit } from '../../diff/saved-plan-fit.ts';
import { formatShellWords } from '../../spec/quoting.ts';
import { printable } from './text.ts';

export interface AboutSaved {
  /** As given. */
  readonly path: string;
  readonly misfits: readonly Misfit[];
  /** Whether the roster could be read to compare it. */
  readonly rosterKnown: boolean;
  readonly color: boolean;
}

/** Ends in a newline. */
export function formatSavedPlan(plan: SavedPlan, about: AboutSaved): string {
  const lines = [...origin(plan), ...verdict(plan, about)];
  return `${formatPlan(plan, { color: about.color })}\n${lines.map((line) => `${printable(line)}\n`).join('')}`;
}

function origin(plan: SavedPlan): readonly string[] {
  const places = plan.hosts.map((h) => `${h.name}/${h.tenant}`).join(', ');
  const { commit, dirty } = plan.roster;
  const changed = dirty === true ? ', changed since' : dirty === null ? ', perhaps changed since' : '';
  const of = commit === null ? '' : ` (commit ${commit.slice(0, 12)}${changed})`;
  return [
    `Saved plan ${plan.plan_id.slice(0, 12)} of ${plan.created} for ${places}, by fleet ${plan.tool_version}.`,
    `Roster: ${plan.roster_file}${of}. Good until ${plan.expires}.`,
  ];
}

function verdict(plan: SavedPlan, { path, misfits, rosterKnown }: AboutSaved): readonly string[] {
  if (misfits.length > 0) return misfits.flatMap((m) => [`It no longer fits: ${m.detail}.`, `  ${m.remedy}`]);
  const unread = rosterKnown ? [] : [`Whether it still fits cannot be told: ${plan.roster_file} cannot be read.`];
  return [...unread, `To make just these changes: fleet apply ${formatShellWords([path])}`];
}
