/**
 * The plan: what differs, why, and what apply would do, as plain JSON data (`fleet.plan`, format 1.0, docs/contract.md
 * section 5). One change is one external effect. Everything unexpected is a bucket here, never an exception.
 */
import type { Kind } from '../spec/address.ts';
import type { SourcePosition } from '../spec/diagnostics.ts';
import type { Reason } from './reasons.ts';

export type Action =
  | 'create'
  | 'start'
  | 'restart'
  | 'stop'
  | 'enable'
  | 'disable'
  | 'update'
  | 'reload'
  | 'signal'
  | 'destroy';

/** A JSON object: the view of one resource, by which drift is told and shown. Secret values are `***`. */
export type View = { readonly [key: string]: ViewValue };
export type ViewValue = string | number | boolean | null | readonly ViewValue[] | { readonly [key: string]: ViewValue };

export type PatchOperation =
  | { readonly op: 'test' | 'add' | 'replace'; readonly path: string; readonly value: ViewValue }
  | { readonly op: 'remove'; readonly path: string };

export interface Plan {
  readonly format_version: '1.0';
  readonly kind: 'fleet.plan';
  /** Hex SHA-256 of the canonical body without `plan_id`, `created` and `tool_version`. */
  readonly plan_id: string;
  readonly tool_version: string;
  /** The observation's `observed_at`. */
  readonly created: string;
  /** False where something on the roster could not be observed. */
  readonly complete: boolean;
  /** There are changes, and nothing forbids applying them. */
  readonly applyable: boolean;
  readonly roster: {
    readonly path: string;
    readonly sha256: string;
    /** Of the checkout that the roster lies in; null: in none, or not to be told. */
    readonly commit: string | null;
    /** The roster's bytes are not those of the commit; null: not to be told. */
    readonly dirty: boolean | null;
  };
  readonly hosts: readonly PlanHost[];
  /** In the order in which apply makes them. */
  readonly changes: readonly Change[];
  readonly deferred: readonly DeferredChange[];
  readonly blocked: readonly Blocked[];
  readonly unknown: readonly Unobserved[];
  readonly warnings: readonly Warning[];
  readonly unmanaged: readonly Unmanaged[];
  readonly ignored: readonly Ignored[];
  readonly summary: Summary;
}

export interface PlanHost {
  readonly name: string;
  readonly tenant: string;
  readonly status: 'observed' | 'partial' | 'unreachable';
  readonly observed_at: string | null;
  readonly boot_id: string | null;
  readonly tmux: { readonly socket: string; readonly server_pid: number; readonly server_start: number } | null;
  readonly error: string | null;
}

export interface Change {
  readonly address: string;
  readonly host: string;
  readonly tenant: string;
  /** The agent it serves; null for what all agents share (holder, linger, templates). */
  readonly agent: string | null;
  readonly kind: Kind;
  readonly action: Action;
  readonly reason: Reason;
  /** intentional: the roster moved; corrective: the world moved; orphan: no longer on the roster. */
  readonly cause: 'intentional' | 'corrective' | 'orphan';
  readonly before: View;
  readonly after: View;
  /** RFC 6902 with `test` operations, from `before` to `after`. */
  readonly patch: readonly PatchOperation[];
  readonly disruption: 'none' | 'restart' | 'destroy';
  readonly live: { readonly attached: number; readonly busy: boolean };
  readonly evidence: readonly string[];
  /** Addresses of changes of this plan that must have been made first. */
  readonly depends_on: readonly string[];
  /** What must still hold just before the effect. */
  readonly precondition: Precondition;
  readonly source: SourcePosition | null;
  /** Docs, planning rules, "Order": 1 files, 2 reload, 3 linger and boot, 4 tmux server, 5 agents, 6 prune. */
  readonly stage: 1 | 2 | 3 | 4 | 5 | 6;
  readonly wave: number;
  /** After this effect the world must be observed and planned anew: what follows could not be seen before it. */
  readonly replan: boolean;
}

