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
}

/** What fleet remembers of earlier applies on this host (from the inventory); empty where there is none. */
export interface PlanMemory {
  /** By agent. */
  readonly sessions: Readonly<Record<string, RememberedSession>>;
}

/** What a session that fleet started was started from. */
export interface RememberedSession {
  readonly agent: string;
  readonly socket: string;
  readonly server: { readonly pid: number; readonly start: number };
  readonly id: string;
  readonly created: number;
  /** Fingerprint as src/spec/fingerprint.ts makes it. */
  readonly spec: string;
  readonly boot_id: string | null;
  /** An ephemeral agent of this fingerprint has ended and is not started again. */
  readonly done: boolean;
}
