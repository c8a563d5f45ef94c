/** What the exit code of a command says, as pure functions of its result. Source: docs/contract.md, sections 4 and 11. */
import type { Plan } from '../diff/plan.ts';

export const EXIT = {
  done: 0,
  error: 1,
  pending: 2,
  incomplete: 3,
  blocked: 4,
  stale: 5,
  locked: 6,
  partial: 7,
  usage: 64,
  invalidRoster: 78,
  hungUp: 129,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Several outcomes, worst first, where nothing was changed or nothing failed. */
const PRECEDENCE: readonly ExitCode[] = [
  EXIT.partial,
  EXIT.error,
  EXIT.stale,
  EXIT.locked,
  EXIT.blocked,
  EXIT.incomplete,
  EXIT.pending,
];

/** 7 over 1 over 5 over 6 over 4 over 3 over 2 over 0. */
export function worst(codes: readonly ExitCode[]): ExitCode {
  return PRECEDENCE.find((code) => codes.includes(code)) ?? EXIT.done;
}

type PlanFindings = Pick<Plan, 'complete' | 'changes' | 'deferred' | 'blocked' | 'unknown'>;

export function isIncomplete(plan: PlanFindings): boolean {
  return !plan.complete || plan.unknown.length > 0 || plan.blocked.some((b) => b.guard === 'unobserved');
}

/** Paused agents are listed with the ignored and never change the code. */
export function isBlocked(plan: PlanFindings): boolean {
  return plan.blocked.some((b) => b.guard !== 'unobserved' && b.guard !== 'paused');
}

export function planExitCode(plan: PlanFindings, options: { readonly detailed: boolean }): ExitCode {
  const pending = plan.changes.length > 0 || plan.deferred.length > 0;
  return worst([
    isBlocked(plan) ? EXIT.blocked : EXIT.done,
    isIncomplete(plan) ? EXIT.incomplete : EXIT.done,
    options.detailed && pending ? EXIT.pending : EXIT.done,
  ]);
}

/** What apply came to. Counts are of changes; `plan` is the last one it worked from. */
export interface ApplyFindings {
  readonly applied: number;
  readonly failed: number;
  /** Of those that failed: whose effect had begun, so that something may have been changed. */
  readonly begun: number;
  readonly stale: number;
  /** As wanted already, before their turn. */
  readonly satisfied: number;
  readonly notAttempted: number;
  /** Planned, but busy or attached by the time of their turn. */
  readonly deferred: number;
  readonly plan: PlanFindings;
}

export function applyExitCode(found: ApplyFindings, options: { readonly detailed: boolean }): ExitCode {
  const left = worst([
    isBlocked(found.plan) ? EXIT.blocked : EXIT.done,
    isIncomplete(found.plan) ? EXIT.incomplete : EXIT.done,
    options.detailed && found.deferred + found.plan.deferred.length > 0 ? EXIT.pending : EXIT.done,
  ]);
  const undone = found.failed + found.stale + found.notAttempted;
  if (undone === 0) return left;
  if (found.applied + found.begun > 0) return EXIT.partial;
  if (found.failed > 0 || found.stale === 0) return EXIT.error;
  // Stale as a whole is what nothing came of, by this apply or by an earlier one.
  return found.satisfied > 0 ? EXIT.partial : EXIT.stale;
}

/** `observe`, `ps`, `explain`: 0 or 3. */
export function lookExitCode(complete: boolean): ExitCode {
  return complete ? EXIT.done : EXIT.incomplete;
}

/** What the process will exit with for the signal that aborted `interrupted`; null where none did. */
export function interruptExitCode(interrupted: AbortSignal): ExitCode | null {
  const { reason } = interrupted;
  return reason === EXIT.interrupted || reason === EXIT.terminated || reason === EXIT.hungUp ? reason : null;
}

export function signalExitCode(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): ExitCode {
  if (signal === 'SIGHUP') return EXIT.hungUp;
  return signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
}