/**
 * Facts that must still be so just before the effect, each compared with what is read then. Absent keys are not
 * compared. `executor` refuses (stale) on the first that differs.
 */
export interface Precondition {
  /** Session of the agent (or of the holder) on its socket: this very one, or none. */
  readonly session?: SessionIdentity | null;
  /** The tmux server behind the socket: this very one, or none. */
  readonly server?: ServerIdentity | null;
  /** UnitFileState, ActiveState of the unit. */
  readonly unit_file_state?: string;
  readonly active_state?: string;
  /** Hex SHA-256 of the file to be written, null = absent. */
  readonly file_sha256?: string | null;
  readonly linger?: boolean;
  /** A process by pid and start time (clock ticks since boot): the server that is to be signalled. */
  readonly process?: { readonly pid: number; readonly start_time: number };
  readonly need_daemon_reload?: boolean;
  /** No session of the agent's name on these sockets: stopping its unit would end one, whosever it is. */
  readonly no_session_on?: readonly string[];
  /** The change interrupts: not attached, not busy unless these say that it may be. */
  readonly may_interrupt?: { readonly attached: boolean; readonly busy: boolean };
}

export interface ServerIdentity {
  readonly socket: string;
  readonly pid: number;
  readonly start: number;
}

/** Ids start anew with every server, so a session is its server, id and creation time, and its mark where it has one. */
export interface SessionIdentity {
  readonly server: ServerIdentity;
  readonly id: string;
  readonly created: number;
  readonly owner: string | null;
  readonly pane: string;
  readonly pane_pid: number | null;
}

export type DeferWhy = 'busy' | 'attached' | 'other-panes' | 'in-transition' | 'awaiting-second-look';
export interface DeferredChange extends Change {
  readonly why: DeferWhy;
  /** How to do it now, where that can be said. */
  readonly remedy: string | null;
}

export type Guard =
  | 'protect'
  | 'max-destroy'
  | 'max-disrupt'
  | 'unobserved'
  | 'masked'
  | 'paused'
  | 'missing'
  | 'not-ours'
  | 'other-owner'
  | 'split-brain'
  | 'wrong-socket'
  | 'duplicate'
  | 'server-in-unit'
  | 'cannot-enable'
  | 'permission'
  | 'crash-loop'
  | 'prerequisite';

export interface Blocked {
  readonly address: string;
  readonly agent: string | null;
  readonly reason: Reason;
  readonly guard: Guard;
  readonly evidence: readonly string[];
  /** The command or edit that would let it through. */
  readonly remedy: string;
  readonly source: SourcePosition | null;
}

/** What could not be seen, and so is left alone. */
export interface Unobserved {
  readonly address: string;
  readonly agent: string | null;
  readonly why: string;
  readonly detail: string;
}

export interface Warning {
  readonly address: string;
  readonly agent: string | null;
  readonly reason: Reason;
  readonly evidence: readonly string[];
}

export interface Unmanaged {
  readonly address: string;
  readonly why: string;
}

export interface Ignored {
  readonly address: string;
  readonly reason: Reason;
  /** Pointer of the rule, null = the whole resource. */
  readonly path: string | null;
  /** `line` is 0 for a pause, which is no rule of the roster. */
  readonly rule: { readonly reason: string; readonly until: string | null; readonly line: number };
  /** Only for what a person paused. */
  readonly pause?: { readonly by: string; readonly since: string; readonly overdue: boolean };
}

export interface Summary {
  readonly create: number;
  readonly start: number;
  readonly restart: number;
  readonly enable: number;
  readonly disable: number;
  readonly update: number;
  readonly reload: number;
  readonly signal: number;
  readonly stop: number;
  readonly destroy: number;
  /** Agents without any change, deferral, block or unknown. */
  readonly unchanged: number;
  readonly deferred: number;
  readonly blocked: number;
  readonly unknown: number;
  readonly unmanaged: number;
  readonly ignored: number;
  readonly warnings: number;
}
