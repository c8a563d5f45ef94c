/** What every effect is given. Built once an apply. */
import type { Change, Plan } from '../diff/plan.ts';
import type { PlanPolicy } from '../diff/policy.ts';
import type { Observed } from '../observe/state.ts';
import { expandHome } from '../spec/home.ts';
import { LAUNCHER_PATH } from '../spec/launcher.ts';
import { type Layout, layoutOf } from '../spec/layout.ts';
import type { AgentSpec, Roster } from '../spec/model.ts';
import type { BatchPolicy } from './batches.ts';
import { inventoryPath } from './inventory.ts';
import type { ChangeLog, Journal, JournalStore } from './journal.ts';
import type { ApplyEvent, Failure } from './outcome.ts';
import type { ApplyPorts } from './ports.ts';
import { shareObservations } from './share-observations.ts';

export interface ApplyInput {
  readonly plan: Plan;
  /** The look at everything from which the plan was made; absent where it was made elsewhere or long ago. */
  readonly observed?: Observed;
  readonly roster: Roster;
  /** As in the plan's addresses; changes of other hosts and tenants are not attempted. */
  readonly host: string;
  readonly tenant: string;
  /** From the user database. */
  readonly user: { readonly name: string; readonly uid: number; readonly home: string };
  readonly policy: PlanPolicy;
  readonly ports: ApplyPorts;
  /** Aborted once: the effects under way are finished, nothing new begins. */
  readonly signal: AbortSignal;
  /** Milliseconds that a started agent must live before it counts as started. Default 2000. */
  readonly settleMs?: number;
  /** Milliseconds within which a started agent must be ready. Default 60000. */
  readonly readyDeadlineMs?: number;
  /** Effects at the same time. Default 4; waiting for agents to settle does not count. */
  readonly concurrency?: number;
  /**
   * Asked just before each effect; a failure (the lease is lost, all is paused) ends apply as an interrupt does. After
   * `lease-lost` nothing is written any more, not even what has been done.
   */
  readonly mayAct?: () => Failure | null;
  /** Of the lease under which this apply works, for its journal. Default 0: none. */
  readonly fence?: number;
  /** Shared by applies that one process makes at the same time. Default: one of its own. */
  readonly journals?: JournalStore;
  /** Canary batches, and how many failures end apply. Default: all at once, whatever fails. */
  readonly batches?: BatchPolicy;
  readonly onEvent: (event: ApplyEvent) => void;
}

/** What all changes of an apply share. */
export interface ApplyContext {
  readonly roster: Roster;
  readonly layout: Layout;
  readonly host: string;
  readonly tenant: string;
  /** Agents of this host and tenant, in roster order. */
  readonly agents: readonly AgentSpec[];
  readonly user: ApplyInput['user'];
  readonly policy: PlanPolicy;
  readonly ports: ApplyPorts;
  readonly signal: AbortSignal;
  readonly settleMs: number;
  readonly readyDeadlineMs: number;
  readonly systemd: boolean;
  /** Sessions are made by fleet's own launcher and bear its mark (layout fleet, and supervisor none). */
  readonly launcher: boolean;
  /** Absolute. */
  readonly launcherPath: string;
  readonly inventoryPath: string;
  readonly plan: Plan;
  readonly planId: string;
  readonly journal: Journal;
  readonly mayAct: () => Failure | null;
  /** Addresses of the unit files that this apply wrote: systemd must read them, whatever it says of them before. */
  readonly written: Set<string>;
  /** Tells those who watch what a change now waits for. */
  readonly waiting: (change: Change, text: string) => void;
}

/** What the effect of one change is given: its `ports` write it down before they let it touch anything. */
export interface EffectContext extends ApplyContext {
  readonly log: ChangeLog;
}

export function inventoryOf({ user, host, roster }: Pick<ApplyInput, 'user' | 'host' | 'roster'>): string {
  return inventoryPath(user.home, host, roster.fleet);
}

export function createApplyContext(
  input: ApplyInput,
  journal: Journal,
  waiting: ApplyContext['waiting'],
): ApplyContext {
  const { roster, host, tenant, user } = input;
  return {
    roster,
    layout: layoutOf(roster.layout),
    host,
    tenant,
    agents: roster.agents.filter((a) => sameHost(a.host, host) && (a.tenant === null || a.tenant === tenant)),
    user,
    policy: input.policy,
    ports: { ...input.ports, observe: shareObservations(input.ports.observe) },
    signal: input.signal,
    settleMs: input.settleMs ?? 2_000,
    readyDeadlineMs: input.readyDeadlineMs ?? 60_000,
    systemd: roster.supervisor === 'systemd',
    launcher: roster.layout === 'fleet' || roster.supervisor === 'none',
    launcherPath: expandHome(LAUNCHER_PATH, user.home),
    inventoryPath: inventoryOf(input),
    plan: input.plan,
    planId: input.plan.plan_id,
    journal,
    mayAct: input.mayAct ?? (() => null),
    written: new Set(),
    waiting,
  };
}

export function agentNamed(ctx: Pick<ApplyContext, 'agents'>, name: string | null): AgentSpec | null {
  return ctx.agents.find((a) => a.name === name) ?? null;
}

/** Null means this host. Hosts compare without regard to case. */
export function sameHost(wanted: string | null, host: string): boolean {
  return wanted === null || wanted.toLowerCase() === host.toLowerCase();
}
