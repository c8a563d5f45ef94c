/** What apply tells while it works, and its last word. Pure. */
import type { ApplyEvent, ApplySummary, Failure } from '../../reconcile/outcome.ts';
import { unreachable } from '../../spec/result.ts';
import type { ApplyTotal } from '../apply-passes.ts';
import { type Paint, printable } from './text.ts';

/** One line (with its evidence lines, indented), or null for what is only shown while it lasts. */
export function formatEvent(event: ApplyEvent, paint: Paint): string | null {
  switch (event.event) {
    case 'started':
    case 'waiting':
    case 'summary':
      return null;
    case 'applied':
      return `${paint('green', 'done')}     ${what(event)}\n`;
    case 'failed':
      return `${paint('red', 'failed')}   ${what(event)}: ${formatFailure(event.failure)}`;
    case 'skipped':
      return `${paint('yellow', 'skipped')}  ${what(event)}: ${event.why}: ${printable(event.detail)}\n`;
    default:
      return unreachable(event);
  }
}

/** What went wrong besides the changes. */
export function formatWarning(failure: Failure, paint: Paint): string {
  return `${paint('yellow', 'warning')}  ${formatFailure(failure)}`;
}

function formatFailure({ summary, detail, remedy, evidence }: Failure): string {
  const more = [...evidence, ...(remedy === null ? [] : [`next: ${remedy}`])];
  const lines = more.map((line) => `           ${printable(line)}\n`).join('');
  return `${printable(`${summary}: ${detail}`)}\n${lines}`;
}

/** What is under way, for a live line on a terminal and for plain lines elsewhere. */
export function formatActivity(event: ApplyEvent): string | null {
  if (event.event === 'started') return what(event);
  if (event.event === 'waiting') return `${what(event)}: waiting for ${printable(event.for)}`;
  return null;
}

function what(event: Exclude<ApplyEvent, { event: 'summary' }>): string {
  return `${event.action} ${printable(event.address)} (${event.reason})`;
}

/** `saved`: a saved plan, after which nothing was planned anew. */
export function formatTotal(total: ApplyTotal, saved = false): string {
  const { summary, plan } = total;
  const left = [
    [plan.deferred.length, 'deferred'],
    [plan.blocked.length, 'blocked'],
    [plan.unknown.length, 'not observed'],
  ] as const;
  const rest = left.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  const head = summary.interrupted ? 'Interrupted. ' : '';
  const { 'not-attempted': never } = summary.skipped;
  const goOn = summary.interrupted || never > 0 ? ` ${toGoOn(total)}` : '';
  const tail = rest.length === 0 ? '' : ` Left alone: ${rest.join(', ')}; fleet plan shows why.`;
  const again =
    saved && summary.replan_needed ? ' What could not be seen before can be now: run fleet plan again.' : '';
  const done = saved && nothingLeft(summary) ? ' Nothing was left to do.' : '';
  return `${head}${counts(summary)}.${done}${again}${tail}${goOn}\n`;
}

/** Where a PAUSED file stopped it, another apply would do nothing either. */
function toGoOn({ brake }: ApplyTotal): string {
  if (brake === null) return 'Run fleet apply again: it goes on with what is left.';
  const remedy = brake.remedy === null ? '' : `, ${brake.remedy}`;
  return printable(`${brake.summary}: ${brake.detail}${remedy}, then run fleet apply again.`);
}

/** Made before: every change was found as wanted. */
function nothingLeft({ applied, failed, skipped }: ApplySummary): boolean {
  const { 'already-satisfied': satisfied, ...others } = skipped;
  return satisfied > 0 && applied + failed === 0 && Object.values(others).every((n) => n === 0);
}

function counts(summary: ApplySummary): string {
  const skipped = Object.entries(summary.skipped).filter(([, n]) => n > 0);
  const parts = [
    `Applied ${summary.applied} change${summary.applied === 1 ? '' : 's'}`,
    ...(summary.failed > 0 ? [`${summary.failed} failed`] : []),
    ...skipped.map(([why, n]) => `${n} skipped (${why})`),
  ];
  return parts.join(', ');
}
