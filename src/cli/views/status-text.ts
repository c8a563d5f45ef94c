/** `fleet status` for people. Pure. */
import type { Condition } from '../../reconcile/control/conditions.ts';
import type { AgentStatus, StatusDocument, Waiting } from '../../reconcile/control/status.ts';
import type { Health } from './status-health.ts';
import { formatAge, formatTable, paintWith, printable } from './text.ts';

export interface ToldStatus {
  readonly document: StatusDocument;
  readonly health: Health;
  /** Unix milliseconds. */
  readonly now: number;
}

export function formatStatus({ document, health, now }: ToldStatus, options: { readonly color: boolean }): string {
  const paint = paintWith(options.color);
  const { fleet, host, tenant, controller, roster, agents, stopped, pauses } = document;
  const since = (at: string): string => formatAge(Math.max(0, now - Date.parse(at)));
  const all = Object.entries(agents);
  const ready = all.filter(([, agent]) => condition(agent, 'Ready')?.status === 'True').length;
  const lines = [
    paint('bold', `${printable(fleet)} on ${host}/${tenant}: ${ready} of ${all.length} agents ready`),
    ...health.problems.map((problem) => paint('red', `! ${printable(problem)}`)),
    `controller: pid ${controller.pid}, up ${since(controller.started_at)}, heartbeat ${since(controller.beat_at)} ago, ${controller.passes} ${controller.passes === 1 ? 'pass' : 'passes'}`,
    `roster: ${printable(roster.path)} ${roster.sha256.slice(0, 12)}${roster.commit === null ? '' : ` of commit ${roster.commit.slice(0, 12)}`}, in force for ${since(roster.in_force_since)}`,
  ];
  if (roster.refused !== null) {
    const [first = '', ...more] = roster.refused.message.split('\n').map(printable);
    lines.push(paint('red', `! the roster on disk is refused for ${since(roster.refused.since)}: ${first}`));
    lines.push(...more.map((line) => `  ${line}`));
  }
  if (stopped !== null) lines.push(paint('yellow', `! nothing is done: ${printable(stopped)}`));
  for (const pause of pauses) {
    const until = pause.until === null ? '' : overdue(pause.until, now);
    lines.push(
      `paused: ${printable(pause.target ?? 'everything')} by ${printable(pause.by)} for ${since(pause.since)}${until}: ${printable(pause.reason)}`,
    );
  }
  const rows = all.map(([name, agent]) => cells(name, agent, since));
  return `${lines.join('\n')}\n${rows.length === 0 ? '' : `\n${formatTable(HEADER, rows)}`}`;
}

const HEADER = ['AGENT', 'READY', 'FOR', 'RESTARTS', 'NOTE'];

function cells(name: string, agent: AgentStatus, since: (at: string) => string): readonly string[] {
  const ready = condition(agent, 'Ready');
  const { recent, limit } = agent.restarts;
  return [
    name,
    ready?.status ?? '?',
    ready === undefined ? '-' : since(ready.last_transition),
    recent === 0 ? '-' : `${recent} of ${limit}`,
    noteOf(agent, since) || '-',
  ];
}

/** What is in the way, the most telling first. */
function noteOf(agent: AgentStatus, since: (at: string) => string): string {
  const telling = (['Paused', 'Stalled'] as const).map((type) => condition(agent, type));
  const held = telling.filter((c) => c?.status === 'True').map((c) => `${c?.reason}: ${c?.message}`);
  const ready = condition(agent, 'Ready');
  const down = ready?.status === 'True' || ready === undefined ? [] : [`${ready.reason}: ${ready.message}`];
  const waits = agent.waiting.map((waiting) => formatWaiting(waiting, since));
  return printable([...held, ...waits, ...down][0] ?? '');
}

function formatWaiting(
  { action, reason, why, detail, since: at, at_most }: Waiting,
  since: (at: string) => string,
): string {
  const waited = at === null ? '' : ` for ${since(at)}`;
  const left = at_most === null ? '' : `, looked at again in ${formatAge(at_most)}`;
  return `${action} (${reason}) waits${waited}, ${why}: ${detail}${left}`;
}

function condition(agent: AgentStatus, type: Condition['type']): Condition | undefined {
  return agent.conditions.find((c) => c.type === type);
}

function overdue(until: string, now: number): string {
  const left = Date.parse(until) - now;
  return left < 0 ? `, overdue by ${formatAge(-left)}` : `, ${formatAge(left)} left`;
}
