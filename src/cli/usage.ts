/** Help texts, from the tables of commands and flags. */
import type { Command } from './command.ts';
import { COMMANDS } from './commands.ts';
import type { FlagName } from './flags.ts';
import { COMMON_FLAGS, flagSpec, formatFlag } from './flags.ts';

export function formatOverview(): string {
  const width = Math.max(...COMMANDS.map((c) => c.name.length));
  const lines = COMMANDS.map((c) => `  ${c.name.padEnd(width)}  ${c.summary}`);
  return [
    'fleet keeps a roster of always-on agents running in tmux sessions on Linux hosts.',
    '',
    'Usage: fleet COMMAND [flags]',
    '',
    ...lines,
    '',
    'fleet COMMAND --help tells more; fleet --version tells the version.',
    '',
  ].join('\n');
}

export function formatCommandHelp(command: Command): string {
  const operands = command.operands.map((o) => (o.required ? ` ${o.name}` : ` [${o.name}]`)).join('');
  const notes = command.notes.length === 0 ? [] : ['', ...command.notes];
  return [
    `fleet ${command.name}: ${command.summary}.`,
    '',
    `Usage: fleet ${command.name}${operands} [flags]`,
    '',
    ...formatFlags([...command.flags, ...COMMON_FLAGS]),
    ...notes,
    '',
  ].join('\n');
}

function formatFlags(flags: readonly FlagName[]): readonly string[] {
  const width = Math.max(...flags.map((f) => formatFlag(f).length));
  return flags.map((f) => `  ${formatFlag(f).padEnd(width)}  ${flagSpec(f).help}`);
}
