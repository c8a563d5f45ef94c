/** The plan for people: one line of summary, then one block a change. The JSON form is the plan itself. */
import type {
  Action,
  Blocked,
  Change,
  DeferredChange,
  Ignored,
  Plan,
  Unobserved,
  View,
  ViewValue,
  Warning,
} from './plan.ts';

export interface TextOptions {
  readonly color: boolean;
}

type Paint = (code: number, text: string) => string;

const SYMBOLS: Record<Action, string> = {
  create: '+',
  start: '+',
  restart: '-/+',
  stop: '-',
  destroy: '-',
  disable: '~',
  enable: '~',
  update: '~',
  reload: '~',
  signal: '~',
};

const COLORS: Record<string, number> = { '+': 32, '~': 33, '-/+': 35, '-': 31, '!': 31, '?': 36 };

/** Ends in a newline. */
export function formatPlan(plan: Plan, options: TextOptions): string {
  const paint: Paint = (code, text) => (options.color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const sections = [
    summaryLine(plan),
    ...plan.changes.map((c) => changeBlock(c, paint)),
    ...plan.deferred.map((c) => deferredBlock(c, paint)),
    ...plan.blocked.map((b) => blockedBlock(b, paint)),
    ...plan.unknown.map((u) => unknownBlock(u, paint)),
    ...list('Warnings', plan.warnings.map(warningLine)),
    ...list(
      'Ignored by the roster',
      plan.ignored
        .filter((i) => i.pause === undefined)
        .map((i) => `${i.address} ${i.reason}${i.path ?? ''}: ${i.rule.reason} (line ${i.rule.line})`),
    ),
    ...list('Paused, left alone', plan.ignored.flatMap(pausedLine)),
    ...list(
      'Unmanaged, left alone',
      plan.unmanaged.map((u) => `${u.address}: ${u.why}`),
    ),
  ];
  return `${sections.join('\n\n')}\n`;
}

function summaryLine(plan: Plan): string {
  const observed = plan.hosts.filter((h) => h.status !== 'unreachable').length;
  const hosts = `${observed} of ${plan.hosts.length} ${plan.hosts.length === 1 ? 'host' : 'hosts'} observed`;
  const { summary: s } = plan;
  const parts = [
    ...(['create', 'start', 'restart', 'enable', 'disable', 'update', 'reload', 'signal', 'stop', 'destroy'] as const)
      .filter((a) => s[a] > 0)
      .map((a) => `${s[a]} to ${a}`),
    ...(['deferred', 'blocked'] as const).filter((k) => s[k] > 0).map((k) => `${s[k]} ${k}`),
    ...(s.unknown > 0 ? [`${s.unknown} not observed`] : []),
  ];
  const quiet = plan.complete ? 'No changes. The world matches the roster' : 'No changes where it could be observed';
  const verdict =
    parts.length === 0
      ? quiet
      : plan.changes.length === 0
        ? `No changes: ${parts.join(', ')}`
        : `Plan: ${parts.join(', ')}`;
  const agents = `${s.unchanged} ${s.unchanged === 1 ? 'agent' : 'agents'} unchanged`;
  return `${verdict}. ${hosts}; ${agents}.`;
}

function head(symbol: string, address: string, rest: string, paint: Paint): string {
  return `${paint(COLORS[symbol] ?? 0, `${symbol} ${address}`)}  ${rest}`;
}

function changeBlock(c: Change, paint: Paint): string {
  const roster = c.source === null ? [] : [`roster: ${c.source.file}:${c.source.line}`];
  const lines = [...viewLines(c.before, c.after), ...c.evidence.map((e) => `because: ${e}`), ...roster];
  return [head(SYMBOLS[c.action], c.address, `${c.action} (${c.reason})`, paint), ...indent(lines)].join('\n');
}

function deferredBlock(c: DeferredChange, paint: Paint): string {
  const remedy = c.remedy === null ? [] : [`to go on: ${c.remedy}`];
  const lines = [...viewLines(c.before, c.after), ...c.evidence.map((e) => `because: ${e}`), ...remedy];
  const what = `${c.action} deferred: ${c.why} (${c.reason})`;
  return [head(SYMBOLS[c.action], c.address, what, paint), ...indent(lines)].join('\n');
}

function blockedBlock(b: Blocked, paint: Paint): string {
  const roster = b.source === null ? [] : [`roster: ${b.source.file}:${b.source.line}`];
  const lines = [...b.evidence.map((e) => `because: ${e}`), `to go on: ${b.remedy}`, ...roster];
  return [head('!', b.address, `blocked by ${b.guard} (${b.reason})`, paint), ...indent(lines)].join('\n');
}

function unknownBlock(u: Unobserved, paint: Paint): string {
  return [head('?', u.address, `not observed (${u.why})`, paint), ...indent([u.detail])].join('\n');
}

function warningLine(w: Warning): string {
  return `${w.address} ${w.reason}: ${w.evidence.join('; ')}`;
}

function pausedLine(i: Ignored): readonly string[] {
  if (i.pause === undefined) return [];
  const until = i.rule.until === null ? '' : ` until ${i.rule.until}`;
  const what = i.reason === 'paused' ? '' : ` ${i.reason}`;
  return [`${i.address}${what}: ${i.rule.reason} (by ${i.pause.by} since ${i.pause.since}${until})`];
}

function list(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [[`${title}:`, ...indent(lines)].join('\n')];
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `    ${printable(line)}`);
}

/** What is read now and what it should be, one line a field. */
function viewLines(before: View, after: View): readonly string[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return fields.flatMap((field) => {
    const was = before[field];
    const will = after[field];
    if (JSON.stringify(was) === JSON.stringify(will)) return [];
    if (will === undefined) return [`${field}: ${show(was)} -> (none)`];
    return [`${field}: ${was === undefined ? '(none)' : show(was)} -> ${show(will)}`];
  });
}

function show(value: ViewValue | undefined): string {
  if (typeof value === 'string')
    return /^[0-9a-f]{40,}$/.test(value) ? `${value.slice(0, 12)}…` : value === '' ? '""' : value;
  return JSON.stringify(value);
}

/** Control characters from a host or a roster must not move the reader's cursor. */
function printable(line: string): string {
  return line.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
