import { unseenServers } from '../../diff/unseen-servers.ts';
import type { Observed } from '../../observe/state.ts';
import type { Supervisor } from '../../spec/model.ts';
import type { RunCommand } from '../command.ts';
import { lookExitCode } from '../exit-codes.ts';
import { lookWithoutMemory } from '../look.ts';
import { reportFailure } from '../report.ts';

export const observeCommand: RunCommand = async (args, context) => {
  const seen = await lookWithoutMemory(args, context);
  if (!seen.ok) return reportFailure(context, seen.error);
  const { observed, elsewhere, roster } = seen.value;
  context.stdout.write(`${JSON.stringify(observed)}\n`);
  for (const { host, tenant, why } of elsewhere) context.log.warn({ host, tenant }, `not observed: ${why}`);
  return lookExitCode(isComplete(observed, roster.supervisor) && elsewhere.length === 0);
};

/** Every source known, and within tmux every server. Without systemd as supervisor its sources do not exist. */
export function isComplete(observed: Observed, supervisor: Supervisor): boolean {
  const { tmux, units, linger, ...others } = observed.sources;
  const needed = supervisor === 'systemd' ? [tmux, units, linger] : [tmux];
  return (
    [...needed, ...Object.values(others)].every((source) => source.status === 'known') &&
    (tmux.status === 'unknown' || unseenServers(tmux.value) === null)
  );
}
