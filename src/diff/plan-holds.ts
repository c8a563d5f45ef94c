/**
 * What holds fleet back although the world differs: crash loops, fights and pauses. Made by the controller's counters and
 * by people (src/reconcile/control), and in force in plan, apply and run alike. Plain JSON data; times are RFC 3339.
 */
export interface PlanHolds {
  /** By agent. */
  readonly crash_loops: Readonly<Record<string, CrashLoop>>;
  readonly contested: readonly Contested[];
  readonly pauses: readonly Pause[];
}

export const NO_HOLDS: PlanHolds = { crash_loops: {}, contested: [], pauses: [] };

/** The agent used up its restarts and ended again. In force for that spec alone. */
export interface CrashLoop {
  /** Fingerprint of the spec that crashed. */
  readonly spec: string;
  readonly since: string;
  readonly restarts: number;
  /** Milliseconds within which so many restarts were made. */
  readonly window: number;
}

/** Somebody else keeps putting this field back. In force for that roster alone. */
export interface Contested {
  readonly address: string;
  /** RFC 6901 pointer, as in a change's patch; '' the whole resource. */
  readonly path: string;
  /** Hex SHA-256 of the roster that fleet repaired it by. */
  readonly roster: string;
  readonly since: string;
  readonly times: number;
}

/** A person's "hands off". */
export interface Pause {
  /** An agent's name, `kind/name` or a full address; null = everything. */
  readonly target: string | null;
  readonly reason: string;
  /** When it should be over. It stays in force after that, and warns: nobody said that hands may go on again. */
  readonly until: string | null;
  readonly since: string;
  readonly by: string;
}
