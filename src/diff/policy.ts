import type { Kind } from '../spec/address.ts';
import type { PlanHolds } from './plan-holds.ts';

/** What the command line says about one plan. Counts and percentages are of the agents in scope. */
export interface PlanPolicy {
  readonly evenIfAttached: boolean;
  readonly evenIfBusy: boolean;
  readonly prune: boolean;
  readonly allowEmpty: boolean;
  /** Full addresses, `kind/name`, or bare agent names; empty = everything. */
  /** Roster names of hosts and tenants to plan for; empty = all. */
  readonly hosts: readonly string[];
  readonly tenants: readonly string[];
  readonly targets: readonly string[];
  readonly excludes: readonly string[];
  /** More than so many removals, or interruptions, and none of them is made. Null = no limit. */
  readonly maxDestroy: Limit | null;
  readonly maxDisrupt: Limit | null;
}

/**
 * `5` or `20%`; a percentage is of the agents in scope (those of the roster for this host and tenant that --target and
 * --exclude leave), rounded down, at least 1 where it is not 0 %.
 */
export interface Limit {
  readonly value: number;
  readonly unit: 'count' | 'percent';
}

/** What fleet remembers of earlier applies on this host (from the inventory); empty where there is none. */
export interface PlanMemory {
  /** By agent. */
  readonly sessions: Readonly<Record<string, RememberedSession>>;
  /** By `kind/name`: what fleet made or took over, and may therefore remove. */
  readonly owned: Readonly<Record<string, OwnedRecord>>;
  /** The last apply, where it ended without saying so: killed, or the machine went down. */
  readonly interrupted: InterruptedApply | null;
  /** Crash loops, fights and pauses in force; absent = none. Not of the inventory: src/reconcile/control. */
  readonly holds?: PlanHolds;
}

export const EMPTY_MEMORY: PlanMemory = { sessions: {}, owned: {}, interrupted: null };

/** A resource that is ours. Written down before it is made (`intended`), so that nothing of ours is ever unknown to fleet. */
export interface OwnedRecord {
  readonly kind: Kind;
  /** As in the address. */
  readonly name: string;
  readonly agent: string | null;
  /** `forgotten`: a person let go of it. It counts as not ours, whatever mark it still bears. */
  readonly how: 'made' | 'adopted' | 'forgotten';
  readonly state: 'intended' | 'made';
  /** The roster said `protect: true` when it was last applied: outlives the roster's entry. */
  readonly protect: boolean;
  /** RFC 3339. */
  readonly since: string;
  /** The plan that made it; null where a person adopted it. */
  readonly plan: string | null;
  /** Of a unit file that was adopted: its text then, which is what is kept. */
  readonly content: string | null;
}

export interface InterruptedApply {
  readonly plan: string;
  /** RFC 3339. */
  readonly at: string;
  /** Addresses whose effect had begun and of which no end is known. */
  readonly doing: readonly string[];
}

/** Which session is the agent's, as fleet started it or took it over, and what it was started from. */
export interface RememberedSession {
  readonly agent: string;
  readonly socket: string;
  readonly server: { readonly pid: number; readonly start: number };
  readonly id: string;
  readonly created: number;
  /** Fingerprint as src/spec/fingerprint.ts makes it; null where that is not known: it was adopted. */
  readonly spec: string | null;
  readonly boot_id: string | null;
  /** An ephemeral agent of this fingerprint has ended and is not started again. */
  readonly done: boolean;
  /** The plan by which it was started or taken over; null where that is not known. */
  readonly plan: string | null;
}
