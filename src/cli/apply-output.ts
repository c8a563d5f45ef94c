/**
 * What apply says, as text or with --json as one object a line. Of the objects the last is a summary, and there is one
 * alone, whatever happened: refused, interrupted once or twice, or ended by a bug.
 */
import { formatPlan } from '../diff/format-text.ts';
import type { Plan } from '../diff/plan.ts';
import type { ApplyEvent, Failure as Cause } from '../reconcile/outcome.ts';
import type { ApplyTotal } from './apply-passes.ts';
import { type Arguments, type Failure, has } from './command.ts';
import type { Context } from './context.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { openProgress, type Progress } from './progress.ts';
import { reportFailure } from './report.ts';
import { abruptEvent, planEvent, refusalEvent, summaryEvent } from './views/apply-json.ts';
import { formatTotal, formatWarning } from './views/apply-text.ts';
import { paintWith } from './views/text.ts';

export interface ApplyOutput {
  readonly planned: (plan: Plan) => void;
  readonly event: (event: Exclude<ApplyEvent, { event: 'summary' }>) => void;
  /** The end of one that was made. */
  readonly total: (total: ApplyTotal, about: Ended) => void;
  /** The end of one that was not, or could not go on. */
  readonly refused: (failure: Failure) => ExitCode;
  /** The end by a bug, unless there was one before; the bug itself is told by who catches it. */
  readonly broken: () => void;
}

interface Ended {
  readonly code: ExitCode;
  /** Made as it was saved, and no more. */
  readonly saved: boolean;
  /** The lease was lost while something was left to do. */
  readonly lost: Cause | null;
}

export function openApplyOutput(args: Arguments, context: Context): ApplyOutput {
  return has(args, 'json') ? jsonOutput(context) : textOutput(context);
}

function jsonOutput(context: Context): ApplyOutput {
  const changes: Plan['changes'][number][] = [];
  const events: ApplyEvent[] = [];
  const at = (): string => new Date(context.now()).toISOString();
  const line = (object: object): void => context.stdout.write(`${JSON.stringify(object)}\n`);
  let ended = false;
  const end = (summary: () => object): void => {
    if (!ended) line(summary());
    ended = true;
    cancel();
  };
  const abrupt = (exitCode: number, message: string) => () =>
    abruptEvent({ changes, events }, { at: at(), exitCode, message });
  const cancel = context.onExit((code) => end(abrupt(code, 'ended at once, in the middle of what is under way')));
  return {
    planned: (plan) => {
      changes.push(...plan.changes);
      line(planEvent(plan));
    },
    event: (event) => {
      events.push(event);
      line(event);
    },
    total: (total, { code, lost }) => {
      if (lost !== null) warn(lost, context);
      end(() => summaryEvent(total, { at: at(), exitCode: code }));
    },
    refused: (failure) => {
      end(() => refusalEvent(failure, at()));
      return reportFailure(context, failure);
    },
    broken: () => end(abrupt(EXIT.error, 'unexpected: a bug in fleet, told on standard error')),
  };
}

function textOutput(context: Context): ApplyOutput {
  let progress: Progress | null = null;
  let planned: Plan | null = null;
  return {
    planned: (plan) => {
      planned ??= plan;
      context.stdout.write(formatPlan(plan, { color: context.color() }));
    },
    event: (event) => {
      progress ??= openProgress(context.stderr, planned?.changes.length ?? 0, context.color());
      progress.show(event);
    },
    total: (total, { saved, lost }) => {
      progress?.end();
      if (lost !== null) warn(lost, context);
      // Also where there was nothing to change: what was found meanwhile is written down by every apply.
      for (const warning of total.warnings) if (warning.code !== lost?.code) warn(warning, context);
      if ((planned?.changes.length ?? 0) > 0) context.stdout.write(`\n${formatTotal(total, saved)}`);
    },
    refused: (failure) => {
      progress?.end();
      return reportFailure(context, failure);
    },
    broken: () => progress?.end(),
  };
}

function warn(failure: Cause, context: Context): void {
  context.stderr.write(formatWarning(failure, paintWith(context.color() && context.stderr.isTerminal)));
}
