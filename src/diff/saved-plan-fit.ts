/** Whether a saved plan still fits: what speaks against making it, told without looking at any host. Pure. */
import type { Precondition } from './plan.ts';
import type { SavedPlan } from './saved-plan.ts';

/** Clocks of two machines differ a little. Milliseconds. */
const AHEAD_MS = 5 * 60_000;

export interface Misfit {
  /** Stale: it was good once. Otherwise it is not for here at all. */
  readonly stale: boolean;
  readonly detail: string;
  readonly remedy: string;
}

export interface FitInput {
  /** Unix milliseconds. */
  readonly now: number;
  readonly toolVersion: string;
  /** Path and hex SHA-256 of the roster as it is now; null: not to be told. */
  readonly roster: { readonly path: string; readonly sha256: string } | null;
  /** As in addresses; null: not to be told. */
  readonly here: { readonly host: string; readonly tenant: string } | null;
}

/** The first is the one to be told; empty where nothing speaks against it. */
export function misfits(plan: SavedPlan, input: FitInput): readonly Misfit[] {
  return [newer(plan), otherPlace(plan, input), otherTool(plan, input), age(plan, input), roster(plan, input)].filter(
    (m) => m !== null,
  );
}

export const again = (plan: SavedPlan): string => `make a new one: fleet plan -f ${plan.roster_file} -o FILE`;

/** Only what is known here can be checked before an effect: `satisfies` has this list complete. */
const PRECONDITIONS = {
  session: true,
  server: true,
  unit_file_state: true,
  active_state: true,
  file_sha256: true,
  linger: true,
  process: true,
  need_daemon_reload: true,
  no_session_on: true,
  may_interrupt: true,
} satisfies Record<keyof Required<Precondition>, true>;

function newer(plan: SavedPlan): Misfit | null {
  const strange = plan.changes.flatMap((c) => Object.keys(c.precondition)).find((key) => !(key in PRECONDITIONS));
  if (strange === undefined) return null;
  const detail = `a newer fleet (${plan.tool_version}) made it: this one does not know how to check ${strange}`;
  return { stale: false, detail, remedy: `apply it with that fleet, or ${again(plan)}` };
}

function otherPlace(plan: SavedPlan, { here }: FitInput): Misfit | null {
  if (here === null) return null;
  const is = (host: string, tenant: string): boolean =>
    host.toLowerCase() === here.host.toLowerCase() && tenant === here.tenant;
  const seen = plan.hosts.filter((h) => h.status !== 'unreachable');
  const away = plan.changes.find((c) => !is(c.host, c.tenant));
  if (away === undefined && seen.some((h) => is(h.name, h.tenant))) return null;
  const there = away === undefined ? seen.map((h) => `${h.name}/${h.tenant}`) : [`${away.host}/${away.tenant}`];
  const detail = `it was made for ${there.join(', ') || 'no place that was observed'}, and this is ${here.host}/${here.tenant}`;
  return { stale: false, detail, remedy: 'apply it there, as that user' };
}

function otherTool(plan: SavedPlan, { toolVersion }: FitInput): Misfit | null {
  if (major(plan.tool_version) === major(toolVersion)) return null;
  const detail = `fleet ${plan.tool_version} made it, and this is ${toolVersion}`;
  return { stale: true, detail, remedy: again(plan) };
}

const major = (version: string): string => version.split('.')[0] ?? version;

function age(plan: SavedPlan, { now }: FitInput): Misfit | null {
  const stale = (detail: string): Misfit => ({ stale: true, detail, remedy: again(plan) });
  // Written so that a time which is none is too old.
  if (!(now < Date.parse(plan.expires))) return stale(`it was good for 24 hours, until ${plan.expires}`);
  const ahead = Date.parse(plan.created) - now;
  return ahead <= AHEAD_MS ? null : stale(`it was made at ${plan.created}, which by this clock is yet to come`);
}

function roster(plan: SavedPlan, { roster: now }: FitInput): Misfit | null {
  if (now === null || now.sha256 === plan.roster.sha256) return null;
  const short = (hash: string): string => hash.slice(0, 12);
  const detail = `the roster ${now.path} was changed since (SHA-256 ${short(plan.roster.sha256)}… when it was planned, ${short(now.sha256)}… now)`;
  return { stale: true, detail, remedy: again(plan) };
}
