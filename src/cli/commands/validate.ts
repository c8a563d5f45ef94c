import { formatDiagnostic } from '../../spec/diagnostics.ts';
import type { Roster } from '../../spec/model.ts';
import { has, type RunCommand, value } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { reportFailure, reportUsage } from '../report.ts';
import { type RosterFailure, readRoster } from '../roster-file.ts';

export const validate: RunCommand = async (args, context) => {
  const operand = args.operands[0] ?? null;
  const flag = value(args, 'file');
  if (operand !== null && flag !== null) {
    return reportUsage(context, { message: `two rosters: ${operand} and -f ${flag}`, remedy: 'name one' });
  }
  const roster = readRoster(operand ?? flag, context);
  if (has(args, 'json')) {
    const document = roster.ok ? validDocument(roster.value) : invalidDocument(roster.error);
    context.stdout.write(`${JSON.stringify(document)}\n`);
    return roster.ok ? EXIT.done : roster.error.code;
  }
  if (roster.ok) {
    context.stdout.write(formatValid(roster.value));
    return EXIT.done;
  }
  if (roster.error.diagnostics.length === 0) return reportFailure(context, roster.error);
  for (const problem of roster.error.diagnostics) context.stderr.write(`${formatDiagnostic(problem)}\n`);
  return roster.error.code;
};

/** `fleet.validation`, format 1.0. */
const HEAD = { format_version: '1.0', kind: 'fleet.validation' } as const;

function validDocument(roster: Roster): object {
  const { path, sha256, fleet, layout, supervisor } = roster;
  const about = { path, sha256, fleet, layout, supervisor, agents: roster.agents.map((a) => a.name) };
  return { ...HEAD, valid: true, roster: about, diagnostics: [] };
}

function invalidDocument(failure: RosterFailure): object {
  const missing = {
    code: 'roster-missing',
    summary: 'No roster',
    detail: failure.message,
    remedy: failure.remedy,
    position: null,
  };
  const diagnostics = failure.diagnostics.length === 0 ? [missing] : failure.diagnostics;
  return { ...HEAD, valid: false, roster: failure.path === null ? null : { path: failure.path }, diagnostics };
}

function formatValid(roster: Roster): string {
  const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  const stopped = roster.agents.filter((a) => a.state === 'stopped').length;
  const note = stopped === 0 ? '' : `, ${stopped} of them stopped`;
  const how = `fleet ${roster.fleet}, layout ${roster.layout}, supervisor ${roster.supervisor}`;
  return `${roster.path} is valid: ${count(roster.agents.length, 'agent')}${note} (${how})\n`;
}
