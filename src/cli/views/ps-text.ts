/** `fleet ps` for people: `-` is "none", `?` is "could not be told". Pure. */
import type { PsDocument, PsDrift, PsPaused, PsRow } from './ps-rows.ts';
import { formatAge, formatTable, paintWith, printable } from './text.ts';

const HEADER = ['HOST', 'TENANT', 'AGENT', 'UNIT', 'BOOT', 'SESSION', 'RUNTIME', 'PID', 'IDLE', 'HEARTBEAT', 'DRIFT'];

export function formatPs(ps: PsDocument, options: { readonly color: boolean }): string {
  const paint = paintWith(options.color);
  const table = ps.agents.length === 0 ? 'No agents.\n' : formatTable(HEADER, ps.agents.map(cells));
  const [header = '', ...rows] = table.split('\n');
  const coloured = [
    paint('bold', header),
    ...rows.map((row, i) => (drifts(ps.agents[i]) ? paint('yellow', row) : row)),
  ];
  const unmanaged = ps.unmanaged.map((u) => `  ${printable(u.address)}: ${printable(u.why)}\n`);
  const paused = ps.paused.map((p) => `  ${printable(pausedLine(p))}\n`);
  const errors = [...new Set(ps.agents.flatMap((a) => (a.error === null ? [] : [a.error])))];
  return [
    coloured.join('\n'),
    unmanaged.length === 0 ? '' : `\nUnmanaged (on no roster, left alone):\n${unmanaged.join('')}`,
    paused.length === 0 ? '' : `\nPaused, left alone:\n${paused.join('')}`,
    errors.length === 0 ? '' : `\nNot looked at:\n${errors.map((e) => `  ${e}\n`).join('')}`,
  ].join('');
}

function pausedLine({ address, reason, by, since, until, overdue }: PsPaused): string {
  const end = until === null ? '' : ` until ${until}${overdue ? ', overdue' : ''}`;
  return `${address}: ${reason} (by ${by} since ${since}${end})`;
}

function cells(row: PsRow): readonly string[] {
  return [
    row.host,
    row.tenant,
    row.agent,
    row.unit === null ? '-' : unitCell(row.unit),
    row.boot === 'unknown' ? '?' : (row.boot ?? '-'),
    sessionCell(row),
    runtimeCell(row),
    row.pid === null ? '-' : String(row.pid),
    row.idle_ms === null ? '-' : formatAge(row.idle_ms),
    heartbeatCell(row),
    row.drift.map(formatDrift).join(', ') || '-',
  ];
}

function unitCell(unit: { readonly active: string; readonly sub: string | null }): string {
  if (unit.active === 'unknown') return '?';
  return unit.sub === null || unit.sub === '' ? unit.active : `${unit.active} (${unit.sub})`;
}

function sessionCell(row: PsRow): string {
  if (row.session === 'unknown') return '?';
  if (row.session === 'absent') return row.wanted_state === 'stopped' ? 'stopped' : 'absent';
  return row.attached === null || row.attached === 0 ? 'present' : `attached (${row.attached})`;
}

/** Wanted, and what is seen where it differs. */
function runtimeCell({ runtime }: PsRow): string {
  if (runtime.seen === null || runtime.seen === runtime.wanted) return runtime.wanted;
  return `${runtime.wanted}, seen ${runtime.seen === 'unknown' ? '?' : runtime.seen}`;
}

function heartbeatCell({ heartbeat, readiness }: PsRow): string {
  return `${heartbeat.age_ms === null ? '-' : formatAge(heartbeat.age_ms)}/${readiness}`;
}

function formatDrift(drift: PsDrift): string {
  return drift.state === 'pending' ? drift.reason : `${drift.reason} (${drift.state})`;
}

function drifts(row: PsRow | undefined): boolean {
  return row?.drift.some((d) => d.state !== 'warning') === true;
}
