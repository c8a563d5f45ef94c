/** How calm the controller is. Milliseconds; what concerns one agent (`restart:`) stands in the roster. */
export interface ControlPolicy {
  /** Effects within any minute, over the whole host. Null: 60, or one for each agent where there are more. */
  readonly actionsPerMinute: number | null;
  /** Restarts are forgiven after so much health, seen and not assumed. */
  readonly forgiveMs: number;
  /** Share of a backoff that is added by chance, so that agents that ended together do not come back together. */
  readonly jitter: number;
  /** From the first look at a living session that is to be replaced to the second. The roster's own wish needs the next look only. */
  readonly secondLookMs: number;
  /** A field put back so often within `fightWindowMs` is contested. */
  readonly fightLimit: number;
  readonly fightWindowMs: number;
  /** An effect that failed is tried again after so long, doubling up to the second. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /** At most so long waits what all agents share and was brought back each time. */
  readonly maxSharedMs: number;
  /** How often what waits for idleness is looked at again, where no event tells. */
  readonly deferredMs: number;
  /** A full look, give or take `resyncJitter` of it. */
  readonly resyncMs: number;
  readonly resyncJitter: number;
}

export const CONTROL_POLICY: ControlPolicy = {
  actionsPerMinute: null,
  forgiveMs: 1_800_000,
  jitter: 0.1,
  secondLookMs: 2_000,
  fightLimit: 3,
  fightWindowMs: 3_600_000,
  retryMs: 5_000,
  maxRetryMs: 600_000,
  maxSharedMs: 60_000,
  deferredMs: 15_000,
  resyncMs: 60_000,
  resyncJitter: 0.1,
};

/** In [0, 1), from a generator that is passed in: a seed gives the same run again. */
export type Random = () => number;
